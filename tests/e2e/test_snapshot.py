# SPDX-License-Identifier: Apache-2.0
"""The first copy, when the slot is made by us: no gap, no overlap, and all or nothing."""
import time

import pytest

import checker
import seed
from servers import wait_until

pytestmark = pytest.mark.usefixtures("stream")


def fill(pg, rows):
    pg.execute("INSERT INTO engagement_events (content_id, user_id, event_type, event_ts, duration_ms, device, "
               "raw_payload) SELECT ('4bb775ea-96f5-4ffa-80be-22e3b1c945' || to_hex(112 + n % 24))::uuid, "
               "gen_random_uuid(), 'play', now(), n, 'web', '{\"v\": 0}' FROM generate_series(1, " + str(rows) + ") n")


def make(pg):
    """The seed's tables, but neither slot nor publication: both are made by multisink."""
    seed.make_source(pg, slot=False, publication=False)


def initial(pg):
    return seed.source_config(pg, snapshot="initial")


def test_the_first_copy_and_the_changes_beside_it_are_exact(empty_pg, redis, receiver, start):
    pg = empty_pg
    make(pg)
    fill(pg, 20_000)
    with seed.Load(pg, rate=500):
        multisink = start(seed.pipeline(pg, seed.redis_sink(redis), seed.http_sink(receiver), source=initial(pg)))
        time.sleep(2)
    multisink.wait_caught_up(pg)
    assert checker.check_redis(pg, redis) == []
    assert checker.check_http(pg, receiver, repeats_allowed=False) == []


def test_snapshot_rows_run_their_own_commands_when_given(empty_pg, redis, start):
    pg = empty_pg
    make(pg)
    fill(pg, 100)
    commands = {**seed.INSERTS_ONLY, "snapshot": ["INCR", "copied"]}
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis, commands), source=initial(pg)))
    fill(pg, 24)
    multisink.wait_caught_up(pg)
    assert redis.client().get("copied") == "100"
    assert sum(score for _, score in redis.client().zrange(seed.SCORES, 0, -1, withscores=True)) == 24


def test_an_interrupted_copy_starts_over_and_counts_nothing_twice(empty_pg, redis, receiver, start, long):
    pg = empty_pg
    make(pg)
    fill(pg, 200_000 if long else 60_000)
    config = seed.pipeline(pg, seed.redis_sink(redis), seed.http_sink(receiver), source=initial(pg))
    multisink = start(config, wait=False)
    for pause in (0.05, 0.15, 0.25, 0.35):
        wait_until(lambda: pg.value("SELECT count(*) FROM pg_replication_slots") == 1, 20, "the slot is made")
        time.sleep(pause)
        multisink.kill()
        multisink.start(wait=False)
    multisink.wait_ready()
    multisink.wait_caught_up(pg, 180)
    assert checker.check_redis(pg, redis) == []
    assert checker.check_http(pg, receiver) == []
    assert pg.value("SELECT count(*) FROM pg_replication_slots") == 1


def test_an_adopted_slot_copies_nothing_and_says_so(empty_pg, redis, start):
    pg = empty_pg
    seed.make_source(pg, slot=False)
    fill(pg, 50)
    pg.execute(seed.SLOT_SQL)
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis), source=initial(pg)))
    fill(pg, 24)
    multisink.wait_caught_up(pg)
    assert sum(score for _, score in redis.client().zrange(seed.SCORES, 0, -1, withscores=True)) == 24
    assert "not copied" in multisink.log_text()


def test_without_a_snapshot_only_changes_come(empty_pg, redis, start):
    pg = empty_pg
    make(pg)
    fill(pg, 50)
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis), source=seed.source_config(pg, snapshot="never")))
    fill(pg, 24)
    multisink.wait_caught_up(pg)
    assert sum(score for _, score in redis.client().zrange(seed.SCORES, 0, -1, withscores=True)) == 24


def test_a_large_copy_keeps_memory_small(empty_pg, redis, start, long):
    pg = empty_pg
    make(pg)
    fill(pg, 2_000_000 if long else 200_000)
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis), source=initial(pg)), wait=False)
    multisink.wait_ready()
    multisink.wait_caught_up(pg, 300)
    assert multisink.rss_peak_kib() <= 64 * 1024
    assert checker.check_redis(pg, redis) == []
