# SPDX-License-Identifier: Apache-2.0
"""The checker must see every kind of damage, wherever it is; these tests need no server."""
import copy
import random

import pytest

import checker


def table(count=200):
    return {n: (f"content-{n % 7}", n * 3, None if n % 5 == 0 else "web") for n in range(count)}


def body(key, version):
    return {"id": key, "duration_ms": version * 10, "raw_payload": {"v": version}}


def history(keys=40, seed=3):
    """Events of many keys, mixed: insert, some updates, and a delete for every fourth; and the rows that are left."""
    r = random.Random(seed)
    queues = []
    for key in range(keys):
        events = [("insert", body(key, 0))] + [("update", body(key, v)) for v in range(1, r.randint(1, 5))]
        if key % 4 == 0:
            events.append(("delete", body(key, len(events) - 1)))
        queues.append(events)
    mixed = []
    while any(queues):
        queue = r.choice([q for q in queues if q])
        op, content = queue.pop(0)
        mixed.append({"id": f"evt-{len(mixed)}", "op": op, "body": content})
    rows = {}
    for event in mixed:
        rows[event["body"]["id"]] = event["body"]
        if event["op"] == "delete":
            del rows[event["body"]["id"]]
    return mixed, rows


@pytest.fixture(params=range(5))
def seeded(request):
    return random.Random(request.param)


def test_exact_rows_have_no_fault():
    assert checker.compare_rows(table(), table(), "x") == []


def test_a_dropped_row_is_seen(seeded):
    actual = table()
    del actual[seeded.randrange(200)]
    assert any("lost" in f for f in checker.compare_rows(table(), actual, "x"))


def test_a_row_too_many_is_seen():
    assert any("extra" in f for f in checker.compare_rows(table(), {**table(), 999: ("a", 1, None)}, "x"))


def test_a_stale_value_is_seen(seeded):
    actual = table()
    key = seeded.randrange(200)
    actual[key] = (actual[key][0], actual[key][1] - 3, actual[key][2])
    assert any("stale" in f for f in checker.compare_rows(table(), actual, "x"))


def test_a_null_for_a_value_is_seen(seeded):
    actual = table()
    key = seeded.choice([k for k, v in actual.items() if v[2]])
    actual[key] = (*actual[key][:2], None)
    assert any("stale" in f for f in checker.compare_rows(table(), actual, "x"))


def test_many_faults_are_cut_but_never_to_none():
    faults = checker.compare_rows(table(), {}, "x")
    assert 0 < len(faults) <= checker.SHOWN + 1


def test_rising_stamps_have_no_fault():
    commits = {k: 1000 + 10 * k for k in range(100)}
    assert checker.compare_order(commits, {k: v + 1 for k, v in commits.items()}) == []


def test_swapped_stamps_are_seen(seeded):
    commits = {k: 1000 + 10 * k for k in range(100)}
    stamps = {k: v + 2000 for k, v in commits.items()}
    first, second = seeded.sample(range(100), 2)
    stamps[first], stamps[second] = stamps[second], stamps[first]
    assert any("stamp order" in f for f in checker.compare_order(commits, stamps))


def test_a_stamp_before_its_commit_is_seen():
    assert any("too early" in f for f in checker.compare_order({1: 1000}, {1: 999}))


def test_concurrent_commits_may_stand_either_way():
    assert checker.compare_order({1: 1000, 2: 1003}, {1: 1010, 2: 1005}, gap_us=5) == []


def test_equal_scores_have_no_fault_and_zero_is_absence():
    assert checker.compare_scores({"a": 3}, {"a": 3.0, "b": 0.0}) == []


@pytest.mark.parametrize("wrong, kind", [(2.0, "lost"), (4.0, "doubled")])
def test_a_score_that_is_off_by_one_is_seen(wrong, kind):
    assert any(kind in f for f in checker.compare_scores({"a": 3, "b": 1}, {"a": wrong, "b": 1.0}))


def test_an_unknown_member_is_seen():
    assert checker.compare_scores({}, {"ghost": 1.0})


def test_exact_events_have_no_fault():
    events, rows = history()
    assert checker.compare_events(events, rows, repeats_allowed=False) == []


def test_a_repeated_id_is_allowed_only_after_a_crash():
    events, rows = history()
    again = events + [copy.deepcopy(events[5])]
    assert checker.compare_events(again, rows) == []
    assert checker.compare_events(again, rows, repeats_allowed=False)


def test_any_dropped_event_is_seen():
    events, rows = history()
    for n in range(len(events)):
        assert checker.compare_events(events[:n] + events[n + 1:], rows), f"event {n} was dropped unseen"


def test_any_event_under_a_second_id_is_seen():
    events, rows = history()
    for n, event in enumerate(events):
        doubled = events[:n + 1] + [{**event, "id": "again"}] + events[n + 1:]
        assert checker.compare_events(doubled, rows), f"event {n} was doubled unseen"


def test_any_two_swapped_events_of_a_key_are_seen():
    events, rows = history()
    by_key = {}
    for n, event in enumerate(events):
        by_key.setdefault(event["body"]["id"], []).append(n)
    pairs = [(a, b) for places in by_key.values() for a, b in zip(places, places[1:])]
    assert len(pairs) > 50
    for a, b in pairs:
        swapped = list(events)
        swapped[a], swapped[b] = swapped[b], swapped[a]
        assert checker.compare_events(swapped, rows), f"events {a} and {b} were swapped unseen"


def test_any_stale_body_is_seen():
    events, rows = history()
    for n, event in enumerate(events):
        if event["op"] == "delete":
            continue
        stale = {**event, "body": body(event["body"]["id"], event["body"]["raw_payload"]["v"] + 1)}
        assert checker.compare_events(events[:n] + [stale] + events[n + 1:], rows), f"event {n} was stale unseen"


def test_one_id_with_two_bodies_is_seen():
    events, rows = history()
    other = copy.deepcopy(events[3])
    other["body"]["duration_ms"] = -1
    assert any("reused" in f for f in checker.compare_events(events + [other], rows))


def test_a_line_that_is_being_written_is_not_read(tmp_path):
    file = tmp_path / "received.jsonl"
    file.write_text('{"id": "a", "op": "insert", "body": {"id": 1}}\n{"id": "b", "op": "ins')
    assert [e["id"] for e in checker.read_events(file)] == ["a"]


def test_times_are_compared_as_instants():
    assert checker.normal_time("2026-01-01T02:00:00.5+02:00") == checker.normal_time("2026-01-01T00:00:00.500000Z")
    assert checker.normal_time("2026-01-01T00:00:00Z") != checker.normal_time("2026-01-01T00:00:00.000001Z")
