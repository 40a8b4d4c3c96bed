# SPDX-License-Identifier: Apache-2.0
"""Topics in Kafka that others write, delivered by one process or several: exact, whoever comes, goes, dies or stands still."""
import contextlib
import json
import os
import signal

import pytest

import checker
import debezium_topic
import seed
import servers
from servers import wait_until

PARTITIONS = 6


@pytest.fixture
def kafka(kafka):
    kafka.create(debezium_topic.TOPIC, partitions=PARTITIONS)
    return kafka


def pipeline(kafka, *sinks, **stream):
    """role: deliver, with a session that ends soon."""
    properties = {"session.timeout.ms": 3000, "heartbeat.interval.ms": 300, "reconnect.backoff.max.ms": 500}
    fast = [{"retry": {"initial": "50ms", "max": "1s"}, **sink} for sink in sinks]
    return {"version": 1, "name": "engagement", "role": "deliver", "sinks": fast,
            "stream": {"kafka": {"brokers": kafka.brokers, "topic_prefix": "app",
                                 "properties": {**properties, **stream.pop("properties", {})}, **stream}}}


def offsets(kafka, sink, topic=debezium_topic.TOPIC):
    """Partition -> committed offset; empty while nobody can say."""
    return kafka.committed(f"multisink-engagement-{sink}", topic)


def delivered(kafka, sink, topic=debezium_topic.TOPIC):
    """Has the sink's group committed the end of every partition?"""
    committed = offsets(kafka, sink, topic)
    return all(end == 0 or committed.get(p) == end for p, end in kafka.ends(topic).items())


def wait_delivered(kafka, *sinks, timeout=90, topic=debezium_topic.TOPIC):
    for sink in sinks:
        wait_until(lambda: delivered(kafka, sink, topic), timeout, f"sink {sink} has all of {topic}", 0.3)


def assert_exact(check):
    faults = checker.settle(check, 20)
    assert not faults, faults


class Members:
    """Several processes on the same configuration."""

    def __init__(self, run, config):
        self.run, self.config, self.members = run, config, []

    def add(self):
        member = servers.Multisink(self.run, json.loads(json.dumps(self.config)), label=f"member{len(self.members)}")
        self.members.append(member)
        member.start()
        return member

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for member in self.members:
            with contextlib.suppress(ProcessLookupError, AttributeError):
                os.kill(member.process.pid, signal.SIGCONT)
            member.close()

    def partitions(self, sink):
        """Partition -> how many of the running members say that they serve it."""
        held = {}
        for member in self.members:
            for p in (member.sink(sink) or {}).get("partitions", []):
                held[p["partition"]] = held.get(p["partition"], 0) + 1
        return held

    def wait_spread(self, sink, timeout=40):
        """Every partition is served once, and nobody has none."""
        def spread():
            held = self.partitions(sink)
            each = [len((m.sink(sink) or {}).get("partitions", [])) for m in self.members if m.running()]
            return len(held) == PARTITIONS and set(held.values()) == {1} and 0 not in each
        wait_until(spread, timeout, f"partitions of {sink} are spread", 0.3)


@pytest.mark.parametrize("schemas", [True, False])
def test_an_enveloped_topic_reaches_all_three_sinks_exactly(run, kafka, redis, receiver, cassandra, start, schemas):
    table = debezium_topic.Table(kafka, PARTITIONS, schemas=schemas)
    table.write(1500)
    sinks = [seed.cassandra_sink(cassandra), seed.http_sink(receiver)]
    if schemas:  # without them nobody can tell whether the old row of a delete is true, and the counts need it
        sinks.append(seed.redis_sink(redis))
    start(pipeline(kafka, *sinks))
    table.write(1500)
    wait_delivered(kafka, *(sink["name"] for sink in sinks))
    if schemas:
        assert_exact(lambda: table.check_redis(redis))
    assert_exact(lambda: table.check_cassandra(cassandra))
    assert_exact(lambda: table.check_http(receiver, repeats_allowed=False))


