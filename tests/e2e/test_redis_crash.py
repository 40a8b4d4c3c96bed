# SPDX-License-Identifier: Apache-2.0
"""A Redis with an append-only file, killed again and again under load: exact scores, and it always goes on. A crash
may cut a transaction in the file in two; the sink then has the file rewritten first, and that may be killed too."""
import random
import time

import pytest

import checker
import seed
from servers import Redis, ServerError, wait_until

POSITION = "{multisink:engagement:top_content}:pos"


def start_again(redis):
    """Redis 7.0 refuses a file cut within a transaction if a rewrite had begun behind it, but mends it in doing so:
    whoever restarts it has it back at the second try. Nothing but that may keep it from starting."""
    try:
        redis.start()
    except ServerError as fault:
        assert "the truncated file is not the last file" in str(fault)
        redis.start()


def wait_moved(redis, at, what):
    wait_until(lambda: redis.client().get(POSITION) not in (None, at), 20, what)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("fsync", ["everysec", "always"])
def test_redis_killed_thirty_times_goes_on_each_time_and_is_exact(fsync, run, pg, start, long):
    moments = random.Random(30)
    with Redis(run, appendfsync=fsync) as redis:
        multisink = start(seed.pipeline(pg, seed.redis_sink(redis)))
        with seed.Load(pg, rate=800):
            for n in range(100 if long else 30):
                time.sleep(moments.uniform(0.05, 0.4))
                redis.kill()
                if n % 3 == 2:
                    multisink.kill()
                start_again(redis)
                at = redis.client().get(POSITION)
                if n % 3 == 2:
                    multisink.start(wait=False)
                if n % 2 == 0:  # else it is killed again whatever it is doing
                    wait_moved(redis, at, f"the sink goes on after kill {n}")
        multisink.wait_ready()
        multisink.wait_caught_up(pg)
        assert checker.check_redis(pg, redis) == []


def cut_within_a_transaction(redis):
    """Cuts the end of the file as a crash would: inside the last transaction, behind a whole command of it."""
    log = max((redis.dir / "appendonlydir").glob("*.incr.aof"), key=lambda f: int(f.name.split(".")[2]))
    data = log.read_bytes()
    begin = data.rindex(b"$5\r\nMULTI\r\n")
    at = data.index(b"ZINCRBY", begin)
    at = data.index(b"ZINCRBY", at + 1)  # the first of them is whole
    log.write_bytes(data[:at])


def test_a_cut_transaction_is_never_applied_in_part(pg, redis, start):
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis)))
    for n in range(3):
        with pg.connect(autocommit=False) as db:
            seed.Writer(pg, seed=n, rollbacks=0).transaction(db, 40)
        multisink.wait_caught_up(pg)
        redis.kill()
        cut_within_a_transaction(redis)
        redis.start()
        seed.Writer(pg, seed=10 + n).write(100)
        multisink.wait_caught_up(pg)
        redis.kill()  # at this restart the rest of the cut transaction would be applied
        redis.start()
        assert checker.check_redis(pg, redis) == []


def test_a_kill_during_the_rewrite_is_survived(pg, redis, start):
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis)))
    with pg.connect(autocommit=False) as db:
        seed.Writer(pg, rollbacks=0).transaction(db, 40)
    multisink.wait_caught_up(pg)
    redis.client().config_set("rdb-key-save-delay", 0)
    redis.kill()
    cut_within_a_transaction(redis)
    # The rewrite takes long: each key a second.
    redis.settings["rdb-key-save-delay"] = "1000000"
    redis.start()
    with pg.connect(autocommit=False) as db:  # something to do, so that the sink comes by
        seed.Writer(pg, seed=3, rollbacks=0).transaction(db, 5)
    for n in range(3):
        wait_until(lambda: redis.client().info("persistence")["aof_rewrite_in_progress"], 20, "the rewrite runs")
        if n == 1:
            multisink.kill()
            multisink.start(wait=False)
        redis.kill()
        start_again(redis)
    multisink.wait_sink("top_content", lambda s: (s.get("last_error") or {}).get("code") == "E0523", 20)
    wait_until(lambda: redis.client().info("persistence")["aof_rewrite_in_progress"], 20, "the rewrite runs")
    redis.client().config_set("rdb-key-save-delay", 0)
    multisink.wait_ready()
    seed.Writer(pg, seed=2).write(100)
    multisink.wait_caught_up(pg)
    redis.kill()
    redis.start()
    assert checker.check_redis(pg, redis) == []
