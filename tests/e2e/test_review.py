# SPDX-License-Identifier: Apache-2.0
"""What only shows when things break at the wrong moment: reconnects under load, an adoption or a start cut in two, a
target that hangs while the daemon is asked to stop."""
import json
import os
import random
import signal
import socket
import sqlite3
import time

import pytest

import checker
import seed
import servers


def terminate_walsender(pg):
    return pg.value("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_replication")


def descriptors(server):
    return len(os.listdir(f"/proc/{server.pid}/fd"))


def positions(multisink):
    """Of all changes in the log, in its order."""
    text = multisink.cli("log", "read", multisink.config_path, timeout=120).stdout
    found = []
    for line in text.splitlines():
        position = json.loads(line).get("position")
        if position:
            epoch, lsn, ordinal = position.split("/", 1)[0], position.split("/", 1)[1].rsplit("/", 1)[0], \
                position.rsplit("/", 1)[1]
            found.append((int(epoch), servers.parse_lsn(lsn), int(ordinal)))
    return found


def edit_state(multisink, sql):
    with sqlite3.connect(multisink.data / "state.db") as db:
        db.execute(sql)
    db.close()


def test_a_broken_connection_leaves_no_change_twice_in_the_log_and_no_descriptor(pg, redis, start, long):
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis)))
    moments = random.Random(21)
    with seed.Load(pg, rate=2000):
        time.sleep(1)
        before = descriptors(multisink)
        for _ in range(100 if long else 25):
            servers.wait_until(lambda: pg.value("SELECT count(*) FROM pg_stat_replication"), 30, "it streams", 0.02)
            # What waits in the socket is read in one go with the end of the connection.
            multisink.signal(signal.SIGSTOP)
            time.sleep(moments.uniform(0.0, 0.2))
            terminate_walsender(pg)
            multisink.signal(signal.SIGCONT)
            time.sleep(moments.uniform(0.0, 0.1))
    multisink.wait_caught_up(pg)
    assert descriptors(multisink) <= before + 2
    found = positions(multisink)
    assert found and found == sorted(set(found))
    # A reader passes over repeats; what was appended tells of them.
    assert multisink.status()["source"]["rows"] == len(found)
    assert checker.check_redis(pg, redis) == []


@pytest.mark.usefixtures("stream")
def test_an_adoption_cut_between_log_and_state_is_done_again(pg, redis, start):
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis)))
    multisink.kill()
    # As kill -9 leaves it between the position in the log and the note of the source.
    edit_state(multisink, "DELETE FROM source")
    multisink.start()
    with seed.Load(pg, rate=200):
        time.sleep(1)
    multisink.wait_caught_up(pg)
    assert checker.check_redis(pg, redis) == []


def test_an_interrupted_start_never_drops_a_slot_of_another_name(pg, redis, start):
    config = seed.pipeline(pg, seed.redis_sink(redis))
    multisink = start(config)
    multisink.kill()
    edit_state(multisink, "UPDATE source SET phase = 'creating'")
    pg.execute("SELECT pg_create_logical_replication_slot('of_another', 'pgoutput')")
    config["source"]["postgres"]["slot"] = "of_another"
    multisink.configure(config)
    multisink.start(wait=False)
    assert multisink.wait_exit() != 0
    assert "E0814" in multisink.log_text()
    assert pg.slot_lsn("of_another") is not None


@pytest.mark.usefixtures("stream")
def test_it_stops_in_time_while_a_target_hangs(pg, redis, start):
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis)))
    with seed.Load(pg, rate=500):
        time.sleep(0.5)
        redis.signal(signal.SIGSTOP)
        try:
            time.sleep(1)
            begun = time.monotonic()
            assert multisink.stop(timeout=15) == 0
            assert time.monotonic() - begun < 10
        finally:
            redis.signal(signal.SIGCONT)
    multisink.start()
    multisink.wait_caught_up(pg)
    assert checker.check_redis(pg, redis) == []


@pytest.mark.usefixtures("stream")
def test_it_stops_in_time_while_a_receiver_never_answers(pg, start):
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        multisink = start(seed.pipeline(pg, seed.http_sink(url=f"http://127.0.0.1:{deaf.getsockname()[1]}/")))
        with seed.Load(pg, rate=200):
            time.sleep(1)
            begun = time.monotonic()
            assert multisink.stop(timeout=15) == 0
            assert time.monotonic() - begun < 10


@pytest.mark.usefixtures("stream")
def test_it_stops_in_time_while_the_source_is_silent(pg, redis, start):
    with servers.Proxy(pg.port) as proxy:
        source = seed.source_config(pg, port=proxy.port)
        multisink = start(seed.pipeline(pg, seed.redis_sink(redis), source=source))
        with seed.Load(pg, rate=200):
            time.sleep(0.5)
            proxy.freeze()
            time.sleep(0.5)
            begun = time.monotonic()
            assert multisink.stop(timeout=15) == 0
            assert time.monotonic() - begun < 10


def test_a_clean_stop_tells_the_server_the_last_position(pg, redis, start):
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis)))
    with seed.Load(pg, rate=1000):
        time.sleep(1.05)
        assert multisink.stop() == 0
    last = positions(multisink)[-1][1]
    assert servers.wait_until(lambda: pg.slot_lsn() >= last, 10, "the slot has it")


def test_a_redis_whose_table_sleeps_does_not_hold_the_log(pg, redis, start):
    pg.execute("CREATE TABLE sleeping (id bigint PRIMARY KEY)")
    pg.execute("ALTER PUBLICATION engagement_pub ADD TABLE sleeping")
    sink = seed.redis_sink(redis)
    sink["from"] = "public.sleeping"
    sink["redis"]["commands"] = {"insert": [["INCR", "sleeping"]]}
    config = seed.pipeline(pg, sink)
    config["source"]["postgres"]["tables"] = ["public.engagement_events", "public.sleeping"]
    multisink = start(config)
    before = multisink.sink(sink["name"])["position"]
    with seed.Load(pg, rate=500):
        time.sleep(4)
    multisink.wait_sink(sink["name"], lambda s: s["position"] != before, 10, "its position follows")
    pg.execute("INSERT INTO sleeping VALUES (1)")
    multisink.wait_caught_up(pg)
    assert redis.client().get("sleeping") == "1"
