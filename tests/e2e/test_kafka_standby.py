# SPDX-License-Identifier: Apache-2.0
"""One capture into Kafka, and a second one that waits: whoever is killed, the topic is exact and positions only rise."""
import json
import os
import random
import signal
import time

import pytest

import seed
import topic
from servers import Multisink, Postgres, parse_lsn, wait_until

STATE = "__multisink.cdc_slot"
LARGE = 60000  # rows of one transaction


def capture(pg, kafka, **more):
    return seed.pipeline(pg, kafka=kafka, partitions=3, format={"schemas": False}, **more)


def state_of(multisink):
    return ((multisink.status() or {}).get("source") or {}).get("state")


def last_claim(kafka):
    return json.loads(kafka.consume(STATE)[-1].value)


def records_in(kafka):
    with kafka.consumer() as consumer:
        return sum(kafka.watermarks(consumer, topic.TOPIC, partition)[1] for partition in range(3))


def wait_published(pg, multisink, timeout=60):
    """All that is committed is in Kafka, and the slot says so."""
    lsn = pg.lsn()
    wait_until(lambda: (pg.slot_lsn() or 0) >= lsn, timeout, f"the slot has all up to {lsn:X}: {multisink.log_tail()}",
               0.2)


def wait_state(multisink, state):
    try:
        wait_until(lambda: state_of(multisink) == state, 40, f"{multisink.dir.name} is {state}", 0.1)
    except TimeoutError as fault:
        raise TimeoutError(f"{fault}: {multisink.log_tail()}") from None


def wait_standby(multisink):
    wait_state(multisink, "standby")


@pytest.fixture
def quick_pg(run):
    """A server that notices within two seconds that a client does not answer."""
    with Postgres(run, wal_sender_timeout="2s") as server:
        seed.make_source(server)
        yield server


def test_capture_brings_every_change_into_the_topic_and_the_slot_follows(pg, kafka, start):
    multisink = start(capture(pg, kafka))
    seed.Writer(pg, tx_max=40).write(5000)
    wait_published(pg, multisink)
    assert topic.check(pg, kafka) == []
    status = multisink.status()
    assert status["role"] == "capture" and status["sinks"] == []
    assert status["stream"]["kind"] == "kafka" and status["stream"]["brokers"] == kafka.brokers
    assert status["stream"]["lag_bytes"] == 0 and status["stream"]["rows"] >= 5000
    text = multisink.cli("status", multisink.config_path)
    assert text.returncode == 0 and "Kafka" in text.stdout and kafka.brokers in text.stdout
    assert multisink.stop() == 0


def test_invariant_1_nothing_is_confirmed_that_is_not_in_kafka(pg, kafka, start):
    """While the broker is away changes wait in the spool, and the slot stands still."""
    multisink = start(capture(pg, kafka))
    seed.Writer(pg).write(300)
    wait_published(pg, multisink)
    kafka.kill()
    before = pg.slot_lsn()
    seed.Writer(pg, seed=2).write(2000)
    wait_until(lambda: parse_lsn(multisink.status()["source"]["position"].split("/", 1)[1].rsplit("/", 1)[0])
               >= pg.lsn() - 65536, 30, "the spool has it")
    wait_until(lambda: multisink.status()["stream"]["state"] == "retrying", 60, "it says that Kafka is away")
    status = multisink.status()
    assert status["state"] == "degraded" and status["stream"]["lag_bytes"] > 0
    assert multisink.cli("status", multisink.config_path).returncode == 6
    held = parse_lsn(status["stream"]["known_position"].split("/", 1)[1].rsplit("/", 1)[0])
    assert pg.slot_lsn() <= held and pg.slot_lsn() - before < 65536
    kafka.start()
    wait_published(pg, multisink)
    assert topic.check(pg, kafka) == []


def test_killed_again_and_again_the_topic_is_exact_and_positions_only_rise(pg, kafka, start, long):
    multisink = start(capture(pg, kafka))
    moments = random.Random(21)
    with seed.Load(pg, rate=600):
        for n in range(int(os.environ.get("KILLS") or (100 if long else 8))):
            time.sleep(moments.uniform(0.0, 0.2 if n % 4 == 0 else 1.2))
            multisink.kill()
            multisink.start(wait=n % 4 != 3)
    multisink.wait_ready()
    wait_published(pg, multisink)
    assert topic.check(pg, kafka) == []


def test_the_second_waits_and_takes_over_when_the_first_is_killed(pg, kafka, start):
    first = start(capture(pg, kafka), label="first")
    with seed.Load(pg, rate=400):
        second = start(capture(pg, kafka), wait=False, label="second")
        wait_standby(second)
        who = second.log_text()
        assert "standing by" in who and "multisink" in who and "PID" in who
        assert second.status()["state"] == "standby"
        assert second.cli("status", second.config_path).returncode == 0
        for active, other in ((first, second), (second, first), (first, second)):
            time.sleep(1)
            active.kill()
            wait_state(other, "running")
            active.start(wait=False)
            wait_standby(active)
    wait_published(pg, second)
    assert topic.check(pg, kafka) == []
    assert last_claim(kafka)["epoch"] == 1


