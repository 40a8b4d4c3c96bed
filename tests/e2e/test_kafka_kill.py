# SPDX-License-Identifier: Apache-2.0
"""kill -9 at random moments under load, with Kafka in the middle: of who captures (a standby takes over), of who
delivers, and of the broker. All three sinks are exact afterwards, and no partition's positions fell."""
import contextlib
import os
import random
import time

import pytest

import seed
import servers
import servers_kafka
from test_pipeline import all_sinks, assert_exact

PREFIX = "engagement_project"
TOPIC = f"{PREFIX}.{seed.TABLE}"
SINKS = ["events", "top_content", "api"]
# Stamps rise within a partition. Of two rows in different ones, the earlier may be stamped later when another process took
# over in between: it gives a change that is not in Kafka yet a stamp above all that were ever given.
TAKEOVER_US = 60 * 1000 * 1000


class Fleet:
    """Two processes that capture, one of them as a standby, and three that deliver."""

    def __init__(self, pg, kafka, sinks, start):
        self.pg, self.kafka, self.start = pg, kafka, start
        self.sinks = sinks
        self.captures = [self._made("capture", source=seed.source_config(pg)) for _ in range(2)]
        self.members = [self._made("deliver", sinks=self._sinks()) for _ in range(3)]

    def _sinks(self):
        return [{"retry": {"initial": "50ms", "max": "1s"}, **sink} for sink in self.sinks]

    def _made(self, role, **config):
        stream = {"kafka": {"brokers": [self.kafka.brokers], "topic_prefix": PREFIX, "partitions": 6,
                            "properties": {"session.timeout.ms": "6000", "reconnect.backoff.max.ms": "500"}}}
        return self.start({"version": 1, "name": "engagement", "role": role, "stream": stream, **config},
                          wait=False, label=role)

    def capture_status(self):
        """Of the one that has the slot."""
        for capture in self.captures:
            status = capture.status() if capture.running() else None
            if status and status["source"]["connected"]:
                return status
        return None

    def wait_caught_up(self, timeout=180):
        servers_kafka.wait_caught_up(self.capture_status, self.kafka, self.pg, [TOPIC], SINKS, timeout)


@pytest.fixture
def fleet(pg, kafka, cassandra, redis, receiver, start):
    made = Fleet(pg, kafka, all_sinks(cassandra, redis, receiver), start)
    servers.wait_until(made.capture_status, 30, "one of them captures")
    return made


def kills(long):
    return int(os.environ.get("KILLS") or (100 if long else 12))


def again(process):
    process.kill()
    process.start(wait=False)


@pytest.mark.timeout(3600)
def test_killed_again_and_again_everything_is_exact(fleet, pg, kafka, cassandra, redis, receiver, long):
    moments = random.Random(21)
    with seed.Load(pg, rate=400) as load:
        for n in range(kills(long)):
            time.sleep(moments.uniform(0.2, 1.5))
            victim = n % 6
            if victim == 5:
                again(kafka)
                kafka.wait_ready()
            elif victim in (1, 4):
                again(moments.choice(fleet.captures))
            else:
                again(moments.choice(fleet.members))
    assert load.writer.changes > 100
    fleet.wait_caught_up()
    assert servers_kafka.position_faults(kafka.consume(TOPIC)) == []
    assert_exact(pg, cassandra, redis, receiver, gap_us=TAKEOVER_US)


@pytest.mark.timeout(600)
def test_members_that_join_and_leave_leave_everything_exact(fleet, pg, kafka, cassandra, redis, receiver):
    with seed.Load(pg, rate=400):
        for n in range(6):
            member = fleet.members[n % 3]
            assert member.stop(timeout=30) == 0
            time.sleep(0.5)
            member.start(wait=False)
    fleet.wait_caught_up()
    assert_exact(pg, cassandra, redis, receiver, gap_us=TAKEOVER_US)


@pytest.mark.timeout(600)
def test_a_member_that_was_stopped_and_continued_applies_nothing_twice(fleet, pg, kafka, cassandra, redis, receiver):
    import signal
    with seed.Load(pg, rate=400):
        for member in fleet.members[:2]:
            time.sleep(2)
            member.signal(signal.SIGSTOP)
            try:
                time.sleep(9)  # longer than the session: others have its partitions
            finally:
                member.signal(signal.SIGCONT)
    fleet.wait_caught_up()
    assert_exact(pg, cassandra, redis, receiver, gap_us=TAKEOVER_US)


@pytest.mark.timeout(600)
def test_one_that_captures_and_was_stopped_and_continued_gives_way(fleet, pg, kafka, cassandra, redis, receiver):
    import signal

    def active():
        for capture in fleet.captures:
            with contextlib.suppress(TypeError):
                if capture.status()["source"]["connected"]:
                    return capture
        return None

    first = servers.wait_until(active, 30, "one captures")
    with seed.Load(pg, rate=300):
        time.sleep(1)
        first.signal(signal.SIGSTOP)
        try:
            # What PostgreSQL does after wal_sender_timeout, without waiting for it.
            pg.execute("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active")
            other = next(c for c in fleet.captures if c is not first)
            servers.wait_until(lambda: (other.status() or {}).get("source", {}).get("connected"), 30,
                               "the standby takes over")
            time.sleep(1)
        finally:
            first.signal(signal.SIGCONT)
        time.sleep(2)
    fleet.wait_caught_up()
    assert_exact(pg, cassandra, redis, receiver, gap_us=TAKEOVER_US)
