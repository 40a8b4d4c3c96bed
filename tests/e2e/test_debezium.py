# SPDX-License-Identifier: Apache-2.0
"""What the real Debezium writes and what multisink writes, held against each other.

The recorded files (tests/golden/debezium) are what the unit tests of the writer check every change against, without
Java; here is the comparison itself, shown to find damage, and, in the long form, both programs on one server."""
import collections
import re

import pytest

import debezium_diff as diff
import debezium_rules
import servers
import servers_kafka
import zoo
from debezium_stoppers import Stopped

FILES = sorted(zoo.GOLDEN.glob("*-[23][35].jsonl"))


@pytest.fixture(scope="module")
def recorded():
    return diff.load(zoo.GOLDEN / "envelope-25.jsonl")[1]


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_every_recording_is_complete_and_equals_itself(path):
    head, records = diff.load(path)
    name, version = path.stem.rsplit("-", 1)
    assert head["connector"] == name and head["version"].replace(".", "").startswith(version)
    assert head["config"] == zoo.CONFIGS[name][1], "recorded with another configuration: scripts/golden-debezium"
    few = 15 if name in zoo.MODES else 5 if name.startswith("deletes_") else 50
    assert len({r.topic for r in records}) > few
    found = diff.compare(records, records)
    assert found.faults == [] and found.records == len(records) > 80
    for record in records:
        for text in (record.key, record.value):
            assert text is None or diff.written(diff.parse(text)) == text


def test_the_scenario_has_its_changes():
    changes = diff.lines(zoo.GOLDEN / "changes.jsonl")
    ops = [c["change"]["op"] for c in changes if "change" in c]
    assert len([op for op in ops if op != "R"]) >= 300
    assert {op: ops.count(op) > 3 for op in "IUDTR"} == dict.fromkeys("IUDTR", True)
    assert [c["phase"] for c in changes if "phase" in c] == [name for name, _ in zoo.phases()[1:]]


def changed(records, at, **parts):
    return [*records[:at], records[at]._replace(**parts), *records[at + 1:]]


def find(records, ending, op):
    """The place of the first such record."""
    return next(n for n, r in enumerate(records) if r.topic.endswith(ending) and r.value and f'"op":"{op}"' in r.value)


def replaced(old, new):
    return lambda records, n: changed(records, n, value=records[n].value.replace(old, new, 1))


