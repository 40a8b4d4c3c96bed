# SPDX-License-Identifier: Apache-2.0
"""Every supported PostgreSQL besides Debian's: the first copy, then all kinds of changes, with a restart and a kill -9
in between, exact in Redis and at the receiver. scripts/setup fetches the servers."""
import os
import random
import shutil
import subprocess
import threading

import pytest

import checker
import seed
from servers import ROOT, Multisink, Postgres, Receiver, Redis

CACHE = ROOT / "build/cache/postgres"
BIG = "(SELECT string_agg(md5((n + {})::text), '') FROM generate_series(1, 300) n)"
MAIN, PARTED, CUT = "public.t", "public.parted", "public.cut"
PARTED_FROM = 1_000_000  # ids of the two tables never meet, so that one receiver can take both

SCHEMA = [
    "CREATE TABLE t (id int PRIMARY KEY, v int NOT NULL, n int, big text, "
    "twice int GENERATED ALWAYS AS (n * 2) STORED)",
    "CREATE TABLE parted (id int PRIMARY KEY, v int NOT NULL, n int, big text) PARTITION BY RANGE (id)",
    f"CREATE TABLE parted_low PARTITION OF parted FOR VALUES FROM ({PARTED_FROM}) TO ({PARTED_FROM + 500})",
    f"CREATE TABLE parted_high PARTITION OF parted FOR VALUES FROM ({PARTED_FROM + 500}) TO ({2 * PARTED_FROM})",
    "CREATE TABLE cut (id int PRIMARY KEY, n int)",
    "CREATE PUBLICATION p FOR TABLE t, parted, cut WITH (publish_via_partition_root = true)",
    f"INSERT INTO t (id, v, n, big) SELECT i, 0, i, {BIG.format('i')} FROM generate_series(1, 300) i",
    f"INSERT INTO parted SELECT {PARTED_FROM} + i, 0, i, {BIG.format('i')} FROM generate_series(1, 900, 3) i",
    "INSERT INTO cut SELECT i, i FROM generate_series(1, 50) i",
]


def bin_directory(version, session_run):
    """The programs of a fetched version, where the user that PostgreSQL runs as can reach them."""
    home = CACHE / version
    if not (home / "bin/postgres").exists():
        pytest.fail(f"PostgreSQL {version} is missing below build/cache; run: make setup", pytrace=False)
    user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if subprocess.run([*user, "test", "-x", home / "bin/postgres"], check=False).returncode != 0:
        home = shutil.copytree(home, session_run.subdir(f"postgres-{version}"), symlinks=True, dirs_exist_ok=True)
    return home / "bin"


@pytest.fixture(scope="session", params=["14", "16", "17", "18"])
def binaries(request, session_run):
    return bin_directory(request.param, session_run)


class Changes:
    """Mixed changes of both tables, a few a transaction. Counts the events that have to come of them."""

    def __init__(self, pg):
        self.pg = pg
        self.random = random.Random(7)
        self.live = {"t": list(range(1, 301)), "parted": [PARTED_FROM + i for i in range(1, 901, 3)]}
        self.next = {"t": 1000, "parted": PARTED_FROM + 1000}
        self.events = {"insert": 0, "update": 0, "delete": 0}
        self.extra = ""  # more assignments, once there is a column more

    def one(self, db, table):
        r, live = self.random, self.live[table]
        at = r.randrange(len(live))
        what = r.choice(["insert", "insert", "update", "update", "delete", "move", "toast"])
        if what == "insert":
            new = self._new_id(table)
            db.execute(f"INSERT INTO {table} (id, v, n, big) VALUES ({new}, 0, {r.randrange(10**6)}, "
                       f"{BIG.format(new)})")
            live.append(new)
        elif what == "delete":
            live[at], live[-1] = live[-1], live[at]
            db.execute(f"DELETE FROM {table} WHERE id = {live.pop()}")
        elif what == "move":  # the row's key, and in half of the cases its partition
            new = self._new_id(table)
            db.execute(f"UPDATE {table} SET id = {new}, v = 0 WHERE id = {live[at]}")
            live[at] = live[-1]
            live.pop()  # it stays: the value that was left alone is read again, which needs the row
            self.events["insert"] += 1
            what = "delete"
        else:
            big = f", big = {BIG.format(r.randrange(10**6))}" if what == "toast" else ""
            db.execute(f"UPDATE {table} SET n = {r.randrange(10**6)}, v = v + 1{big}{self.extra} "
                       f"WHERE id = {live[at]}")
            what = "update"
        self.events[what] += 1

    def _new_id(self, table):
        self.next[table] += 1
        return self.next[table]

    def write(self, transactions, ending=None):
        with self.pg.connect(autocommit=False) as db:
            for _ in range(transactions):
                for _ in range(self.random.randint(1, 8)):
                    self.one(db, self.random.choice(["t", "parted"]))
                db.commit()
                if ending is not None and ending.is_set():
                    return


