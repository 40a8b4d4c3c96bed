# SPDX-License-Identifier: Apache-2.0
"""The engagement pipeline: its schema, its targets, its configuration, and a writer of changes.

Every row carries a version in raw_payload.v: 0 when inserted, one more with each update. So whoever sees the events
of a row can tell from them alone that none is missing, none came twice and none came out of order.
"""
import json
import random
import threading
import time
import uuid

SOURCE_SQL = """
CREATE TABLE content (
    id UUID PRIMARY KEY,
    slug TEXT UNIQUE NOT NULL,
    title TEXT NOT NULL,
    content_type TEXT CHECK (content_type IN ('podcast', 'newsletter', 'video')),
    length_seconds INTEGER,
    publish_ts TIMESTAMPTZ NOT NULL
);
CREATE TABLE engagement_events (
    id BIGSERIAL PRIMARY KEY,
    content_id UUID REFERENCES content(id),
    user_id UUID,
    event_type TEXT CHECK (event_type IN ('play', 'pause', 'finish', 'click')),
    event_ts TIMESTAMPTZ NOT NULL,
    duration_ms INTEGER,
    device TEXT,
    raw_payload JSONB
);
"""
PUBLICATION_SQL = "CREATE PUBLICATION engagement_pub FOR TABLE engagement_events"
SLOT_SQL = "SELECT * FROM pg_create_logical_replication_slot('cdc_slot', 'pgoutput')"

KEYSPACE_CQL = ("CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH replication = "
                "{{'class': 'SimpleStrategy', 'replication_factor': 1}}")
TABLE_CQL = ("CREATE TABLE {keyspace}.engagement_events (id bigint PRIMARY KEY, content_id uuid, user_id uuid, "
             "event_type text, event_ts timestamp, duration_ms int, device text)")
COLUMNS = ["id", "content_id", "user_id", "event_type", "event_ts", "duration_ms", "device"]
TABLE = "public.engagement_events"
SCORES = "engagement_10m"

CONTENTS = [str(uuid.UUID(int=0x4bb775ea96f54ffa80be22e3b1c94570 + n)) for n in range(24)]
DEVICES = ["android", "ios", "web", "tv", 'ta"b,{}\\', "gerät", "", None]
EVENT_TYPES = ["play", "pause", "finish", "click"]


def make_source(pg, identity_full=True, slot=True, publication=True):
    """The seed's tables with some content; publication and slot as the seed makes them."""
    with pg.connect() as db:
        db.execute(SOURCE_SQL)
        with db.cursor() as cursor:
            cursor.executemany("INSERT INTO content VALUES (%s, %s, %s, 'podcast', 600, now())",
                               [(c, f"slug-{n}", f"Episode {n}") for n, c in enumerate(CONTENTS)])
        if identity_full:
            db.execute("ALTER TABLE engagement_events REPLICA IDENTITY FULL")
        if publication:
            db.execute(PUBLICATION_SQL)
        if slot:
            db.execute(SLOT_SQL)


def make_cassandra(cassandra, keyspace="engagement"):
    cassandra.execute(f"DROP KEYSPACE IF EXISTS {keyspace}", KEYSPACE_CQL.format(keyspace=keyspace),
                      TABLE_CQL.format(keyspace=keyspace))


def source_config(pg, port=None, **more):
    url = f"postgres://postgres@127.0.0.1:{port or pg.port}/{pg.database}"
    return {"postgres": {"url": url, "slot": "cdc_slot", "publication": "engagement_pub", "tables": [TABLE], **more}}


def cassandra_sink(cassandra, keyspace="engagement", port=None, name="events", **more):
    return {"name": name, "from": TABLE,
            "cassandra": {"contact_points": [f"127.0.0.1:{port or cassandra.port}"], "local_dc": "datacenter1",
                          "table": f"{keyspace}.engagement_events", "columns": COLUMNS, **more}}


# The seed counts every row it reads. Rows that are deleted or move to another content are taken off again, so that
# the scores can be held against the table at any time.
COUNTING = {
    "insert": ["ZINCRBY", SCORES, "1", "{{content_id}}"],
    "update": [["ZINCRBY", SCORES, "-1", "{{before.content_id}}"], ["ZINCRBY", SCORES, "1", "{{content_id}}"]],
    "delete": ["ZINCRBY", SCORES, "-1", "{{before.content_id}}"],
}
INSERTS_ONLY = {"insert": COUNTING["insert"]}


def redis_sink(redis, commands=None, port=None, name="top_content", **more):
    return {"name": name, "from": TABLE,
            "redis": {"url": f"redis://127.0.0.1:{port or redis.port}/0", "commands": commands or COUNTING, **more}}


def http_sink(receiver=None, url=None, name="api", **more):
    return {"name": name, "from": TABLE, "http": {"url": url or receiver.url, **more}}


