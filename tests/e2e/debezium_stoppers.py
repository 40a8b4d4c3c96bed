# SPDX-License-Identifier: Apache-2.0
"""Changes that the real Debezium does not get past: the connector stops for good, and every restart meets the same
change again. Each with the versions that it stops and a piece of what the trace says."""
import collections

from zoo import UNWRAP

# setup: before the connector; change: what it stops at; properties: the connector's
Stopper = collections.namedtuple("Stopper", "name versions setup change properties trace")

TOAST = "(SELECT string_agg(md5(n::text), '') FROM generate_series(1, 200) n)"

STOPPERS = [
    Stopper("a domain over an enum, in any table or none", ("2.5", "3.3"),
            "CREATE TYPE mood AS ENUM ('ok'); CREATE DOMAIN moody AS mood; CREATE TABLE t (id int PRIMARY KEY)",
            "INSERT INTO t VALUES (1)", {}, "NullPointerException"),
    Stopper("timetz with seconds in its offset", ("2.5", "3.3"), "CREATE TABLE t (id int PRIMARY KEY, tz timetz)",
            "INSERT INTO t VALUES (1, '12:34:56+00:00:01')", {}, "DateTimeParseException"),
    Stopper("add.headers of a source field, and transaction metadata", ("2.5",), "CREATE TABLE t (id int PRIMARY KEY)",
            "INSERT INTO t VALUES (1)", {**UNWRAP, "transforms.unwrap.add.headers": "lsn",
                                         "provide.transaction.metadata": "true"}, "makeHeaders"),
    Stopper("the delete of a row with a NOT NULL money column, money as text", ("2.5",),
            "CREATE TABLE t (id int PRIMARY KEY, m money NOT NULL); INSERT INTO t VALUES (1, 2)",
            "DELETE FROM t", {"decimal.handling.mode": "string"}, "required field: \"m\""),
    Stopper("an unchanged NOT NULL bytea, as base64", ("2.5", "3.3"),
            f"CREATE TABLE t (id int PRIMARY KEY, v int, b bytea NOT NULL); "
            f"INSERT INTO t VALUES (1, 1, convert_to({TOAST}, 'UTF8'))",
            "UPDATE t SET v = 2", {"binary.handling.mode": "base64"}, "required field: \"b\""),
    Stopper("an unchanged NOT NULL smallint[]", ("2.5", "3.3"),
            "CREATE TABLE t (id int PRIMARY KEY, v int, a smallint[] NOT NULL); INSERT INTO t VALUES "
            "(1, 1, (SELECT array_agg((n * 7919) % 9973) FROM generate_series(1, 9000) n))",
            "UPDATE t SET v = 2", {}, "required field: \"a\""),
    Stopper("NaN in a NOT NULL numeric", ("2.5", "3.3"), "CREATE TABLE t (id int PRIMARY KEY, n numeric NOT NULL)",
            "INSERT INTO t VALUES (1, 'NaN')", {}, "required field: \"n\""),
    Stopper("NULL in a NOT NULL enum array", ("2.5", "3.3"),
            "CREATE TYPE mood AS ENUM ('ok'); CREATE TABLE t (id int PRIMARY KEY, e mood[] NOT NULL)",
            "INSERT INTO t VALUES (1, '{NULL}')", {}, "required field: \"e\""),
]


class Stopped:
    """All of them at once, on servers that are there: each with a database of its own."""

    def __init__(self, pg, workers):
        self.pg, self.workers = pg, workers
        self.tasks = []  # (stopper, version, worker, connector's name)

    def start(self, config):
        import psycopg
        for number, stopper in enumerate(STOPPERS):
            database = f"stopper{number}"
            self.pg.execute(f"CREATE DATABASE {database}")
            with psycopg.connect(self.pg.dsn(database), autocommit=True) as db:
                db.execute(stopper.setup)
                db.execute("CREATE PUBLICATION p FOR ALL TABLES")
            for version in stopper.versions:
                name = f"stopper{number}_{version.replace('.', '')}"
                properties = config(self.pg, name, name, "p")
                self.workers[version].create(name, {**properties, "database.dbname": database, **stopper.properties})
                self.tasks.append((stopper, version, self.workers[version], name))

    def streaming(self):
        """Does each read from its slot, or is past that already?"""
        active = {name for name, on in self.pg.execute("SELECT slot_name, active FROM pg_replication_slots") if on}
        return all(name in active or worker.status(name)[0] == "FAILED" for _, _, worker, name in self.tasks)

    def change(self):
        import psycopg
        for number, stopper in enumerate(STOPPERS):
            with psycopg.connect(self.pg.dsn(f"stopper{number}"), autocommit=True) as db:
                db.execute(stopper.change)

    def not_stopped(self):
        """Those that do not stand still with the trace that is expected."""
        found = []
        for stopper, version, worker, name in self.tasks:
            state, trace = worker.status(name)
            if state != "FAILED" or stopper.trace not in trace:
                found.append(f"{stopper.name} on {version}: {state} {trace}")
        return found
