# SPDX-License-Identifier: Apache-2.0
"""Incremental snapshots: tables are copied again while they are written, as the signal table asks for it."""
import json
import random
import threading
import time

import pytest

import seed
from servers import wait_until

pytestmark = pytest.mark.usefixtures("stream")

SIGNALS = "CREATE TABLE debezium_signal (id varchar(42) PRIMARY KEY, type varchar(32) NOT NULL, data varchar(2048))"
TABLE = "CREATE TABLE item (a int, b text, n int NOT NULL, v text, PRIMARY KEY (b, a))"


def make(pg, rows, publication="item"):
    for statement in (SIGNALS, TABLE, f"CREATE PUBLICATION p FOR TABLE debezium_signal, {publication}"):
        pg.execute(statement)
    pg.execute("INSERT INTO item SELECT i, 'k' || mod(i, 7), i, repeat('x', mod(i, 100)) FROM generate_series(1, %s) i", rows)


def signal(pg, kind, **data):
    pg.execute("INSERT INTO debezium_signal VALUES (gen_random_uuid(), %s, %s)", kind, json.dumps(data))


def execute(pg, *tables, **more):
    signal(pg, "execute-snapshot", **{"data-collections": tables or ["public.item"], "type": "incremental", **more})


def mirror(redis, name="mirror", **more):
    """The table as a hash, how often each row was copied, and how often the other kinds of events came."""
    put, key = ["HSET", name, "{{b}}/{{a}}", "{{n}}"], "{{b}}/{{a}}"
    return {"name": name, "from": "public.item",
            "redis": {"url": redis.url, "commands": {
                "snapshot": [put, ["HINCRBY", f"{name}.copied", key, "1"]], "insert": [put, ["INCR", f"{name}.insert"]],
                "update": [put, ["INCR", f"{name}.update"]], "delete": [["HDEL", name, key]],
                "truncate": ["DEL", name]}, **more}}


def config(pg, *sinks, **source):
    return seed.pipeline(pg, *sinks, source={"postgres": {
        "url": pg.url, "slot": "s", "publication": "p", "tables": ["public.item"], "snapshot": "never",
        "signal_table": "public.debezium_signal", "incremental_chunk": 500, **source}})


def copies(client):
    return [int(n) for n in client.hvals("mirror.copied")]


def rows_of(pg):
    return {f"{b}/{a}": str(n) for b, a, n in pg.execute("SELECT b, a, n FROM item")}


def said(multisink, text):
    wait_until(lambda: text in multisink.log_text(), 60, f"the log says: {text}")


def test_a_table_is_copied_when_a_signal_asks_for_it(empty_pg, redis, start):
    make(empty_pg, 2000)
    multisink = start(config(empty_pg, mirror(redis)))
    execute(empty_pg)
    said(multisink, "incremental snapshot of public.item: 2000 rows, complete")
    multisink.wait_caught_up(empty_pg)
    client = redis.client()
    assert client.hgetall("mirror") == rows_of(empty_pg)
    assert copies(client) == [1] * 2000
    changes = [json.loads(line) for line in multisink.cli("log", "read", multisink.data).stdout.splitlines()]
    assert {(c["op"], c["xid"], c["table"]) for c in changes} == {("snapshot", 0, "item")}
    # In chunks of the configured size, each a unit of its own.
    assert len({c["position"].rsplit("/", 1)[0] for c in changes}) == 4


class Churn(threading.Thread):
    """Inserts, updates, deletes and moved keys all over the table until told to end."""

    def __init__(self, pg, rows):
        super().__init__(daemon=True)
        self.pg, self.rows, self.random, self.ending = pg, rows, random.Random(3), threading.Event()

    def run(self):
        r = self.random
        with self.pg.connect(autocommit=False) as db:
            while not self.ending.is_set():
                for _ in range(r.randint(1, 12)):
                    a, what = r.randint(1, self.rows), r.random()
                    if what < 0.6:
                        db.execute("UPDATE item SET n = n + 1000000 WHERE a = %s", (a,))
                    elif what < 0.75:
                        db.execute("DELETE FROM item WHERE a = %s", (a,))
                    elif what < 0.9:
                        db.execute("INSERT INTO item VALUES (%s, 'new', %s, '') ON CONFLICT DO NOTHING", (a, a))
                    else:
                        db.execute("UPDATE item SET b = 'moved' WHERE a = %s AND NOT EXISTS (SELECT FROM item i "
                                   "WHERE i.a = item.a AND i.b = 'moved') AND b <> 'new'", (a,))
                db.commit()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.join(30)


def check_cassandra(cassandra, pg):
    rows = {f"{r.b}/{r.a}": str(r.n) for r in cassandra.execute("SELECT a, b, n FROM engagement.item")}
    assert rows == rows_of(pg)


