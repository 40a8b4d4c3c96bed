# SPDX-License-Identifier: Apache-2.0
"""Kafka Connect's REST API where the stream is in Kafka: a source connector writes the topics that it writes with
Debezium, a sink connector delivers from topics, whoever writes them."""
import json

import pytest

import connect_scenario
import debezium_topic
import seed
import servers
import servers_kafka
import test_connect
import test_handover
import topic
from servers import wait_until

NAME = connect_scenario.NAME
TOPIC = "engagement_project.public.engagement_events"
JSON = "org.apache.kafka.connect.json.JsonConverter"
pytestmark = pytest.mark.timeout(300)


class Daemon(test_connect.Daemon):
    """Told the brokers as a Connect worker is, and nothing else."""

    def __init__(self, run, kafka, **more):
        super().__init__(run, **more)
        self.kafka = kafka

    def command(self):
        return [self.binary, "run", "--data", str(self.data), "--brokers", self.kafka.brokers, "--listen", self.listen]


@pytest.fixture
def seed_pg(pg):
    pg.execute("CREATE ROLE mohammed LOGIN SUPERUSER PASSWORD 'master'")
    return pg


@pytest.fixture
def daemon(run, kafka):
    with Daemon(run, kafka) as server:
        yield server


def values(kafka, name=TOPIC):
    """Without what a second capture of the same rows would have of its own."""
    return [(r.key, r.value) for r in kafka.consume(name)] if name in kafka.topics() else []


def wait_records(kafka, count, name=TOPIC):
    wait_until(lambda: sum(kafka.ends(name).values()) == count if name in kafka.topics() else False, 60,
               f"{count} records", 0.3)


def write_all_kinds(pg):
    test_connect.insert(pg, 3)
    pg.execute("UPDATE engagement_events SET duration_ms = 7 WHERE id = (SELECT max(id) FROM engagement_events)")
    pg.execute("DELETE FROM engagement_events WHERE id = (SELECT max(id) FROM engagement_events)")


def test_the_seeds_command_fills_the_topic_as_a_file_does(daemon, seed_pg, kafka, start):
    seed_pg.execute("SELECT pg_copy_logical_replication_slot('cdc_slot', 'file_slot')")
    config = json.dumps({"name": NAME, "config": connect_scenario.seed_config(seed_pg)}, indent=2)
    made = test_connect.curl(daemon, "curl -X POST http://localhost:8083/connectors"
                             f" -H \"Content-Type: application/json\" -d '{config}'")
    assert made["type"] == "source"
    daemon.wait_state(NAME, "RUNNING")
    write_all_kinds(seed_pg)
    wait_records(kafka, 4)  # deletes are dropped, with their tombstones

    stream = {"kafka": {"brokers": [kafka.brokers], "topic_prefix": "file", "format": {"record": "unwrapped"}}}
    source = seed.source_config(seed_pg)
    source["postgres"].update(slot="file_slot")
    start({"version": 1, "name": "file", "role": "capture", "source": source, "stream": stream})
    wait_records(kafka, 4, "file.public.engagement_events")
    theirs = [(r.key.replace(b"file.", b"engagement_project."), r.value.replace(b"file.", b"engagement_project."))
              for r in kafka.consume("file.public.engagement_events")]
    assert values(kafka) == theirs
    row = json.loads(theirs[0][1])["payload"]
    assert row["event_type"] == "play" and "op" not in row
    assert daemon.ask("GET", f"/connectors/{NAME}/topics") == {NAME: {"topics": [TOPIC]}}
    assert daemon.ask("GET", f"/connectors/{NAME}/offsets")["offsets"][0]["partition"] == {"server": "engagement_project"}


