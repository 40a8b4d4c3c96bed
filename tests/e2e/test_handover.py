# SPDX-License-Identifier: Apache-2.0
"""From Debezium to multisink on the same slot and the same topic, and back: no change is lost, none is there twice."""
import collections
import json
import pathlib

import pytest

import seed
import servers
import servers_kafka

PREFIX = "engagement_project"
TOPIC = f"{PREFIX}.public.engagement_events"
UNWRAP = {"transforms": "unwrap", "transforms.unwrap.type": "io.debezium.transforms.ExtractNewRecordState",
          "transforms.unwrap.drop.tombstones": "false", "transforms.unwrap.delete.handling.mode": "rewrite"}
pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def connect(run, kafka):
    with servers_kafka.Connect(run, kafka, "2.5") as server:
        yield server


class Ledger:
    """Every change of the table, noted by a trigger in the same transaction."""

    def __init__(self, pg):
        self.pg = pg
        pg.execute("CREATE TABLE ledger (n bigserial, op text, id bigint, v int)")
        pg.execute("CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN"
                   " INSERT INTO ledger (op, id, v) VALUES (TG_OP, COALESCE(NEW.id, OLD.id),"
                   " (COALESCE(NEW.raw_payload, OLD.raw_payload)->>'v')::int); RETURN NULL; END$$")
        pg.execute("CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON engagement_events"
                   " FOR EACH ROW EXECUTE FUNCTION note()")

    def counts(self):
        """{(id, "c", "u" or "d", version): how often}; a delete's version is not looked at."""
        names = {"INSERT": "c", "UPDATE": "u", "DELETE": "d"}
        return collections.Counter((i, names[op], None if op == "DELETE" else v)
                                   for op, i, v in self.pg.execute("SELECT op, id, v FROM ledger"))


def envelope_counts(records):
    found = collections.Counter()
    for record in records:
        if record.value is None:
            continue
        payload = json.loads(record.value)["payload"]
        row = payload["after"] or payload["before"]
        version = json.loads(row["raw_payload"])["v"] if payload["after"] else None
        found[row["id"], payload["op"], version] += 1
    return found


def unwrapped_counts(records):
    found = collections.Counter()
    for record in records:
        if record.value is None:
            continue
        row = json.loads(record.value)["payload"]
        gone = row["__deleted"] == "true"
        version = None if gone else json.loads(row["raw_payload"])["v"]
        found[row["id"], "d" if gone else "u" if version else "c", version] += 1
    return found


def stop_debezium(connect):
    """Stopped as the page says; the answer of Connect with its offset."""
    assert connect.request("PUT", "/connectors/cdc/stop")[0] == 204
    servers.wait_until(lambda: not connect.request("GET", "/connectors/cdc/status")[1]["tasks"], 30, "it is stopped")
    status, offsets = connect.request("GET", "/connectors/cdc/offsets")
    assert status == 200 and offsets["offsets"]
    return offsets


def pipeline(pg, kafka, record):
    form = {"record": record, **({"deletes": "rewrite-with-tombstone"} if record == "unwrapped" else {})}
    stream = {"kafka": {"brokers": [kafka.brokers], "topic_prefix": PREFIX, "format": form}}
    return {"version": 1, "name": "engagement", "role": "capture", "source": seed.source_config(pg), "stream": stream}


def all_in_kafka(kafka, ledger, counts):
    def as_many():
        return TOPIC in kafka.topics() and sum(counts(kafka.consume(TOPIC)).values()) >= sum(ledger.counts().values())
    servers.wait_until(as_many, 60, "as many records as changes", 0.3)
    assert counts(kafka.consume(TOPIC)) == ledger.counts()


@pytest.mark.parametrize("record", ["envelope", "unwrapped"])
def test_from_debezium_to_multisink_and_back_every_change_is_there_once(run, empty_pg, kafka, connect, start, record):
    pg = empty_pg
    seed.make_source(pg, identity_full=False)
    ledger = Ledger(pg)
    counts = envelope_counts if record == "envelope" else unwrapped_counts
    config = servers_kafka.debezium_config(pg, PREFIX, "cdc_slot", "engagement_pub", table__include__list=seed.TABLE,
                                           snapshot__mode="never")  # the slot has it all
    config.update(UNWRAP if record == "unwrapped" else {})
    writer = seed.Writer(pg, tx_max=8)
    connect.create("cdc", config)
    connect.wait_running("cdc")
    writer.write(300)
    all_in_kafka(kafka, ledger, counts)

    offsets = pathlib.Path(run.dir) / "offsets.json"
    offsets.write_text(json.dumps(stop_debezium(connect)))
    writer.write(200)  # while nobody captures
    multisink = start(pipeline(pg, kafka, record), options=["--after-debezium", str(offsets)])
    writer.write(200)
    all_in_kafka(kafka, ledger, counts)
    assert multisink.stop() == 0
    multisink.options.clear()  # from then on it has a history of its own
    multisink.start()
    writer.write(100)
    all_in_kafka(kafka, ledger, counts)
    assert multisink.stop() == 0

    writer.write(100)
    assert connect.request("DELETE", "/connectors/cdc/offsets")[0] == 200
    assert connect.request("PATCH", "/connectors/cdc/config", {"snapshot.mode": "never"})[0] == 200
    assert connect.request("PUT", "/connectors/cdc/resume")[0] == 202
    connect.wait_running("cdc")
    writer.write(100)
    all_in_kafka(kafka, ledger, counts)


def test_an_offset_that_is_none_starts_nothing(run, empty_pg, kafka, start):
    seed.make_source(empty_pg)
    bad = pathlib.Path(run.dir) / "offsets.json"
    bad.write_text('{"offsets": []}')
    before = empty_pg.slot_lsn()
    multisink = start(pipeline(empty_pg, kafka, "envelope"), wait=False, options=["--after-debezium", str(bad)])
    assert multisink.wait_exit() != 0
    assert "E0460" in multisink.log_text()
    assert empty_pg.slot_lsn() == before and kafka.topics() == {}