@pytest.mark.parametrize("schemas", [True, False])
def test_an_unwrapped_topic_fills_a_table(run, kafka, cassandra, start, schemas):
    table = debezium_topic.Table(kafka, PARTITIONS, schemas=schemas, unwrapped=True)
    table.write(2000)
    start(pipeline(kafka, seed.cassandra_sink(cassandra)))
    wait_delivered(kafka, "events")
    assert_exact(lambda: table.check_cassandra(cassandra))


def test_a_restart_goes_on_where_it_was(run, kafka, redis, receiver, start):
    table = debezium_topic.Table(kafka, PARTITIONS)
    table.write(500)
    member = start(pipeline(kafka, seed.redis_sink(redis), seed.http_sink(receiver)))
    wait_delivered(kafka, "top_content", "api")
    member.stop()
    table.write(500)
    member.start()
    wait_delivered(kafka, "top_content", "api")
    assert_exact(lambda: table.check_redis(redis))
    assert_exact(lambda: table.check_http(receiver, repeats_allowed=False))


def test_members_join_and_leave_and_nothing_is_lost_or_doubled(run, kafka, redis, receiver):
    table = debezium_topic.Table(kafka, PARTITIONS)
    config = pipeline(kafka, seed.redis_sink(redis), seed.http_sink(receiver))
    with Members(run, config) as members, debezium_topic.Load(table):
        members.add()
        members.add()
        members.wait_spread("top_content")
        members.add()
        members.wait_spread("top_content")
        members.members.pop(0).stop()
        members.wait_spread("top_content")
        members.members[0].stop()
    with Members(run, config) as members:
        members.add()
        wait_delivered(kafka, "top_content", "api")
        assert_exact(lambda: table.check_redis(redis))
        assert_exact(lambda: table.check_http(receiver, repeats_allowed=False))


def test_members_are_killed_under_load(run, kafka, redis, receiver, cassandra, long):
    table = debezium_topic.Table(kafka, PARTITIONS)
    config = pipeline(kafka, seed.redis_sink(redis), seed.cassandra_sink(cassandra), seed.http_sink(receiver))
    committed = {}

    def never_fall():
        for sink in ("top_content", "events", "api"):
            for p, offset in offsets(kafka, sink).items():
                assert offset >= committed.get((sink, p), -1001), (sink, p, offset)
                committed[sink, p] = offset

    with Members(run, config) as members:
        with debezium_topic.Load(table):
            for _ in range(3):
                members.add()
            members.wait_spread("top_content")
            for n in range(20 if long else 4):
                victim = members.members[n % 3]
                done = victim.sink("top_content").get("rows", 0)
                wait_until(lambda: victim.sink("top_content").get("rows", 0) > done, 30, "it works", 0.2)
                victim.kill()
                never_fall()
                victim.start()
                members.wait_spread("top_content")
        wait_delivered(kafka, "top_content", "events", "api")
        never_fall()
        assert_exact(lambda: table.check_redis(redis))
        assert_exact(lambda: table.check_cassandra(cassandra))
        assert_exact(lambda: table.check_http(receiver))


def test_a_member_that_stood_still_is_fenced_and_applies_nothing_twice(run, kafka, redis):
    table = debezium_topic.Table(kafka, PARTITIONS)
    with Members(run, pipeline(kafka, seed.redis_sink(redis))) as members:
        with debezium_topic.Load(table, rate=500):
            sleeper, other = members.add(), members.add()
            members.wait_spread("top_content")
            for _ in range(2):
                os.kill(sleeper.process.pid, signal.SIGSTOP)
                wait_until(lambda: len(other.sink("top_content")["partitions"]) == PARTITIONS, 30, "the other one has all", 0.2)
                done = other.sink("top_content")["rows"]
                wait_until(lambda: other.sink("top_content")["rows"] > done + 200, 30, "it goes on", 0.2)
                os.kill(sleeper.process.pid, signal.SIGCONT)
                members.wait_spread("top_content")
        wait_delivered(kafka, "top_content")
        assert sleeper.running() and other.running()
        assert_exact(lambda: table.check_redis(redis))


