# SPDX-License-Identifier: Apache-2.0
"""kill -9 at random moments under load, of multisink and of its targets: exact afterwards. What is killed in Kafka's
stead, and members of a group, are test_kafka_kill.py's."""
import os
import random
import time

import pytest

import checker
import seed
import servers
from test_pipeline import all_sinks, assert_exact


def kills(long):
    return int(os.environ.get("KILLS") or (200 if long else 20))


@pytest.mark.timeout(3600)
def test_killed_again_and_again_it_is_exact(pg, cassandra, redis, receiver, start, long):
    multisink = start(seed.pipeline(pg, *all_sinks(cassandra, redis, receiver)))
    moments = random.Random(11)
    with seed.Load(pg, rate=600) as load:
        for n in range(kills(long)):
            # Sometimes while it starts, mostly while it works.
            time.sleep(moments.uniform(0.0, 0.1 if n % 4 == 0 else 0.8))
            multisink.kill()
            multisink.start(wait=n % 4 != 3)
    assert load.writer.changes > 100
    multisink.wait_ready()
    multisink.wait_caught_up(pg)
    assert_exact(pg, cassandra, redis, receiver)


@pytest.mark.usefixtures("stream")
@pytest.mark.timeout(1800)
def test_redis_killed_under_load_is_exact(pg, redis, start, long):
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis)))
    moments = random.Random(12)
    with seed.Load(pg, rate=800):
        for _ in range(50 if long else 8):
            time.sleep(moments.uniform(0.05, 0.7))
            redis.kill()
            redis.start()
    multisink.wait_caught_up(pg)
    assert checker.check_redis(pg, redis) == []


@pytest.mark.usefixtures("stream")
def test_redis_and_multisink_killed_together_are_exact(pg, redis, start, long):
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis)))
    moments = random.Random(13)
    with seed.Load(pg, rate=800):
        for _ in range(30 if long else 5):
            time.sleep(moments.uniform(0.05, 0.7))
            redis.kill()
            multisink.kill()
            redis.start()
            multisink.start(wait=False)
    multisink.wait_ready()
    multisink.wait_caught_up(pg)
    assert checker.check_redis(pg, redis) == []


@pytest.mark.usefixtures("stream")
@pytest.mark.timeout(1800)
def test_cassandra_killed_under_load_is_exact(pg, cassandra, start, long):
    multisink = start(seed.pipeline(pg, seed.cassandra_sink(cassandra)))
    with seed.Load(pg, rate=500):
        for _ in range(5 if long else 1):
            time.sleep(2)
            cassandra.kill()
            time.sleep(1)
            cassandra.start()
            servers.wait_until(lambda: multisink.sink("events").get("lag_bytes") == 0 or
                               (multisink.sink("events").get("lag_seconds") or 99) < 2, 60, "the sink has recovered")
    multisink.wait_caught_up(pg)
    assert checker.check_cassandra(pg, cassandra) == []


@pytest.mark.usefixtures("stream")
def test_the_receiver_killed_under_load_loses_nothing(pg, receiver, start, long):
    multisink = start(seed.pipeline(pg, seed.http_sink(receiver)))
    with seed.Load(pg, rate=500):
        for _ in range(30 if long else 5):
            time.sleep(0.4)
            receiver.kill()
            receiver.start()
    multisink.wait_caught_up(pg)
    assert checker.check_http(pg, receiver) == []


@pytest.mark.usefixtures("stream")
def test_a_connection_cut_after_any_number_of_bytes_is_harmless(pg, redis, receiver, start, long):
    moments = random.Random(14)
    with servers.Proxy(pg.port) as to_pg, servers.Proxy(redis.port) as to_redis:
        config = seed.pipeline(pg, seed.redis_sink(redis, port=to_redis.port), seed.http_sink(receiver),
                               source=seed.source_config(pg, port=to_pg.port))
        multisink = start(config)
        with seed.Load(pg, rate=600):
            for n in range(100 if long else 20):
                proxy = (to_pg, to_redis)[n % 2]
                proxy.cut_after = moments.randrange(1, 20_000)
                time.sleep(moments.uniform(0.05, 0.4))
                if n % 5 == 4:
                    proxy.cut()
        to_pg.cut_after = to_redis.cut_after = None
        multisink.wait_caught_up(pg)
    assert checker.check_redis(pg, redis) == []
    assert checker.check_http(pg, receiver) == []
