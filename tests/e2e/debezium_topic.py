# SPDX-License-Identifier: Apache-2.0
"""A topic as a real Debezium writes it, from a table that exists only here: what the sinks must hold at the end is known
without PostgreSQL. Rows are those of the seed's engagement_events; every row carries its version, as in seed.py.
"""
import collections
import datetime
import json
import random
import threading
import time
import uuid

import checker
import seed

TOPIC = "app.public.engagement_events"
UUID, ZONED, JSONB = "io.debezium.data.Uuid", "io.debezium.time.ZonedTimestamp", "io.debezium.data.Json"
COLUMNS = [("id", "int64", None), ("content_id", "string", UUID), ("user_id", "string", UUID), ("event_type", "string", None),
           ("event_ts", "string", ZONED), ("duration_ms", "int32", None), ("device", "string", None),
           ("raw_payload", "string", JSONB)]


def row_schema(name, field=None, columns=COLUMNS):
    fields = [{"type": kind, "optional": column != "id", "field": column, **({"name": of, "version": 1} if of else {})}
              for column, kind, of in columns]
    schema = {"type": "struct", "fields": fields, "optional": True, "name": name}
    return {**schema, "field": field} if field else schema


SOURCE_FIELDS = [("version", "string"), ("connector", "string"), ("name", "string"), ("ts_ms", "int64"), ("snapshot", "string"),
                 ("db", "string"), ("sequence", "string"), ("schema", "string"), ("table", "string"), ("txId", "int64"),
                 ("lsn", "int64"), ("xmin", "int64")]
ENVELOPE_SCHEMA = {
    "type": "struct", "optional": False, "name": f"{TOPIC}.Envelope", "version": 1,
    "fields": [row_schema(f"{TOPIC}.Value", "before"), row_schema(f"{TOPIC}.Value", "after"),
               {"type": "struct", "optional": False, "name": "io.debezium.connector.postgresql.Source", "field": "source",
                "fields": [{"type": kind, "optional": True, "field": name} for name, kind in SOURCE_FIELDS]},
               {"type": "string", "optional": False, "field": "op"}, {"type": "int64", "optional": True, "field": "ts_ms"}]}
KEY_SCHEMA = {"type": "struct", "fields": [{"type": "int64", "optional": False, "field": "id"}], "optional": False,
              "name": f"{TOPIC}.Key"}


class Table:
    """The table, and the topic that says what happens to it. schemas, unwrapped: the connector's options."""

    def __init__(self, kafka, partitions=6, seed_number=1, schemas=True, unwrapped=False, topic=TOPIC):
        self.kafka, self.partitions, self.topic = kafka, partitions, topic
        self.schemas, self.unwrapped = schemas, unwrapped
        self.random = random.Random(seed_number)
        self.rows = {}
        self.live = []
        self.next_id = 1
        self.records = 0
        self.lsn = 1 << 32

    def new_row(self):
        r = self.random
        now = datetime.datetime.now(datetime.timezone.utc)
        row = {"id": self.next_id, "content_id": r.choice(seed.CONTENTS), "user_id": str(uuid.UUID(int=r.getrandbits(128))),
               "event_type": r.choice(seed.EVENT_TYPES), "event_ts": now.isoformat(timespec="microseconds").replace("+00:00", "Z"),
               "duration_ms": r.randrange(100000), "device": r.choice(seed.DEVICES), "raw_payload": json.dumps({"v": 0})}
        self.next_id += 1
        return row

    def with_schema(self, schema, payload):
        return json.dumps({"schema": schema, "payload": payload} if self.schemas else payload).encode()

    def record(self, before, after, op):
        """Key, value and partition of a change."""
        row = after or before
        self.lsn += 100
        key = self.with_schema(KEY_SCHEMA, {"id": row["id"]})
        if self.unwrapped:
            value = self.with_schema(row_schema(f"{TOPIC}.Value"), after) if after else None
        else:
            source = {"version": "2.5.4.Final", "connector": "postgresql", "name": "app", "ts_ms": int(time.time() * 1000),
                      "snapshot": "false", "db": "engagement", "sequence": None, "schema": "public",
                      "table": "engagement_events", "txId": self.lsn // 100 % 100000, "lsn": self.lsn, "xmin": None}
            value = self.with_schema(ENVELOPE_SCHEMA, {"before": before, "after": after, "source": source, "op": op,
                                                       "ts_ms": int(time.time() * 1000)})
        return key, value, None, row["id"] % self.partitions

    def change(self):
        """The records of one change."""
        r = self.random
        what = r.random()
        if self.live and what < 0.1:
            at = r.randrange(len(self.live))
            self.live[at], self.live[-1] = self.live[-1], self.live[at]
            row = self.rows.pop(self.live.pop())
            gone = self.record(row, None, "d")
            return [gone] if self.unwrapped else [gone, (gone[0], None, None, gone[3])]
        if self.live and what < 0.4:
            before = self.rows[r.choice(self.live)]
            after = {**before, "duration_ms": r.randrange(100000), "device": r.choice(seed.DEVICES),
                     "raw_payload": json.dumps({"v": json.loads(before["raw_payload"])["v"] + 1})}
            if r.random() < 0.2:
                after["content_id"] = r.choice(seed.CONTENTS)
            self.rows[after["id"]] = after
            return [self.record(before, after, "u")]
        row = self.new_row()
        self.rows[row["id"]] = row
        self.live.append(row["id"])
        return [self.record(None, row, "c")]

    def write(self, changes):
        records = [record for _ in range(changes) for record in self.change()]
        self.kafka.produce(self.topic, *records)
        self.records += len(records)

    # ---- what the sinks must hold ----

    def counts(self):
        return dict(collections.Counter(row["content_id"] for row in self.rows.values()))

    def check_redis(self, redis):
        return checker.compare_scores(self.counts(), dict(redis.client().zrange(seed.SCORES, 0, -1, withscores=True)))

    def check_cassandra(self, cassandra):
        rows, _ = checker.read_cassandra(cassandra, checker.COLUMNS)
        expected = {}
        for row in self.rows.values():
            moment = datetime.datetime.fromisoformat(row["event_ts"].replace("Z", "+00:00"))
            values = {**row, "content_id": uuid.UUID(row["content_id"]), "user_id": uuid.UUID(row["user_id"]), "event_ts": moment}
            expected[row["id"]] = tuple(checker.plain(values[c]) for c in checker.COLUMNS)
        return checker.compare_rows(expected, rows, "cassandra")

    def check_http(self, receiver, repeats_allowed=True):
        rows = {}
        for row in self.rows.values():
            body = {**row, "event_ts": checker.normal_time(row["event_ts"]), "raw_payload": json.loads(row["raw_payload"])}
            rows[row["id"]] = body
        events = [checker.normal_event(e) for e in checker.read_events(receiver.file)]
        for event in events:
            if isinstance(event["body"].get("raw_payload"), str):
                event["body"]["raw_payload"] = json.loads(event["body"]["raw_payload"])
        return checker.compare_events(events, rows, repeats_allowed=repeats_allowed)


class Load(threading.Thread):
    """Changes at a pace until the with block ends."""

    def __init__(self, table, rate=300):
        super().__init__(daemon=True)
        self.table, self.rate = table, rate
        self.ending = threading.Event()
        self.fault = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.join(60)
        if self.fault:
            raise self.fault

    def run(self):
        try:
            while not self.ending.is_set():
                self.table.write(self.rate // 5)
                self.ending.wait(0.2)
        except Exception as fault:  # shown by the test, not by the thread
            self.fault = fault
