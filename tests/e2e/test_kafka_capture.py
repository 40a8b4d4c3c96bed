# SPDX-License-Identifier: Apache-2.0
"""Capture into a real Kafka: every change once and in order, whatever dies meanwhile; the slot follows what is there."""
import json
import time

import pytest

import servers
from servers import wait_until

TOPIC = "shop.public.t"
PARTITIONS = 3


def murmur2(data):
    """As org.apache.kafka.common.utils.Utils.murmur2, positive."""
    m, mask = 0x5bd1e995, 0xffffffff
    h = 0x9747b28c ^ len(data)
    whole = len(data) // 4 * 4
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i:i + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = (h * m & mask) ^ k
    if len(data) > whole:
        h = (h ^ int.from_bytes(data[whole:], "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return (h ^ h >> 15) & 0x7fffffff


def place(record):
    """A record's position as something to compare: epoch, LSN, ordinal, place."""
    epoch, high, low, ordinal, *rest = dict(record.headers)["multisink.position"].decode().split("/")
    return int(epoch), int(high, 16) << 32 | int(low, 16), int(ordinal), int(rest[0]) if rest else 0


def assert_positions_rise(records):
    last = {}
    for r in records:
        assert place(r) > last.get(r.partition, (0,)), f"partition {r.partition}, offset {r.offset}"
        last[r.partition] = place(r)
    assert len({place(r) for r in records}) == len(records)


@pytest.fixture
def source(run):
    with servers.Postgres(run) as server:
        server.execute("CREATE TABLE t (id bigint PRIMARY KEY, v int NOT NULL, note text)")
        server.execute("CREATE TABLE u (id bigint PRIMARY KEY, v int NOT NULL)")
        yield server


def pipeline(source, kafka, run, **more):
    stream = {"brokers": [kafka.brokers], "topic_prefix": "shop", "partitions": PARTITIONS,
              "dir": str(run.subdir("data")), "format": {"schemas": False}, **more}
    return {"version": 1, "name": "shop", "role": "capture", "stream": {"kafka": stream},
            "source": {"postgres": {"url": source.url, "slot": "cdc_slot", "tables": ["public.t", "public.u"]}}}


class Capture(servers.Multisink):
    """`run --role capture`: the stream is in Kafka, so that it has no data directory of a log."""

    def configure(self, config):
        import yaml
        self.config = config
        self.config_path.write_text(yaml.safe_dump(config, sort_keys=False))


def published(source, kafka, count, timeout=60):
    """All records of the table's topic, once there are so many."""
    return kafka.consume(TOPIC, count, timeout=timeout)


def test_a_snapshot_and_what_follows_are_in_the_topics(source, kafka, run):
    source.execute("INSERT INTO t SELECT i, 0, 'n' || i FROM generate_series(1, 500) i")
    source.execute("INSERT INTO u VALUES (1, 0)")
    with Capture(run, pipeline(source, kafka, run)):
        records = published(source, kafka, 500)
        marks = [json.loads(r.value)["source"]["snapshot"] for r in sorted(records, key=place)]
        assert marks == ["first"] + ["true"] * 498 + ["last_in_data_collection"]
        with source.connect() as db:
            db.execute("UPDATE t SET v = 1 WHERE id = 7")
            db.execute("UPDATE t SET id = 1007 WHERE id = 8")
            db.execute("DELETE FROM t WHERE id = 9")
        records = published(source, kafka, 500 + 1 + 3 + 2)
        (other,) = kafka.consume("shop.public.u", 1)
    assert json.loads(other.value)["source"]["snapshot"] == "last"
    assert_positions_rise(records)
    assert kafka.topics()[TOPIC] == PARTITIONS
    for r in records:
        assert r.partition == murmur2(r.key) % PARTITIONS
        assert int(dict(r.headers)["multisink.wts"]) > 0
    tail = sorted(records, key=place)[500:]
    assert [(json.loads(r.key)["id"], json.loads(r.value)["op"] if r.value else None) for r in tail] == [
        (7, "u"), (8, "d"), (8, None), (1007, "c"), (9, "d"), (9, None)]
    stamps = [int(dict(r.headers)["multisink.wts"]) for r in sorted(records, key=place)]
    assert stamps == sorted(stamps)


def versions(records):
    """Key to the versions its records hold, in the order of the partition."""
    found = {}
    for r in records:
        row = json.loads(r.value)["after"]
        found.setdefault(row["id"], []).append(row["v"])
    return found


def write(source, rounds, keys=50):
    """Each round is one transaction that raises every row's version."""
    with source.connect() as db:
        for _ in range(rounds):
            db.execute("UPDATE t SET v = v + 1")
    return rounds * keys


def test_after_kill_9_nothing_is_missing_and_nothing_came_twice(source, kafka, run, long):
    source.execute("INSERT INTO t SELECT i, 0, repeat('x', 200) FROM generate_series(1, 50) i")
    with Capture(run, pipeline(source, kafka, run)) as capture:
        total = 50
        for n in range(30 if long else 5):
            total += write(source, 40)
            time.sleep(0.05 * (n % 4))  # somewhere in the middle
            capture.kill()
            capture.start()
        records = published(source, kafka, total, timeout=120)
    assert len(records) == total
    assert_positions_rise(records)
    assert all(found == list(range(len(found))) for found in versions(records).values())


def test_while_the_broker_is_away_the_slot_stays_and_then_all_comes_once(source, kafka, run):
    source.execute("INSERT INTO t SELECT i, 0, 'x' FROM generate_series(1, 50) i")
    with Capture(run, pipeline(source, kafka, run)):
        published(source, kafka, 50)
        total = 50 + write(source, 20)
        published(source, kafka, total)
        kafka.kill()
        before = source.lsn()
        total += write(source, 20)
        time.sleep(1)  # several reports of the position to PostgreSQL
        assert source.slot_lsn() <= before
        kafka.start()
        records = published(source, kafka, total, timeout=120)
        end = source.lsn()
        wait_until(lambda: source.slot_lsn() >= end, 60, "the slot follows")
    assert len(records) == total
    assert_positions_rise(records)


def test_a_topic_is_waited_for_where_none_is_to_be_made(source, kafka, run):
    source.execute("INSERT INTO t VALUES (1, 0, 'x')")
    kafka.create("__multisink.cdc_slot", cleanup_policy="compact")
    with Capture(run, pipeline(source, kafka, run, create_topics="never")) as capture:
        wait_until(lambda: "E1009" in capture.log_text(), 30, "the missing topic is named")
        kafka.create(TOPIC, partitions=2)
        assert len(published(source, kafka, 1)) == 1
    assert kafka.topics()[TOPIC] == 2


def test_a_record_that_the_topic_refuses_is_parked_and_the_others_pass(source, kafka, run):
    kafka.create(TOPIC, partitions=1, max_message_bytes=2000)
    with Capture(run, pipeline(source, kafka, run, compression="none")):
        with source.connect() as db:
            db.execute("INSERT INTO t SELECT i, 0, repeat('x', CASE i WHEN 20 THEN 5000 ELSE 10 END)"
                       " FROM generate_series(1, 40) i")
        records = published(source, kafka, 39, timeout=120)
    assert {json.loads(r.key)["id"] for r in records} == set(range(1, 41)) - {20}
    assert_positions_rise(records)


def test_log_read_prints_the_topics_as_it_prints_the_log(source, kafka, run):
    source.execute("INSERT INTO t SELECT i, 0, 'n' || i FROM generate_series(1, 40) i")
    with Capture(run, pipeline(source, kafka, run)) as multisink:
        published(source, kafka, 40)
        first = multisink.cli("log", "read", "--limit", 1, multisink.config_path)
        assert first.returncode == 0 and json.loads(first.stdout)["op"] == "snapshot"
        with source.connect() as db:
            db.execute("UPDATE t SET v = 1 WHERE id = 7")
            db.execute("DELETE FROM t WHERE id = 9")
            db.execute("INSERT INTO u VALUES (1, 5)")
        published(source, kafka, 43)
        kafka.consume("shop.public.u", 1)
        read = multisink.cli("log", "read", multisink.config_path)
        topics = [json.loads(line) for line in read.stdout.splitlines()]
        spool = multisink.cli("log", "read", multisink.config["stream"]["kafka"]["dir"])
        logged = [json.loads(line) for line in spool.stdout.splitlines()]
    assert read.returncode == 0, read.stderr
    named = ("position", "op", "schema", "table", "wts", "xid")
    assert sorted(tuple(c[n] for n in named) for c in topics) == sorted(tuple(c[n] for n in named) for c in logged)
    last = max(topics, key=lambda c: c["wts"])
    assert last["after"] == {"id": 1, "v": 5} and last["table"] == "u"
    behind = multisink.cli("log", "read", "--from", last["position"], multisink.config_path)
    assert (behind.returncode, behind.stdout) == (0, "")


def test_log_read_without_topics_names_them(source, kafka, run):
    multisink = Capture(run, pipeline(source, kafka, run))
    result = multisink.cli("log", "read", multisink.config_path)
    assert result.returncode != 0 and "E1009" in result.stderr and "shop" in result.stderr