@pytest.mark.parametrize("name, value, said", [
    ("value.converter", "io.confluent.connect.avro.AvroConverter", JSON),
    ("key.converter", "org.apache.kafka.connect.storage.StringConverter", JSON),
    ("transforms.unwrap.route.by.field", "id", "add.fields"),
    ("value.converter.decimal.format", "NUMERIC", "BASE64"),
    ("topic.creation.default.cleanup.policy", "compact", "default.partitions"),
    ("topic.creation.default.partitions", "0", "from 1 to 10000"),
    ("skipped.operations", "u,t", "t and none"),
    ("signal.enabled.channels", "source,kafka", "signal.data.collection"),
    ("topic.delimiter", "_", "multisink offers ."),
    ("money.fraction.digits", "19", "money_digits"),
])
def test_what_kafka_cannot_be_given_is_refused_with_its_name(daemon, seed_pg, kafka, name, value, said):
    config = {**connect_scenario.seed_config(seed_pg), name: value}
    message = daemon.ask("POST", "/connectors", {"name": NAME, "config": config}, 400)["message"]
    assert said in message and (name in message or "money_digits" in message), message
    assert daemon.ask("GET", "/connectors") == []
    checked = daemon.ask("PUT", "/connector-plugins/PostgresConnector/config/validate", {**config, "name": NAME})
    assert checked["error_count"] == 1
    assert kafka.topics() == {}


def test_properties_of_records_and_topics_count(daemon, seed_pg, kafka):
    seed_pg.execute("CREATE TABLE signals (id varchar(42) PRIMARY KEY, type varchar(32), data varchar(2048))")
    seed_pg.execute("ALTER PUBLICATION engagement_pub ADD TABLE signals")
    test_connect.make_source(daemon, seed_pg, **{
        "transforms.unwrap.drop.tombstones": "false", "transforms.unwrap.delete.handling.mode": "rewrite",
        "transforms.unwrap.add.fields": "op,table", "transforms.unwrap.add.headers": "db",
        "key.converter": JSON, "key.converter.schemas.enable": "false",
        "value.converter": JSON, "value.converter.schemas.enable": "false",
        "topic.creation.default.partitions": "3", "topic.creation.default.replication.factor": "1",
        "heartbeat.interval.ms": "1000", "signal.data.collection": "public.signals"})
    write_all_kinds(seed_pg)
    wait_until(lambda: len(values(kafka)) == 6, 60, "six records", 0.3)
    assert kafka.topics()[TOPIC] == 3
    records = [r for r in kafka.consume(TOPIC)]
    gone = next(r for r in records if r.value is None)
    mine = [json.loads(r.value) for r in records if r.key == gone.key and r.value is not None]
    assert [(row["__op"], row["__table"], row["__deleted"]) for row in mine] == [
        ("c", "engagement_events", "false"), ("u", "engagement_events", "false"), ("d", "engagement_events", "true")]
    assert list(json.loads(gone.key)) == ["id"]
    assert all(topic.header(r, "__db") == b"engagement_db" for r in records if r.value is not None)
    wait_until(lambda: "__debezium-heartbeat.engagement_project" in kafka.topics(), 30, "a heartbeat")
    seed_pg.execute("INSERT INTO signals VALUES ('1', 'execute-snapshot',"
                    " '{\"data-collections\": [\"public.engagement_events\"], \"type\": \"incremental\"}')")
    wait_until(lambda: len([v for _, v in values(kafka) if v and json.loads(v)["__op"] == "r"]) >= 2, 60,
               "the table comes again", 0.3)


def test_pause_and_resume_and_a_restart_of_the_daemon_lose_and_repeat_nothing(daemon, seed_pg, kafka):
    test_connect.make_source(daemon, seed_pg)
    test_connect.insert(seed_pg, 5)
    wait_records(kafka, 5)
    daemon.ask("PUT", f"/connectors/{NAME}/pause", want=202)
    daemon.wait_state(NAME, "PAUSED")
    test_connect.insert(seed_pg, 5)
    assert daemon.stop() == 0
    daemon.start()
    assert daemon.state(NAME) == "PAUSED" and sum(kafka.ends(TOPIC).values()) == 5
    daemon.ask("PUT", f"/connectors/{NAME}/resume", want=202)
    daemon.wait_state(NAME, "RUNNING")
    wait_records(kafka, 10)
    daemon.kill()
    test_connect.insert(seed_pg, 5)
    daemon.start()
    daemon.wait_state(NAME, "RUNNING")
    wait_records(kafka, 15)
    assert not topic.compare_positions(kafka.consume(TOPIC))