def test_one_transaction_that_was_half_in_kafka_is_taken_over_whole(pg, kafka, start):
    """PostgreSQL leaves out a transaction whose commit begins below what was confirmed: nothing in the middle of one may
    be."""
    def slowly():
        config = capture(pg, kafka, source=seed.source_config(pg, status_interval="1s"))
        config["stream"]["kafka"].update(format={"schemas": True}, compression="gzip")
        return config
    first = start(slowly(), label="first")
    seed.Writer(pg).write(100)
    wait_published(pg, first)
    before = pg.slot_lsn()
    second = start(slowly(), wait=False, label="second")
    wait_standby(second)
    with pg.connect() as db:
        db.execute(f"INSERT INTO engagement_events (content_id, user_id, event_type, event_ts, device, raw_payload) "
                   f"SELECT content_id, user_id, event_type, event_ts, device, '{{\"v\": 0}}' FROM engagement_events, "
                   f"generate_series(1, {LARGE // 50}) LIMIT {LARGE}")
    whole = pg.lsn()
    wait_until(lambda: records_in(kafka) > LARGE // 2, 60, "half of it is in Kafka", 0.02)
    wait_until(lambda: pg.slot_lsn() > before, 20, "the slot has moved", 0.02)
    first.kill()
    count, slot = records_in(kafka), pg.slot_lsn()
    assert count < LARGE and slot < whole, "it was too quick to be cut"
    wait_state(second, "running")
    wait_published(pg, second)
    assert topic.check(pg, kafka) == []


def test_one_that_stood_still_finds_out_and_stands_by(quick_pg, kafka, start):
    """SIGSTOP until the server has given it up; what it still writes when it goes on is dropped by readers."""
    pg = quick_pg
    first = start(capture(pg, kafka), label="first")
    second = start(capture(pg, kafka), wait=False, label="second")
    wait_standby(second)
    with seed.Load(pg, rate=400):
        time.sleep(1)
        os.kill(first.pid, signal.SIGSTOP)
        wait_state(second, "running")
        time.sleep(1)
        os.kill(first.pid, signal.SIGCONT)
        wait_standby(first)
        time.sleep(1)
    wait_published(pg, second)
    assert "E1030" in first.log_text()
    assert state_of(second) == "running" and first.running()
    assert topic.check(pg, kafka, repeats_allowed=True) == []


def test_a_snapshot_goes_whole_into_kafka_and_the_standby_goes_on_behind_it(empty_pg, kafka, start):
    pg = empty_pg
    seed.make_source(pg, slot=False, publication=False)
    seed.Writer(pg, rollbacks=0).write(3000)
    first = start(capture(pg, kafka), label="first")
    wait_published(pg, first)
    wait_until(lambda: last_claim(kafka)["phase"] == "streaming", 10, "the snapshot is known to be whole")
    second = start(capture(pg, kafka), wait=False, label="second")
    wait_standby(second)
    first.kill()
    wait_state(second, "running")
    seed.Writer(pg, seed=2).write(500)
    wait_published(pg, second)
    records = kafka.consume(topic.TOPIC)
    snapshot = [r for r in records if topic.payload(r.value or b'{"op":""}')["op"] == "r"]
    assert len(snapshot) > 1000
    assert topic.compare_positions(records) == []


def test_a_snapshot_that_another_began_and_did_not_end_stops_with_the_cure(pg, kafka, start):
    claim = {"term": 7, "writer": "00000000-0000-4000-8000-000000000000", "host": "gone.example", "epoch": 4, "system_id": "1",
             "timeline": 1, "database": "engagement_db", "slot": "cdc_slot", "slot_txns": 0, "phase": "snapshot",
             "position": "4/0/0/0", "wts": 0}
    kafka.create(STATE, cleanup_policy="compact")
    kafka.produce(STATE, (b"capture", json.dumps(claim).encode()))
    before = pg.slot_lsn()
    multisink = start(capture(pg, kafka), wait=False)
    wait_standby(multisink)
    assert multisink.wait_exit(60) != 0
    text = multisink.log_text()
    assert "E1032" in text and "gone.example" in text and "--resnapshot" in text
    assert pg.slot_lsn() == before and topic.TOPIC not in kafka.topics()


def test_a_foreign_record_in_the_state_topic_is_refused(pg, kafka, start):
    kafka.create(STATE, cleanup_policy="compact")
    kafka.produce(STATE, (b"capture", b"hello"))
    multisink = start(capture(pg, kafka), wait=False)
    assert multisink.wait_exit(60) != 0
    assert "E1031" in multisink.log_text()


def test_a_data_directory_that_was_lost_is_no_loss(pg, kafka, start):
    """All that was confirmed is in Kafka: a new directory goes on behind it."""
    import shutil
    multisink = start(capture(pg, kafka))
    seed.Writer(pg).write(1000)
    wait_published(pg, multisink)
    multisink.kill()
    shutil.rmtree(multisink.data)
    seed.Writer(pg, seed=2).write(500)
    multisink.start()
    wait_published(pg, multisink)
    assert topic.check(pg, kafka) == []


def test_a_slot_that_somebody_moved_is_a_gap_also_without_local_state(pg, kafka, start):
    import shutil
    multisink = start(capture(pg, kafka))
    seed.Writer(pg).write(300)
    wait_published(pg, multisink)
    multisink.stop()
    shutil.rmtree(multisink.data)
    seed.Writer(pg, seed=2).write(300)
    pg.execute("SELECT pg_replication_slot_advance('cdc_slot', pg_current_wal_flush_lsn())")
    multisink.start(wait=False)
    assert multisink.wait_exit(30) != 0
    assert "E0418" in multisink.log_text()