def test_a_copy_under_load_is_exact_through_kills(empty_pg, redis, cassandra, start, long):
    rows = 50_000
    make(empty_pg, rows)
    cassandra.execute("CREATE TABLE engagement.item (a int, b text, n int, PRIMARY KEY (a, b))")
    table = {"name": "table", "from": "public.item",
             "cassandra": {"contact_points": [f"127.0.0.1:{cassandra.port}"], "local_dc": "datacenter1",
                           "table": "engagement.item", "columns": ["a", "b", "n"]}}
    multisink = start(config(empty_pg, mirror(redis), table))
    with Churn(empty_pg, rows):
        execute(empty_pg)
        for n in range(12 if long else 4):
            time.sleep(0.6 + 0.13 * n % 0.4)
            if n % 4 == 2:
                empty_pg.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_replication")
            else:
                multisink.kill()
                multisink.start()
        said(multisink, "rows, complete")
    multisink.wait_caught_up(empty_pg)
    client = redis.client()
    assert client.hgetall("mirror") == rows_of(empty_pg)
    # Each key came once with the copy, or its own change came instead. (A row may be copied under two keys: it moved
    # ahead of the copy.)
    assert set(copies(client)) == {1}
    check_cassandra(cassandra, empty_pg)


def test_what_a_signal_may_ask_for(empty_pg, redis, start):
    make(empty_pg, 3000)
    multisink = start(config(empty_pg, mirror(redis), incremental_chunk=100))
    client = redis.client()
    signal(empty_pg, "log", message="here {} we are")
    said(multisink, "here 0/")

    execute(empty_pg, **{"additional-conditions": [{"data-collection": "public.item", "filter": "a <= 50 -- few"}],
                         "surrogate-key": "n"})
    said(multisink, "incremental snapshot of public.item: 50 rows, complete")
    multisink.wait_caught_up(empty_pg)
    assert len(client.hgetall("mirror")) == 50

    signal(empty_pg, "pause-snapshot", type="incremental")
    said(multisink, "incremental snapshots: paused")
    execute(empty_pg, r"public\.it.*")
    multisink.kill()
    multisink.start()
    empty_pg.execute("INSERT INTO item VALUES (1, 'after', 1, '')")
    wait_until(lambda: client.hget("mirror", "after/1"), 20, "changes go on")
    assert len(client.hgetall("mirror")) == 51
    signal(empty_pg, "stop-snapshot", **{"data-collections": ["public.item"], "type": "incremental"})
    said(multisink, "stopped after 0 rows")
    signal(empty_pg, "resume-snapshot")
    execute(empty_pg)
    said(multisink, "3001 rows, complete")
    multisink.wait_caught_up(empty_pg)
    assert client.hgetall("mirror") == rows_of(empty_pg)


def test_signals_that_cannot_be_carried_out_are_named_and_harm_nothing(empty_pg, redis, start):
    make(empty_pg, 10)
    empty_pg.execute("CREATE TABLE nokey (n int)")
    empty_pg.execute("CREATE SEQUENCE s")
    empty_pg.execute("ALTER PUBLICATION p ADD TABLE nokey")
    multisink = start(config(empty_pg, mirror(redis), tables=["public.item", "public.nokey"]))
    tables = {"data-collections": ["public.item"]}
    for kind, data, reason in [
            ("fly", {}, "its type is not known"),
            ("execute-snapshot", {**tables, "type": "blocking"}, "no blocking ones"),
            ("execute-snapshot", {"data-collections": ["public.nowhere"]}, "no captured table is named"),
            ("execute-snapshot", {"data-collections": ["public.nokey"]}, "it has no primary key"),
            ("execute-snapshot", {**tables, "additional-condition": "true); DROP TABLE item; --"}, "PostgreSQL"),
            ("execute-snapshot", {**tables, "additional-condition": "nextval('public.s') > 0"}, "nextval"),
            ("execute-snapshot", {**tables, "surrogate-key": "v"}, "NOT NULL")]:
        signal(empty_pg, kind, **data)
        said(multisink, reason)
    assert "E0453" in multisink.log_text()
    empty_pg.execute("INSERT INTO debezium_signal VALUES ('x', 'stop-snapshot', '[')")
    said(multisink, "no JSON object")
    execute(empty_pg)
    said(multisink, "10 rows, complete")
    multisink.wait_caught_up(empty_pg)
    assert redis.client().hgetall("mirror") == rows_of(empty_pg)


def test_partitions_are_copied_under_the_name_of_their_table(empty_pg, redis, start):
    for statement in (SIGNALS, TABLE + " PARTITION BY HASH (a)",
                      "CREATE TABLE item_0 (n int NOT NULL, v text, b text, a int, PRIMARY KEY (b, a))",
                      "ALTER TABLE item ATTACH PARTITION item_0 FOR VALUES WITH (MODULUS 2, REMAINDER 0)",
                      "CREATE TABLE item_1 PARTITION OF item FOR VALUES WITH (MODULUS 2, REMAINDER 1)",
                      "CREATE PUBLICATION p FOR TABLE debezium_signal, item",
                      "INSERT INTO item SELECT i, 'k', i, '' FROM generate_series(1, 1000) i"):
        empty_pg.execute(statement)
    multisink = start(config(empty_pg, mirror(redis), incremental_chunk=50))
    with Churn(empty_pg, 1000):
        execute(empty_pg)
        wait_until(lambda: multisink.log_text().count("rows, complete") == 2, 30, "both are copied")
    multisink.wait_caught_up(empty_pg)
    assert redis.client().hgetall("mirror") == rows_of(empty_pg)