# What pipeline() takes as the stream where it is not told; None: the embedded log.
default_kafka = None


def pipeline(pg, *sinks, source=None, kafka=None, **stream):
    """pipeline.yaml as a dictionary; without sinks it only captures, which needs Kafka. Retries are quick, so that
    tests wait for servers and not for pauses."""
    kafka = kafka or default_kafka
    fast = [{"retry": {"initial": "50ms", "max": "1s"}, **sink} for sink in sinks]
    kind = {"kafka": {"brokers": [kafka.brokers], **stream}} if kafka else {"log": {**stream}}
    parts = {"version": 1, "name": "engagement", "source": source or source_config(pg), "stream": kind}
    return {**parts, "sinks": fast} if fast or not kafka else parts


INSERT = ("INSERT INTO engagement_events (content_id, user_id, event_type, event_ts, duration_ms, device, raw_payload) "
          "VALUES (%s, %s, %s, now(), %s, %s, %s) RETURNING id")
UPDATE = ("UPDATE engagement_events SET duration_ms = %s, device = %s, content_id = COALESCE(%s, content_id), "
          "raw_payload = jsonb_set(raw_payload, '{v}', to_jsonb((raw_payload->>'v')::int + 1)) WHERE id = %s")
DELETE = "DELETE FROM engagement_events WHERE id = %s"


class Writer:
    """Mixed changes with a seed of its own: about 60 inserts, 30 updates and 10 deletes in a hundred, in transactions
    of one to tx_max changes, some of which are rolled back. Knows which of its rows live."""

    def __init__(self, pg, seed=1, tx_max=20, updates=0.3, deletes=0.1, rollbacks=0.03, move=0.2):
        self.pg = pg
        self.random = random.Random(seed)
        self.tx_max = tx_max
        self.updates, self.deletes, self.rollbacks, self.move = updates, deletes, rollbacks, move
        self.live = []
        self.changes = 0       # committed
        self.inserted = 0
        self.transactions = 0
        self.tag = f"w{seed}"

    def _change(self, db, live):
        r = self.random
        what = r.random()
        if live and what < self.deletes:
            at = r.randrange(len(live))
            live[at], live[-1] = live[-1], live[at]
            db.execute(DELETE, (live.pop(),))
        elif live and what < self.deletes + self.updates:
            row = r.choice(live)
            content = r.choice(CONTENTS) if r.random() < self.move else None
            db.execute(UPDATE, (r.randrange(100000), r.choice(DEVICES), content, row))
        else:
            payload = json.dumps({"v": 0, "w": self.tag})
            cursor = db.execute(INSERT, (r.choice(CONTENTS), str(uuid.UUID(int=r.getrandbits(128))),
                                         r.choice(EVENT_TYPES), r.randrange(100000), r.choice(DEVICES), payload))
            live.append(cursor.fetchone()[0])
            return 1
        return 0

    def transaction(self, db, changes=None):
        """One transaction on a connection that is not in autocommit; the number of changes it committed."""
        count = changes or self.random.randint(1, self.tx_max)
        rollback = self.random.random() < self.rollbacks
        before = list(self.live) if rollback else None
        inserted = sum(self._change(db, self.live) for _ in range(count))
        if rollback:
            db.rollback()
            self.live = before
            return 0
        db.commit()
        self.changes += count
        self.inserted += inserted
        self.transactions += 1
        return count

    def write(self, changes):
        """At least so many changes, as fast as they go."""
        with self.pg.connect(autocommit=False) as db:
            goal = self.changes + changes
            while self.changes < goal:
                self.transaction(db)


class Load(threading.Thread):
    """A Writer that runs beside the test at a fixed pace until the with block ends, and comes back after every loss
    of its server. A commit that broke off may or may not have happened, so its rows are left alone from then on."""

    def __init__(self, pg, rate=400, **kwargs):
        super().__init__(daemon=True)
        self.pg = pg
        self.rate = rate
        self.writer = Writer(pg, **kwargs)
        self.ending = threading.Event()
        self.fault = None
        self.interruptions = 0

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.join(60)
        if self.fault:
            raise self.fault

    def run(self):
        import psycopg
        while not self.ending.is_set():
            try:
                with self.pg.connect(autocommit=False) as db:
                    self._feed(db)
            except psycopg.OperationalError:
                self.interruptions += 1
                self.writer.live = []
                time.sleep(0.1)
            except psycopg.Error as fault:
                self.fault = fault
                return

    def _feed(self, db):
        began, done = time.monotonic(), 0
        while not self.ending.is_set():
            done += self.writer.transaction(db)
            ahead = done / self.rate - (time.monotonic() - began)
            if ahead > 0:
                self.ending.wait(ahead)
