#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Captures pgoutput messages from a real PostgreSQL into tests/golden/pgoutput/NAME.hex.

Starts a server of its own in a temporary directory, runs each scenario, and writes what
pg_logical_slot_peek_binary_changes gives, one message per line. What the messages mean is kept in
NAME.txt, which `MULTISINK_REGENERATE=1 ctest -R pgoutput_golden` writes; review both as a diff.

    scripts/golden-pgoutput.py [--bin /usr/lib/postgresql/15/bin]
"""
import argparse
import os
import pathlib
import shutil
import subprocess
import tempfile

TARGET = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/pgoutput"
SETTINGS = ("-c datestyle=ISO -c intervalstyle=postgres -c timezone=UTC -c extra_float_digits=3"
            " -c bytea_output=hex -c client_encoding=UTF8")

# name: (set up before the slot, what is captured, options of the publication)
SCENARIOS = {
    "operations": (
        "CREATE TABLE t(id int PRIMARY KEY, v text);",
        "INSERT INTO t VALUES (1, 'a'), (2, NULL), (3, ''); UPDATE t SET v = 'b' WHERE id = 1;"
        " DELETE FROM t WHERE id = 2; TRUNCATE t;", ""),
    "identities": (
        "CREATE TABLE d(id int PRIMARY KEY, v text); CREATE TABLE f(id int, v text);"
        "ALTER TABLE f REPLICA IDENTITY FULL; CREATE TABLE i(a int, b int NOT NULL);"
        "CREATE UNIQUE INDEX i_b ON i(b); ALTER TABLE i REPLICA IDENTITY USING INDEX i_b;"
        "CREATE TABLE n(id int PRIMARY KEY, v text); ALTER TABLE n REPLICA IDENTITY NOTHING;",
        "INSERT INTO d VALUES (1, 'x'); UPDATE d SET v = 'y'; DELETE FROM d;"
        "INSERT INTO f VALUES (1, 'x'); UPDATE f SET v = NULL; DELETE FROM f;"
        "INSERT INTO i VALUES (1, 2); UPDATE i SET a = 3; UPDATE i SET b = 4; DELETE FROM i;"
        "INSERT INTO n VALUES (1, 'x');", ""),
    "toast": (
        "CREATE TABLE t(id int PRIMARY KEY, v int, big text);"
        "ALTER TABLE t ALTER big SET STORAGE EXTERNAL;"
        "INSERT INTO t VALUES (1, 1, repeat('x', 3000));",
        "UPDATE t SET v = 2; UPDATE t SET id = 5; ALTER TABLE t REPLICA IDENTITY FULL;"
        "UPDATE t SET v = 3; UPDATE t SET big = 'short';", ""),
    "keys": (
        "CREATE TABLE t(a int, b text, v text, PRIMARY KEY (a, b)); INSERT INTO t VALUES (1, '', 'x');",
        "UPDATE t SET a = 2; UPDATE t SET b = 'b', v = NULL; DELETE FROM t;", ""),
    "truncate": (
        "CREATE TABLE p(id serial PRIMARY KEY); CREATE TABLE c(id int PRIMARY KEY REFERENCES p);"
        "INSERT INTO p VALUES (1); INSERT INTO c VALUES (1);",
        "TRUNCATE p RESTART IDENTITY CASCADE; TRUNCATE c;", ""),
    "shapes": (
        "CREATE TABLE t(id int PRIMARY KEY, v text);",
        "INSERT INTO t VALUES (1, 'a'); ALTER TABLE t ADD w int DEFAULT 7; INSERT INTO t VALUES (2, 'b');"
        "ALTER TABLE t RENAME v TO x; INSERT INTO t VALUES (3, 'c');"
        "ALTER TABLE t DROP w; INSERT INTO t VALUES (4, 'd');"
        "ALTER TABLE t ALTER x TYPE varchar(9); INSERT INTO t VALUES (5, 'e');"
        "ALTER TABLE t RENAME TO u; INSERT INTO u VALUES (6, 'f');", ""),
    "leaves": (
        "CREATE TABLE t(id int, k int, PRIMARY KEY (id, k)) PARTITION BY LIST (k);"
        "CREATE TABLE t1 PARTITION OF t FOR VALUES IN (1); CREATE TABLE t2 PARTITION OF t FOR VALUES IN (2);",
        "INSERT INTO t VALUES (1, 1); UPDATE t SET k = 2; DELETE FROM t;", ""),
    "root": (
        "CREATE TABLE t(id int, k int, PRIMARY KEY (id, k)) PARTITION BY LIST (k);"
        "CREATE TABLE t1 PARTITION OF t FOR VALUES IN (1); CREATE TABLE t2 PARTITION OF t FOR VALUES IN (2);",
        "INSERT INTO t VALUES (1, 1); UPDATE t SET k = 2; DELETE FROM t;",
        "WITH (publish_via_partition_root = true)"),
    "values": (
        "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN small AS int CHECK (VALUE < 9);"
        "CREATE TYPE pair AS (a int, b text); CREATE TABLE \"we\"\"ird.T\"(id int PRIMARY KEY, n numeric,"
        " f float8, a int[], b text[], y bytea, j jsonb, d date, ts timestamptz, iv interval, m mood,"
        " s small, p pair, u uuid, r int4range, g int GENERATED ALWAYS AS (1) STORED);",
        "INSERT INTO \"we\"\"ird.T\" VALUES (1, 'NaN', 'NaN', '{}', '{NULL,\"NULL\",\"a b\"}', '\\x00ff',"
        " '{\"a\": 1e400}', 'infinity', '0001-01-01 00:00:00+00 BC', '-1 mon +1 day', 'ok', 8, '(1,x)',"
        " '00000000-0000-0000-0000-000000000001', '[1,5)');"
        "INSERT INTO \"we\"\"ird.T\" VALUES (2, 123456789012345678901234567890.10, 1e-310, '[0:1]={7,8}',"
        " '{{a},{b}}', '', 'null', '4713-01-01 BC', '2026-01-02 03:04:05.678901+02', '178000000 years',"
        " 'sad', NULL, NULL, NULL, 'empty');", ""),
    "messages": (
        "CREATE TABLE t(id int PRIMARY KEY);",
        "BEGIN; SELECT pg_logical_emit_message(true, 'in', 'side'); INSERT INTO t VALUES (1);"
        "SELECT pg_logical_emit_message(false, 'out', 'side'); SAVEPOINT a; INSERT INTO t VALUES (2);"
        "ROLLBACK TO a; COMMIT;", ""),
}


class Server:
    """A private PostgreSQL, gone with the context."""

    def __init__(self, binaries):
        self.bin = pathlib.Path(binaries)

    def as_user(self, *command):
        user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        return subprocess.run([*user, *map(str, command)], check=True, cwd="/",
                              stdout=subprocess.PIPE, text=True).stdout

    def __enter__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="golden-pg-"))
        if os.geteuid() == 0:
            shutil.chown(self.dir, "postgres")
        self.as_user(self.bin / "initdb", "-D", self.dir / "data", "-U", "postgres", "-A", "trust",
                     "-E", "UTF8", "--no-sync")
        options = f"-c wal_level=logical -c listen_addresses= -k {self.dir} -c fsync=off"
        self.as_user(self.bin / "pg_ctl", "-D", self.dir / "data", "-o", options, "-l",
                     self.dir / "log", "-w", "start")
        return self

    def __exit__(self, *_):
        try:
            self.as_user(self.bin / "pg_ctl", "-D", self.dir / "data", "-m", "immediate", "stop")
        finally:
            shutil.rmtree(self.dir, ignore_errors=True)

    def sql(self, database, text):
        env = ["env", f"PGOPTIONS={SETTINGS}"]
        return self.as_user(*env, self.bin / "psql", "-h", self.dir, "-U", "postgres", "-d", database,
                            "-v", "ON_ERROR_STOP=1", "-XAtq", "-c", text)


def statements(server, database, script):
    """Each statement is a transaction of its own, unless the script says BEGIN."""
    if script.startswith("BEGIN"):
        server.sql(database, script)
        return
    for statement in filter(None, (s.strip() for s in script.split(";"))):
        server.sql(database, statement)


def capture(server, name, setup, script, options):
    server.sql("postgres", f"CREATE DATABASE {name}")
    server.sql(name, setup)
    server.sql(name, f"CREATE PUBLICATION p FOR ALL TABLES {options}")
    server.sql(name, f"SELECT pg_create_logical_replication_slot('{name}', 'pgoutput')")
    statements(server, name, script)
    return server.sql(name, "SELECT encode(data, 'hex') FROM pg_logical_slot_peek_binary_changes("
                            f"'{name}', NULL, NULL, 'proto_version', '1', 'publication_names', 'p',"
                            " 'messages', 'true')")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", default="/usr/lib/postgresql/15/bin")
    arguments = parser.parse_args()
    TARGET.mkdir(parents=True, exist_ok=True)
    with Server(arguments.bin) as server:
        for name, (setup, script, options) in SCENARIOS.items():
            text = capture(server, name, setup, script, options)
            (TARGET / f"{name}.hex").write_text(text)
            print(f"{name}: {len(text.splitlines())} messages")


if __name__ == "__main__":
    main()