def mirror_commands():
    """Rows in two hashes; `big` only where its value is always known. And a count of each kind of event."""
    def both(*counted):
        return [["HSET", "n", "{{id}}", "{{n}}"], ["HSET", "big", "{{id}}", "{{big}}"], *counted]
    return {"snapshot": both(["INCR", "snapshot"]), "insert": both(["INCR", "insert"]),
            "update": [["HSET", "n", "{{id}}", "{{n}}"], ["INCR", "update"]],
            "delete": [["HDEL", "n", "{{id}}"], ["HDEL", "big", "{{id}}"], ["INCR", "delete"]]}


def pipeline(pg, redis, receiver):
    rows = {"name": "rows", "from": [MAIN, PARTED], "redis": {"url": redis.url, "commands": mirror_commands()}}
    cut = {"name": "cut", "from": CUT,
           "redis": {"url": redis.url, "commands": {"insert": ["HSET", "cut", "{{id}}", "{{n}}"],
                                                    "truncate": ["DEL", "cut"]}}}
    api = {"name": "api", "from": [MAIN, PARTED], "http": {"url": receiver.url}}
    source = {"postgres": {"url": pg.url, "slot": "s", "publication": "p", "tables": [MAIN, PARTED, CUT]}}
    return seed.pipeline(pg, rows, cut, api, source=source)


def rows_of(pg, columns):
    sql = " UNION ALL ".join(f"SELECT {columns} FROM {table}" for table in ("t", "parted"))
    return {str(row[0]): row[1:] for row in pg.execute(sql)}


def check_redis(pg, redis, changes):
    client = redis.client()
    rows = rows_of(pg, "id, n, big")
    assert checker.compare_rows({k: str(n) for k, (n, _) in rows.items()}, client.hgetall("n"), "n") == []
    # An update may change `big` where the commands leave it alone; what came with an insert must be there.
    assert client.hgetall("big").keys() == rows.keys()
    assert all(len(big) == 9600 for big in client.hgetall("big").values())
    assert {k: int(client.get(k)) for k in ("snapshot", *changes.events)} == {"snapshot": 600, **changes.events}
    assert client.hgetall("cut") == {str(k): str(n) for k, n in pg.execute("SELECT id, n FROM cut")}


def merged(events):
    """The events of each row with the columns that an update left out taken from before."""
    last, made = {}, []
    for event in events:
        key, op = event["body"]["id"], event["op"]
        body = {**last.get(key, {}), **event["body"]} if op == "update" else event["body"]
        last[key] = body if op != "delete" else {}
        made.append({**event, "body": body})
    return made


def check_http(pg, receiver):
    """Rows as they are now; `extra` is the column that was added on the way."""
    faults = checker.Faults()
    events, _ = checker.unique_events(checker.read_events(receiver.file), faults)
    assert not any("twice" in e["body"] for e in events), "a generated column is not published"
    state = checker.replay(merged(events), faults, lambda body: body.get("v", 0))
    expected = {int(k): row for k, row in rows_of(pg, "id, v, n, big").items()}
    actual = {k: (body["v"], body["n"], body["big"]) for k, body in state.items()}
    assert [*faults, *checker.compare_rows(expected, actual, "http")] == []
    extra = dict(pg.execute("SELECT id, extra FROM t WHERE extra IS NOT NULL"))
    assert extra and {k: state[k].get("extra") for k in extra} == extra


def test_a_version_is_exact_through_a_restart_and_a_kill(binaries, run):
    with Postgres(run, bindir=binaries) as pg, Redis(run) as redis, Receiver(run) as receiver:
        for statement in SCHEMA:
            pg.execute(statement)
        changes = Changes(pg)
        with Multisink(run, pipeline(pg, redis, receiver)) as multisink:
            multisink.wait_caught_up(pg)
            assert redis.client().get("snapshot") == "600"
            changes.write(60)
            pg.execute("TRUNCATE cut")
            pg.execute("INSERT INTO cut VALUES (7, 70), (8, 80)")

            assert multisink.stop() == 0
            changes.write(30)
            multisink.start()

            ending = threading.Event()
            load = threading.Thread(target=changes.write, args=(10_000, ending))
            load.start()
            try:
                multisink.wait_sink("rows", lambda s: s["lag_bytes"] == 0, 20)
                multisink.kill()
            finally:
                ending.set()
                load.join()
            multisink.start()

            pg.execute("ALTER TABLE t ADD COLUMN extra int")
            pg.execute("UPDATE t SET extra = id, v = v + 1")
            changes.events["update"] += pg.value("SELECT count(*) FROM t")
            changes.write(30)
            multisink.wait_caught_up(pg)
            check_redis(pg, redis, changes)
            check_http(pg, receiver)
