# SPDX-License-Identifier: Apache-2.0
"""Records what real Debezium connectors write for the scenario, and what a reader of the slot is told of the same
changes; scripts/golden-debezium runs it, tests/golden/debezium/README.md describes the files."""
import contextlib
import json
import sys

sys.dont_write_bytecode = True

import pgoutput  # noqa: E402
import servers  # noqa: E402
import servers_kafka  # noqa: E402
import zoo  # noqa: E402

SNAPSHOT_TABLES_SQL = """
SELECT c.oid, n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('zoo', 'Od d') AND c.relkind IN ('r', 'p') ORDER BY 2, 3"""


def line(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"


class Changes:
    """The slot's own story: relations, numbered by version, and changes."""

    def __init__(self, pg):
        self.pg = pg
        self.lines = []
        self.newest = {}   # oid -> relation line
        self.version = 0
        self.slot = pgoutput.Slot(pg.dsn(), "golden", zoo.PUBLICATION)
        self.slot.create()
        self.stream = self.slot.messages()
        self.transaction = None
        self.last_commit_time = 0
        self.held = []     # lines of the open transaction
        self.db = pg.connect(options=f"{pgoutput.SESSION} -c search_path=pg_catalog")

    def put(self, what, value):
        self.held.append((what, value))

    def flush(self, commit_end=None):
        for what, value in self.held:
            if commit_end is not None and "commit_lsn" in value:
                value["commit_end_lsn"] = commit_end
            self.lines.append(line({what: value}))
        self.held = []

    def relation(self, shape):
        """The version of this shape: the newest one when nothing is new."""
        newest = self.newest.get(shape["oid"])
        if newest and {k: v for k, v in newest.items() if k != "version"} == shape:
            return newest["version"]
        self.version += 1
        self.newest[shape["oid"]] = {"version": self.version, **shape}
        self.put("relation", dict(self.newest[shape["oid"]]))
        return self.version

    def snapshot(self):
        """Rows as a snapshot reads them: SELECT *, thus with the rows of children and partitions."""
        for oid, schema, table in self.db.execute(SNAPSHOT_TABLES_SQL).fetchall():
            shape = pgoutput.catalog_shape(self.db, oid)
            version = self.relation(shape)
            columns = ", ".join('"{}"'.format(c["name"].replace('"', '""')) for c in shape["columns"])
            name = '"{}"."{}"'.format(*(n.replace('"', '""') for n in (schema, table)))
            # As the types' output functions write them: a cast to text would strip the blanks of char(n).
            result = self.db.execute(f"SELECT {columns} FROM {name}").pgresult
            for at in range(result.ntuples):
                values = [result.get_value(at, n) for n in range(result.nfields)]
                self.put("change", {"op": "R", "relation": version, "before_kind": "none", "before": None,
                                    "after": [None if v is None else v.decode() for v in values]})
        self.flush()

    def told(self, message):
        """A Relation message: its columns, and what the catalog says of them."""
        shape = pgoutput.catalog_shape(self.db, message["oid"])
        now = {c["name"]: c for c in shape["columns"]}
        for column in message["columns"]:
            known = now.get(column["name"])
            if known is None or any(known[k] != column[k] for k in ("type_oid", "typmod")):
                raise RuntimeError(f"the catalog is ahead of {message['schema']}.{message['table']}: {column}")
            known.update(column)
        shape["columns"] = [now[c["name"]] for c in message["columns"]]
        shape.update({k: message[k] for k in ("schema", "table", "identity")})
        self.relation(shape)

    def common(self, lsn):
        t = self.transaction or {"xid": 0, "commit_lsn": lsn, "commit_time_us": self.last_commit_time}
        return {"xid": t["xid"], "commit_lsn": t["commit_lsn"], "commit_end_lsn": 0,
                "commit_time_us": t["commit_time_us"], "lsn": lsn}

    def take(self, lsn, message):
        kind = message["kind"]
        if kind == "B":
            self.transaction = message
            self.put("begin", {**self.common(lsn)})
        elif kind == "C":
            self.put("commit", {**self.common(lsn)})
            self.flush(message["commit_end_lsn"])
            self.last_commit_time = message["commit_time_us"]
            self.transaction = None
        elif kind == "R":
            self.told(message)
        elif kind in "IUD":
            self.put("change", {"op": kind, **self.common(lsn), "relation": self.newest[message["oid"]]["version"],
                                **{k: message[k] for k in ("before_kind", "before", "after")}})
        elif kind == "T":
            for oid in message["oids"]:
                self.put("change", {"op": "T", **self.common(lsn), "relation": self.newest[oid]["version"],
                                    "cascade": message["cascade"], "restart": message["restart"],
                                    "before_kind": "none", "before": None, "after": None})
        elif kind == "M":
            self.put("message", {**self.common(lsn), **{k: v for k, v in message.items() if k != "kind"}})
            if self.transaction is None:
                self.flush()

    def until_fence(self, number):
        fence = False
        for lsn, message in self.stream:
            self.take(lsn, message)
            if message["kind"] == "I":
                shape = self.newest[message["oid"]]
                fence = fence or (shape["table"] == "fence" and message["after"] == [str(number)])
            if message["kind"] == "C" and fence:
                return

    def phase(self, name):
        self.lines.append(line({"phase": name}))


def split_schema(text):
    """('{"schema":...', payload) of a value of the converter with schemas, or None: it has none."""
    start, middle = '{"schema":', ',"payload":'
    if text is None or not text.startswith(start):
        return None
    end = json.JSONDecoder().raw_decode(text, len(start))[1]
    if not text.startswith(middle, end):
        return None
    return text[len(start):end], text[end + len(middle):-1]


def record_lines(records):
    """Schemas are written once, before the first record that has them."""
    schemas = {}
    for record in records:
        found = {"topic": record.topic}
        for part, data in (("key", record.key), ("value", record.value)):
            text = None if data is None else data.decode()
            halves = split_schema(text)
            if halves:
                if halves[0] not in schemas:
                    schemas[halves[0]] = len(schemas) + 1
                    yield line({"schema": schemas[halves[0]], "text": halves[0]})
                found[f"{part}_schema"] = schemas[halves[0]]
                text = halves[1]
            found[part] = text
        found["headers"] = [[n, None if v is None else v.decode()] for n, v in record.headers]
        yield line(found)


def write(path, lines):
    path.write_text("".join(lines), encoding="utf-8")
    print(f"{path.name}: {path.stat().st_size:,} bytes", flush=True)


def record(names):
    made = zoo.connectors(names or None)
    setup, *rest = zoo.phases()
    with contextlib.ExitStack() as stack:
        run = stack.enter_context(servers.Run())
        pg = stack.enter_context(servers.Postgres(run, database="zoo", max_replication_slots=40, max_wal_senders=40,
                                                  max_connections=200, timezone="UTC"))
        kafka = stack.enter_context(servers_kafka.Kafka(run, log_index_size_max_bytes=65536,
                                                        log_segment_bytes=16777216))
        workers = {v: stack.enter_context(servers_kafka.Connect(run, kafka, v, heap="1g"))
                   for v in sorted({c.version for c in made})}
        with pg.connect() as db:
            zoo.run_phase(db, *setup)
            changes = Changes(pg)
            changes.snapshot()
            for connector in made:
                connector.start(workers[connector.version], pg)
            fences = zoo.Fences(pg, kafka, made)
            fences.wait()
            for name, statements in rest:
                print(f"phase {name}", flush=True)
                changes.phase(name)
                zoo.run_phase(db, name, statements)
                fences.raise_one(db)
                fences.wait()
                changes.until_fence(fences.count)
            write(zoo.GOLDEN / "changes.jsonl", changes.lines)
            changes.slot.close()
        for connector in made:
            records = connector.records(kafka)
            head = line({"connector": connector.name, "version": servers_kafka.DEBEZIUM_VERSIONS[connector.version],
                         "prefix": connector.prefix, "database": pg.database, "config": connector.properties})
            write(zoo.GOLDEN / f"{connector.prefix}.jsonl", [head, *record_lines(zoo.kept(connector, records))])
        for version, worker in workers.items():
            (servers.ROOT / f"build/golden-connect-{version}.log").write_text(worker.log_text())


if __name__ == "__main__":
    record(sys.argv[1:])