# ---- what cannot be delivered ------------------------------------------------------------------------------------------


def dlq(member, *words):
    result = member.cli("dlq", *words, "--config", member.config_path)
    assert result.returncode == 0, result.stderr
    return result.stdout


def parked(member):
    return [json.loads(line) for line in dlq(member, "list", "--json").splitlines()]


def test_what_makes_no_sense_is_parked_and_the_rest_goes_on(run, kafka, redis, start):
    table = debezium_topic.Table(kafka, PARTITIONS)
    table.write(100)
    kafka.produce(table.topic, (b"k", b"{not JSON", None, 0), (None, b"[1,2", None, 1), (b"k", b'{"op":"c"}', None, 2),
                  (b"k", b"[" * 10000, None, 3))
    table.write(100)
    member = start(pipeline(kafka, seed.redis_sink(redis)))
    wait_delivered(kafka, "top_content")
    assert_exact(lambda: table.check_redis(redis))
    found = parked(member)
    assert len(found) == 4 and {r["code"] for r in found} == {"E1110"}
    shown = json.loads(dlq(member, "show", str(found[0]["id"]), "--sink", "top_content"))
    assert shown["change"] is not None
    dlq(member, "drop", "--sink", "top_content", "--all")
    wait_until(lambda: not parked(member), 30, "all are dropped", 0.3)


def test_parked_commands_are_replayed_from_another_machine_and_survive_members(run, kafka, redis):
    """The list that the commands are for is no list at first: each is refused, its row's later ones wait."""
    table = debezium_topic.Table(kafka, PARTITIONS)
    client = redis.client()
    client.set("devices", "no list")
    commands = {"insert": ["RPUSH", "devices", "{{id}}"]}
    with Members(run, pipeline(kafka, seed.redis_sink(redis, commands))) as members:
        first = members.add()
        table.write(60)
        inserted = table.next_id - 1
        wait_delivered(kafka, "top_content")
        assert len(parked(first)) == inserted
        first.kill()
        second = members.add()
        wait_until(lambda: second.sink("top_content").get("parked") == inserted, 40, "taken over", 0.3)
        client.delete("devices")
        assert f"{inserted} record(s)" in dlq(first, "replay", "--sink", "top_content", "--all")
        wait_until(lambda: second.sink("top_content")["parked"] == 0, 40, "replayed", 0.3)
        assert sorted(map(int, client.lrange("devices", 0, -1))) == list(range(1, inserted + 1))
        assert not parked(second)


# ---- gaps ------------------------------------------------------------------------------------------------------------


def failed_with(member, sink, code):
    return lambda: any((p["last_error"] or {}).get("code") == code and p["state"] == "failed"
                       for p in member.sink(sink).get("partitions", []))


def test_a_topic_that_was_made_anew_is_a_gap(run, kafka, redis, start):
    """Brokers forget a group's offsets with the topic; the target does not."""
    table = debezium_topic.Table(kafka, PARTITIONS)
    table.write(200)
    member = start(pipeline(kafka, seed.redis_sink(redis)))
    wait_delivered(kafka, "top_content")
    member.stop()
    kafka.delete(table.topic)
    kafka.create(table.topic, partitions=PARTITIONS)
    member.start()
    wait_until(failed_with(member, "top_content", "E1051"), 40, "it stops", 0.3)


def test_what_retention_took_is_a_gap(run, kafka, receiver, start):
    from confluent_kafka import TopicPartition
    table = debezium_topic.Table(kafka, PARTITIONS)
    table.write(200)
    member = start(pipeline(kafka, seed.http_sink(receiver)))
    wait_delivered(kafka, "api")
    member.stop()
    table.write(200)
    admin = kafka.admin()
    for future in admin.delete_records([TopicPartition(table.topic, 0, kafka.ends(table.topic)[0])]).values():
        future.result(30)
    table.write(10)
    member.start()
    wait_until(failed_with(member, "api", "E1050"), 40, "it stops", 0.3)
    assert member.running()
