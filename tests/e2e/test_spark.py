# SPDX-License-Identifier: Apache-2.0
"""The seed's Spark job, unchanged but for its jars line, on the topic that a capture writes: it fills Cassandra, Redis
and the receiver, and does not notice who wrote the topic.

The job names its servers by their usual ports (9092, 9042, 6379, 5000) and keeps its place in /tmp/cdc_checkpoints, so
the test takes exactly these, and is skipped, with the reason, where one is taken."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import socket

import pytest

import seed
import servers
import servers_kafka
from servers import ROOT, wait_until

JOB = "shared/seed/spark_cdc_multi_sink.py"
JOBS = [pathlib.Path(os.environ.get("MULTISINK_SEED_JOB", ROOT.parent / JOB)), ROOT.parents[1] / JOB]
SPARK = ROOT / "build/cache/spark"
CHECKPOINTS = pathlib.Path("/tmp/cdc_checkpoints")
PORTS = {"Kafka": 9092, "Cassandra": 9042, "Redis": 6379, "the receiver": 5000}
PREFIX = "engagement_project"
TOPIC = f"{PREFIX}.public.engagement_events"
JARS_LINE = re.compile(r'    \.config\("spark\.jars\.packages",\n(?:            ".*"\n)*            ".*"\) \\\n')


def the_job():
    """The job's text without its jars line; skips where it cannot be had."""
    path = next((p for p in JOBS if p.is_file()), None)
    if path is None:
        pytest.skip(f"the seed's job is not there: {JOBS[0]} (MULTISINK_SEED_JOB names another place)")
    text = path.read_text(encoding="utf-8")
    cut, count = JARS_LINE.subn("", text)
    assert count == 1, "the job's jars line is not where it was"
    return cut


def need_spark():
    if not os.environ.get("MULTISINK_SPARK"):
        pytest.skip("has a target of its own: make test-spark")
    if not (SPARK / "venv/bin/spark-submit").exists() or not (SPARK / "lib").is_dir():
        pytest.skip("Spark is not there; run: scripts/setup java spark")
    if CHECKPOINTS.exists():
        pytest.skip(f"{CHECKPOINTS} is there, and the job would go on where it stands; remove it to run this test")
    for name, port in PORTS.items():
        for address in ("127.0.0.1", "::1"):
            with contextlib.suppress(OSError), socket.create_connection((address, port), 1):
                pytest.skip(f"port {port}, where the job looks for {name}, is taken")


class Spark(servers.Server):
    """spark-submit of the job, on two threads of this machine."""

    name = "spark"
    start_timeout = 120.0
    stop_timeout = 30.0

    def prepare(self):
        (self.dir / "job.py").write_text(the_job(), encoding="utf-8")

    def command(self):
        jars = ",".join(str(p) for p in sorted((SPARK / "lib").glob("*.jar")))
        return [str(SPARK / "venv/bin/spark-submit"), "--master", "local[2]", "--jars", jars,
                "--conf", "spark.ui.enabled=false", "--conf", "spark.driver.memory=768m",
                "--conf", "spark.driver.bindAddress=127.0.0.1", "--conf", "spark.driver.host=127.0.0.1",
                "--conf", f"spark.local.dir={self.dir}/local", str(self.dir / "job.py")]

    def environment(self):
        python = str(SPARK / "venv/bin/python")
        return {**os.environ, "PYSPARK_PYTHON": python, "PYSPARK_DRIVER_PYTHON": python, "PYTHONUNBUFFERED": "1",
                "SPARK_LOCAL_IP": "127.0.0.1", "PYTHONIOENCODING": "utf-8"}

    def ready(self):
        """It has noted where the topic ended: what is written from now on is its."""
        return (CHECKPOINTS / "sources/0/0").exists()


@pytest.fixture
def stack(run):
    """The servers of the job, where it looks for them, an empty topic, and PostgreSQL."""
    the_job()
    need_spark()

    def at(server, port):
        server.port = port
        return server

    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, CHECKPOINTS, ignore_errors=True)
        pg = stack.enter_context(servers.Postgres(run))
        seed.make_source(pg, identity_full=False, slot=False)
        kafka = stack.enter_context(servers_kafka.Kafka(run, port=9092))
        kafka.create(TOPIC)
        cassandra = stack.enter_context(at(servers.Cassandra(run), 9042))
        seed.make_cassandra(cassandra)
        redis = stack.enter_context(at(servers.Redis(run), 6379))
        receiver = stack.enter_context(at(servers.Receiver(run), 5000))
        yield stack, pg, kafka, cassandra, redis, receiver


