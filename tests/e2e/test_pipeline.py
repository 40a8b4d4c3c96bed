# SPDX-License-Identifier: Apache-2.0
"""The whole way: PostgreSQL through the log into all three sinks, exactly."""
import pytest

import checker
import seed
import servers

pytestmark = pytest.mark.usefixtures("stream")


def all_sinks(cassandra, redis, receiver):
    return [seed.cassandra_sink(cassandra), seed.redis_sink(redis), seed.http_sink(receiver)]


def assert_exact(pg, cassandra, redis, receiver, repeats_allowed=True, gap_us=0):
    assert checker.settle(lambda: checker.check_cassandra(pg, cassandra, gap_us=gap_us), 10) == []
    assert checker.settle(lambda: checker.check_redis(pg, redis), 10) == []
    assert checker.settle(lambda: checker.check_http(pg, receiver, repeats_allowed), 10) == []


def test_many_mixed_changes_are_exact_in_all_sinks(pg, cassandra, redis, receiver, start, stream):
    multisink = start(seed.pipeline(pg, *all_sinks(cassandra, redis, receiver)))
    seed.Writer(pg, tx_max=40).write(100_000 if stream == "log" else 30_000)
    multisink.wait_caught_up(pg, 240)
    assert_exact(pg, cassandra, redis, receiver, repeats_allowed=False)
    assert multisink.stop() == 0


def test_changes_made_before_the_start_come_from_the_slot(pg, cassandra, redis, receiver, start):
    seed.Writer(pg).write(2000)
    multisink = start(seed.pipeline(pg, *all_sinks(cassandra, redis, receiver)))
    multisink.wait_caught_up(pg)
    assert_exact(pg, cassandra, redis, receiver, repeats_allowed=False)


def test_a_graceful_stop_under_load_repeats_nothing(pg, cassandra, redis, receiver, start):
    config = seed.pipeline(pg, *all_sinks(cassandra, redis, receiver))
    with seed.Load(pg, rate=500):
        multisink = start(config)
        for _ in range(3):
            servers.wait_until(lambda: multisink.sink("api").get("rows"), 30, "rows reach the receiver")
            assert multisink.stop(timeout=12) == 0
            multisink.start()
    multisink.wait_caught_up(pg)
    assert_exact(pg, cassandra, redis, receiver, repeats_allowed=False)


def test_the_seed_configuration_counts_inserts_only(pg, redis, start):
    """The command of the pipeline as it was: every insert counts, updates and deletes change no score."""
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis, seed.INSERTS_ONLY)))
    pg.execute("CREATE TABLE ledger AS SELECT * FROM engagement_events")
    pg.execute("CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS "
               "$$BEGIN INSERT INTO ledger SELECT NEW.*; RETURN NEW; END$$")
    pg.execute("CREATE TRIGGER note AFTER INSERT ON engagement_events FOR EACH ROW EXECUTE FUNCTION note()")
    seed.Writer(pg).write(3000)
    multisink.wait_caught_up(pg)
    assert checker.check_redis(pg, redis, counts=checker.count_rows(pg, "ledger")) == []


def test_memory_stays_small(pg, cassandra, redis, receiver, start, stream):
    """Of Kafka every sink has a consumer of its own, which unpacks what was packed."""
    multisink = start(seed.pipeline(pg, *all_sinks(cassandra, redis, receiver)))
    seed.Writer(pg, tx_max=100).write(20_000)
    multisink.wait_caught_up(pg)
    assert multisink.rss_kib() <= (32 if stream == "log" else 72) * 1024