def test_a_sink_delivers_from_the_topic_beside_the_source(daemon, seed_pg, kafka, redis):
    test_connect.make_source(daemon, seed_pg)
    test_connect.insert(seed_pg, 10)
    daemon.ask("PUT", "/connectors/top-content/config", test_connect.redis_config(redis), 201)
    wait_until(lambda: test_connect.score(redis) == 10, 60, "ten are there")
    daemon.wait_state("top-content", "RUNNING")
    wait_until(lambda: daemon.ask("GET", "/connectors/top-content/topics")["top-content"]["topics"] == [TOPIC], 30,
               "its topic is told")
    daemon.ask("PUT", "/connectors/top-content/pause", want=202)
    daemon.wait_state("top-content", "PAUSED")
    test_connect.insert(seed_pg, 5)
    wait_records(kafka, 15)
    assert test_connect.score(redis) == 10
    assert daemon.stop() == 0
    daemon.start()
    daemon.ask("PUT", f"/connectors/{NAME}/stop", want=204)  # a sink does not need the source
    daemon.ask("PUT", "/connectors/top-content/resume", want=202)
    wait_until(lambda: test_connect.score(redis) == 15, 60, "fifteen are there")
    daemon.ask("DELETE", "/connectors/top-content", want=204)
    assert daemon.ask("GET", "/connectors") == [NAME]


def test_a_sink_reads_topics_of_any_name_that_a_debezium_writes(daemon, kafka, redis):
    records = debezium_topic.TOPIC
    kafka.create(records, partitions=2)
    row = {"before": None, "after": {"id": 1, "content_id": seed.CONTENTS[0]}, "op": "c", "ts_ms": 1,
           "source": {"schema": "public", "table": "engagement_events", "db": "d", "ts_ms": 1, "lsn": 1, "txId": 1}}
    kafka.produce(records, *[(json.dumps({"id": i}).encode(), json.dumps(row).encode()) for i in range(20)])
    config = test_connect.redis_config(redis, topics=records)
    daemon.ask("PUT", "/connectors/top-content/config", {**config, "value.converter": "x.Avro"}, 400)
    daemon.ask("PUT", "/connectors/top-content/config", config, 201)
    wait_until(lambda: test_connect.score(redis) == 20, 60, "twenty are there")


@pytest.mark.parametrize("record", ["envelope", "unwrapped"])
def test_from_debezium_by_rest_alone_no_change_is_lost_and_none_is_there_twice(run, empty_pg, kafka, record):
    pg = empty_pg
    seed.make_source(pg, identity_full=False)
    ledger = test_handover.Ledger(pg)
    counts = test_handover.envelope_counts if record == "envelope" else test_handover.unwrapped_counts
    config = servers_kafka.debezium_config(pg, test_handover.PREFIX, "cdc_slot", "engagement_pub",
                                           table__include__list=seed.TABLE, snapshot__mode="never")
    config.update(test_handover.UNWRAP if record == "unwrapped" else {})
    writer = seed.Writer(pg, tx_max=8)
    with servers_kafka.Connect(run, kafka, "2.5") as connect:
        connect.create("cdc", config)
        connect.wait_running("cdc")
        writer.write(300)
        test_handover.all_in_kafka(kafka, ledger, counts)
        offsets = test_handover.stop_debezium(connect)
        taken = connect.request("GET", "/connectors/cdc/config")[1]
    writer.write(200)  # while nobody captures
    with Daemon(run, kafka) as daemon:
        made = {"name": "cdc", "config": taken, "initial_state": "STOPPED"}
        daemon.ask("POST", "/connectors", made, 201)
        bad = {"offsets": [{"partition": {"server": test_handover.PREFIX}, "offset": {"lsn": "x"}}]}
        assert "lsn" in daemon.ask("PATCH", "/connectors/cdc/offsets", bad, 400)["message"]
        answer = daemon.ask("PATCH", "/connectors/cdc/offsets", offsets)
        assert "altered successfully" in answer["message"]
        assert daemon.ask("GET", "/connectors/cdc/offsets") == offsets
        assert daemon.stop() == 0  # it is kept
        daemon.start()
        daemon.ask("PUT", "/connectors/cdc/resume", want=202)
        daemon.wait_state("cdc", "RUNNING")
        writer.write(200)
        test_handover.all_in_kafka(kafka, ledger, counts)
        daemon.ask("PUT", "/connectors/cdc/stop", want=204)
        assert "history" in daemon.ask("PATCH", "/connectors/cdc/offsets", offsets, 400)["message"]
        daemon.ask("PUT", "/connectors/cdc/resume", want=202)
        writer.write(100)
        test_handover.all_in_kafka(kafka, ledger, counts)