# What is done to the record of the first row of zoo.many that a transaction writes.
DAMAGE = {
    "a value": replaced('"after":{"id":100,"v":"tx"', '"after":{"id":100,"v":"ty"'),
    "a number's form": replaced('"after":{"id":100', '"after":{"id":100.0'),
    "a number as text": replaced('"after":{"id":100', '"after":{"id":"100"'),
    "null for text": replaced('"v":"tx"', '"v":null'),
    "a space": replaced('"before":', '"before": '),
    "an escape": replaced('"v":"tx"', '"v":"\\u0074x"'),
    "the order of members": replaced('{"id":100,"v":"tx"}', '{"v":"tx","id":100}'),
    "a member too many": replaced('{"id":100,"v":"tx"}', '{"id":100,"v":"tx","w":null}'),
    "an LSN": replaced('"lsn":', '"lsn":1'),
    "the commit time": replaced('"name":"envelope-25","ts_ms":', '"name":"envelope-25","ts_ms":1'),
    "the operation": replaced('"op":"c"', '"op":"u"'),
    "the schema": replaced('"optional":true,"field":"v"', '"optional":false,"field":"v"'),
    "a tombstone for a row": lambda r, n: changed(r, n, value=None),
    "a key": lambda r, n: changed(r, n, key=r[n].key.replace('"id":100', '"id":101')),
    "no key": lambda r, n: changed(r, n, key=None),
    "a header": lambda r, n: changed(r, n, headers=[("x", "1")]),
    "a missing record": lambda r, n: [*r[:n], *r[n + 1:]],
    "a record twice": lambda r, n: [*r[:n], r[n], *r[n:]],
    "two in another order": lambda r, n: [*r[:n], r[n + 1], r[n], *r[n + 2:]],
    "another topic": lambda r, n: changed(r, n, topic=r[n].topic + "s"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_found(recorded, name):
    first = '"after":{"id":100,"v":"tx"'
    at = next(n for n, r in enumerate(recorded) if r.topic.endswith(".many") and first in (r.value or ""))
    damaged = DAMAGE[name](recorded, at)
    assert damaged != recorded
    assert diff.compare(recorded, damaged).faults, name


def test_the_clock_is_not_compared(recorded):
    at = find(recorded, ".many", "u")
    value = diff.parse(recorded[at].value)
    value["payload"]["ts_ms"] = diff.Number("1")
    assert diff.compare(recorded, changed(recorded, at, value=diff.written(value))).faults == []


def test_a_rule_allows_what_it_names_and_nothing_else(recorded):
    rule = diff.Rule("v", "only this one", lambda p: p.path == ("payload", "after", "v") and p.topic.endswith(".many"))
    at = find(recorded, ".many", "c")
    value = recorded[at].value.replace('"after":{"id":100,"v":"tx"', '"after":{"id":100,"v":"ty"')
    found = diff.compare(recorded, changed(recorded, at, value=value), [rule])
    assert found.faults == [] and found.used == {"v": 1}
    value = value.replace('"after":{"id":100', '"after":{"id":101')
    assert diff.compare(recorded, changed(recorded, at, value=value), [rule]).faults != []


@pytest.mark.parametrize("rule", debezium_rules.RULES, ids=lambda r: r[0])
def test_each_allowed_difference_is_seen_in_a_recording_of_the_real_one(rule):
    name, _, _, (recording, topic, text) = rule
    records = diff.load(zoo.GOLDEN / f"{recording}.jsonl")[1]
    assert any(r.topic.endswith(topic) and text in f"{r.key} {r.value}" for r in records), name


# Table, column, what the real one wrote, and a value of ours that is neither that nor right.
WRONG = [
    ("zoo.toast", "t", debezium_rules.PLACEHOLDER, "wrong"), ("zoo.toast", "t", debezium_rules.PLACEHOLDER, None),
    ("zoo.toast", "i2a", None, [diff.Number("1"), None]), ("zoo.toast", "n", "Infinity", "wrong"),
    ("zoo.far_times", "ts", diff.Number("5"), "1999-01-01 00:00:00"), ("zoo.numbers", "x", diff.MISSING, "wrong"),
    ("zoo.special_numbers", "id", None, "-Infinity"), ("zoo.special_numbers", "n", None, "wrong"),
    ("zoo.infinite_times", "d", diff.Number("-622191234"), diff.Number("-622191235")),
    ("zoo.odd_numbers", "neg", "12300." + "0" * 2046, "12400"), ("zoo.nested_arrays", "i", None, [["1"], ["2"]]),
    ("zoo.more_arrays", "lt", None, ["a.c"]), ("zoo.defaults", "i4", diff.Number("42"), diff.Number("43")),
    ("zoo.arrays", "tiz", "10:34:56Z", "10:34:57.789Z"), ("zoo.bits", "v1", None, "1"),
    ("zoo.times", "tz", "00:00:00Z", "00:00Z"),
]


@pytest.mark.parametrize("table, column, real, ours", WRONG)
def test_no_rule_allows_a_wrong_value(table, column, real, ours):
    record = diff.Golden(f"nulls-25.{table}", '{"id":1}', '{"after":{"id":1}}', [("__debezium.oldkey", '{"id":2}')])
    place = diff.Place(record.topic, "value", ("payload", "after", column), real, ours, record)
    assert [rule.name for rule in debezium_rules.rules() if rule.allows(place)] == []


# What the short form has of CONFIGS: an envelope and an unwrapped row, with schemas and without, and other modes.
SHORT = ("envelope", "nulls", "bare", "rewrite", "strings")


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("version", ["2.5", "3.3"])
def test_the_real_one_and_multisink_write_the_same(run, version, long):
    """Every configuration on one server, each with a slot of its own; record by record, byte by byte."""
    if version != "2.5" and not long:
        pytest.skip("long form only: MULTISINK_LONG=1")
    real = zoo.connectors(None if long else SHORT, versions=(version,))
    ours = [zoo.Ours(c.name, version) for c in real]
    with servers.Postgres(run, database="zoo", max_connections="200", max_replication_slots="60",
                          max_wal_senders="60", timezone="UTC") as pg, servers_kafka.Kafka(run) as kafka, \
            servers_kafka.Connect(run, kafka, version, heap="1g") as worker, pg.connect() as db:
        records = both_write(run, pg, kafka, worker, db, real, ours)
    faults, used = [], collections.Counter()
    for a, b in zip(real, ours):
        found = held_against_each_other(a, b, records)
        faults += [f"{a.prefix}: {fault}" for fault in found.faults]
        used.update(found.used)
    assert not faults, "\n".join([f"{len(faults)} differences", *by_kind(faults)])
    unmet = {rule[0] for rule in debezium_rules.RULES if rule[3][0] in {c.prefix for c in real}} - set(used)
    assert not unmet, f"allowed, and no difference: {unmet}"


def both_write(run, pg, kafka, worker, db, real, ours):
    """Their records by prefix, once all have seen the whole scenario."""
    setup, *phases = zoo.phases()
    zoo.run_phase(db, *setup)
    for connector in real:
        connector.start(worker, pg)
    try:
        for connector in ours:
            connector.start(run, pg, kafka)
        everyone = [*real, *ours]
        fences = zoo.Fences(pg, kafka, everyone)
        fences.wait(240)
        behind = False
        for name, statement in ((n, s) for n, statements in phases for s in statements):
            alters = re.match("ALTER|CREATE|DROP", statement)
            if alters and behind:  # the catalog, which both ask, must not be ahead of what they read
                fences.raise_one(db)
                fences.wait(240)
            behind = not alters
            zoo.run_phase(db, name, [statement])
        fences.raise_one(db)
        fences.wait(240)
        assert everyone == [*real, *ours], "some of them failed; see above"
        return zoo.records_of(kafka, everyone)
    finally:
        for connector in ours:
            if connector.worker:
                connector.worker.close()


def by_kind(faults):
    """One of each kind, with their number, most frequent first: what differs in a column differs in every row."""
    kinds = collections.defaultdict(list)
    for fault in faults:
        kinds[re.sub(r"fields\.(before|after)\.|payload\.(before|after)\.|: real .*", " ", fault)].append(fault)
    ordered = sorted(kinds.values(), key=len, reverse=True)
    return [f"{len(found)} x {found[0][:300]}" for found in ordered[:150]]


def held_against_each_other(real, ours, records):
    theirs, used = debezium_rules.mended(diff.of_kafka(zoo.kept_beats(records[real.prefix])))
    mine = diff.with_prefix(diff.of_kafka(zoo.kept_beats(records[ours.prefix])), ours.prefix, real.prefix)
    mine = debezium_rules.of_messages(mine, collections.Counter())
    theirs, at_index = debezium_rules.ident_index(theirs)
    mine, rows = debezium_rules.ident_index(mine)
    used["D6"] += at_index != rows
    found = diff.compare(theirs, mine, debezium_rules.rules())
    found.used.update(used)
    if rows != (debezium_rules.IDENT_INDEX if at_index else []):
        found.faults.append(f"zoo.ident_index: {rows}")
    return found


def test_what_stops_the_real_one_for_good(run, long):
    """So a comparison cannot have these: each shown by its own case."""
    if not long:
        pytest.skip("long form only: MULTISINK_LONG=1")
    with servers.Postgres(run, max_connections="200", max_replication_slots="60", max_wal_senders="60") as pg, \
            servers_kafka.Kafka(run) as kafka, servers_kafka.Connect(run, kafka, "2.5") as old, \
            servers_kafka.Connect(run, kafka, "3.3") as new:
        stopped = Stopped(pg, {"2.5": old, "3.3": new})
        stopped.start(servers_kafka.debezium_config)
        servers.wait_until(stopped.streaming, 120, "all connectors stream or have failed", 0.3)
        stopped.change()
        try:
            servers.wait_until(lambda: not stopped.not_stopped(), 60, "all connectors have failed", 0.5)
        except TimeoutError:
            assert stopped.not_stopped() == []
