# SPDX-License-Identifier: Apache-2.0
"""One sink is down while the others flow and PostgreSQL's slot moves on; it catches up when it is back."""
import time

import pytest

import seed
from servers import wait_until
from test_pipeline import all_sinks, assert_exact

SINKS = {"cassandra": "events", "redis": "top_content", "receiver": "api"}


@pytest.mark.parametrize("server", SINKS)
@pytest.mark.timeout(900)
def test_a_sink_that_is_down_delays_nobody(server, pg, cassandra, redis, receiver, start, long):
    down = {"cassandra": cassandra, "redis": redis, "receiver": receiver}[server]
    others = [name for which, name in SINKS.items() if which != server]
    multisink = start(seed.pipeline(pg, *all_sinks(cassandra, redis, receiver)))
    with seed.Load(pg, rate=300):
        wait_until(lambda: multisink.sink(SINKS[server]).get("rows"), 30, "rows flow")
        down.kill()
        slot_before = pg.slot_lsn()
        end = time.monotonic() + (60 if long else 8)
        while time.monotonic() < end:
            lsn = pg.lsn()
            wait_until(lambda: multisink.caught_up(lsn, others), 20, "the others have all of it", 0.2)
            time.sleep(0.5)
        # Confirmed as soon as the log has it, so no WAL piles up for a sink.
        wait_until(lambda: pg.slot_lsn() >= lsn, 15, "the slot moves")
        assert pg.slot_lsn() > slot_before
        stuck = multisink.sink(SINKS[server])
        assert stuck["lag_seconds"] > 1
        assert stuck["lag_bytes"] > 0
        assert stuck["last_error"]["code"].startswith("E0")
        down.start()
    multisink.wait_caught_up(pg)
    assert_exact(pg, cassandra, redis, receiver)


def test_a_paused_sink_waits_and_the_others_flow(pg, redis, receiver, start):
    config = seed.pipeline(pg, {**seed.redis_sink(redis), "pause": True}, seed.http_sink(receiver))
    multisink = start(config)
    seed.Writer(pg).write(500)
    multisink.wait_caught_up(pg, sinks=["api"])
    assert multisink.sink("top_content")["state"] == "paused"
    assert redis.client().exists(seed.SCORES) == 0
    multisink.stop()
    config["sinks"][0]["pause"] = False
    multisink.configure(config)
    multisink.start()
    multisink.wait_caught_up(pg)
    import checker
    assert checker.check_redis(pg, redis) == []