def test_a_file_with_brokers_alone_is_a_worker(run, kafka, seed_pg):
    kafka_stream = {"brokers": [kafka.brokers], "format": {"schemas": False}, "properties": {"client.id": "worker-1"}}
    with test_connect.WithFile(run, stream={"kafka": kafka_stream}) as daemon:
        test_connect.make_source(daemon, seed_pg)
        test_connect.insert(seed_pg)
        wait_records(kafka, 1)
        assert json.loads(values(kafka)[0][1])["event_type"] == "play"  # the worker's converter


def test_brokers_and_a_file_are_one_too_many(run):
    with test_connect.WithFile(run) as daemon:
        result = daemon.cli("run", str(daemon.config_path), "--brokers", "localhost:9092")
        assert result.returncode == 2 and "stream.kafka.brokers" in result.stderr
        assert daemon.cli("run", "--brokers", "localhost:9092").returncode == 2


def test_offsets_of_a_sink_are_those_of_its_group(daemon, kafka, receiver):
    kafka.create(TOPIC, partitions=2)
    row = {"id": 1, "content_id": seed.CONTENTS[0]}
    kafka.produce(TOPIC, *[(json.dumps({"id": 1}).encode(), json.dumps({**row, "n": i}).encode(), None, i % 2)
                           for i in range(20)])
    config = {"connector.class": "multisink.HttpSink", "topics": TOPIC, "url": receiver.url}
    daemon.ask("PUT", "/connectors/events/config", config, 201)

    def offsets():
        entries = daemon.ask("GET", "/connectors/events/offsets")["offsets"]
        return {e["partition"]["kafka_partition"]: e["offset"]["kafka_offset"] for e in entries
                if e["partition"]["kafka_topic"] == TOPIC}

    def entry(partition, offset):
        return {"partition": {"kafka_topic": TOPIC, "kafka_partition": partition}, "offset": offset}

    wait_until(lambda: offsets() == {0: 10, 1: 10}, 60, "all is delivered")
    patch = {"offsets": [entry(0, {"kafka_offset": 4}), entry(1, None)]}
    daemon.ask("PATCH", "/connectors/events/offsets", patch, 400)  # it runs
    daemon.ask("PUT", "/connectors/events/stop", want=204)
    assert "kafka_offset" in daemon.ask("PATCH", "/connectors/events/offsets",
                                        {"offsets": [entry(0, {"offset": 4})]}, 400)["message"]
    assert "altered" in daemon.ask("PATCH", "/connectors/events/offsets", patch)["message"]
    assert offsets() == {0: 4}
    daemon.ask("PUT", "/connectors/events/resume", want=202)
    wait_until(lambda: offsets() == {0: 10, 1: 10}, 60, "sixteen are delivered again")
    daemon.ask("PUT", "/connectors/events/stop", want=204)
    assert "reset" in daemon.ask("DELETE", "/connectors/events/offsets")["message"]
    assert offsets() == {}


def test_check_looks_at_brokers_and_topics(run, kafka, seed_pg):
    stream = {"kafka": {"brokers": [kafka.brokers], "topic_prefix": "engagement_project"}}
    config = {"version": 1, "name": "engagement", "role": "capture", "source": seed.source_config(seed_pg), "stream": stream}
    multisink = servers.Multisink(run, config)

    def check():
        result = multisink.cli("check", multisink.config_path)
        return result.returncode, " ".join(result.stdout.split())

    code, text = check()
    assert code == 0 and f"topic {TOPIC} will be made" in text
    config["stream"]["kafka"]["create_topics"] = "never"
    multisink.configure(config)
    code, text = check()
    assert code == 2 and "E1053" in text and "create_topics: auto" in text
    kafka.create(TOPIC, partitions=3)
    code, text = check()
    assert code == 0 and f"topic {TOPIC} has 3 partitions" in text
    kafka.stop()
    assert check()[0] == 3