def write_events(pg):
    """Inserts, updates and deletes; (rows that were ever inserted as they were last, events by content)."""
    rows, counts, events = {}, {}, 0
    columns = "id::text, content_id::text, user_id::text, event_type, duration_ms, device"
    with pg.connect() as db:
        for number in range(40):
            content = seed.CONTENTS[number % 7]
            row = db.execute(f"{seed.INSERT.replace('RETURNING id', f'RETURNING {columns}')}", (
                content, f"00000000-0000-0000-0000-{number:012}", seed.EVENT_TYPES[number % 4], number * 10,
                seed.DEVICES[number % len(seed.DEVICES)], json.dumps({"v": 0}))).fetchone()
            rows[row[0]] = row
            counts[content] = counts.get(content, 0) + 1
            events += 1
        for number in range(1, 41, 5):
            row = db.execute(f"UPDATE engagement_events SET duration_ms = 7, device = 'dévice' WHERE id = {number} "
                             f"RETURNING {columns}").fetchone()
            rows[row[0]] = row
            counts[row[1]] += 1
            events += 1
        db.execute("DELETE FROM engagement_events WHERE id % 10 = 0")
    return rows, counts, events


def check(pg, cassandra, redis, receiver, spark):
    rows, counts, events = write_events(pg)

    def lines():
        return receiver.file.read_text(encoding="utf-8").splitlines() if receiver.file.exists() else []

    try:
        wait_until(lambda: len(lines()) >= events, 60, f"{events} requests at the receiver", 0.3)
    except TimeoutError as fault:
        raise AssertionError(f"{fault}, but {len(lines())}{spark.log_tail(40)}") from None
    assert len(lines()) == events
    assert {k: int(v) for k, v in redis.client().zrange(seed.SCORES, 0, -1, withscores=True)} == counts
    found = cassandra.execute("SELECT id, content_id, user_id, event_type, duration_ms, device FROM "
                              "engagement.engagement_events")
    assert {(str(r.id), str(r.content_id), str(r.user_id), r.event_type, r.duration_ms, r.device)
            for r in found} == set(rows.values())
    bodies = [json.loads(line) for line in lines()]
    last = {str((b.get("body") or b)["id"]): (b.get("body") or b) for b in bodies}
    assert {i: (b["device"], b["duration_ms"]) for i, b in last.items()} == {i: (r[5], r[4]) for i, r in rows.items()}
    assert "❌" not in spark.log_text()


SEED_CONNECTOR = {"table__include__list": "public.engagement_events", "database__server__name": PREFIX,
                  "database__allowPublicKeyRetrieval": "true", "transforms": "unwrap",
                  "transforms__unwrap__type": "io.debezium.transforms.ExtractNewRecordState"}


@pytest.mark.timeout(400)
def test_the_job_runs_on_what_the_real_debezium_writes(stack, run, long):
    """That the harness is right."""
    if not long:
        pytest.skip("long form only: MULTISINK_LONG=1")
    exits, pg, kafka, cassandra, redis, receiver = stack
    connect = exits.enter_context(servers_kafka.Connect(run, kafka, "2.5"))
    connect.create("engagement-cdc", servers_kafka.debezium_config(
        pg, PREFIX, "cdc_slot", "engagement_pub", **SEED_CONNECTOR))
    connect.wait_running("engagement-cdc")
    wait_until(lambda: pg.slot_lsn(), 30, "the connector's slot")
    spark = exits.enter_context(Spark(run))
    check(pg, cassandra, redis, receiver, spark)


@pytest.mark.timeout(400)
def test_the_job_runs_on_what_multisink_writes(stack, run):
    exits, pg, kafka, cassandra, redis, receiver = stack
    exits.enter_context(servers.Multisink(run, {
        "version": 1, "name": "engagement", "role": "capture", "source": seed.source_config(pg),
        "stream": {"kafka": {"brokers": kafka.brokers, "topic_prefix": PREFIX, "format": {"record": "unwrapped"}}}}))
    wait_until(lambda: pg.slot_lsn(), 30, "the slot")
    spark = exits.enter_context(Spark(run))
    check(pg, cassandra, redis, receiver, spark)
