# SPDX-License-Identifier: Apache-2.0
"""What a slot says, read in Python: pgoutput's messages (version 1) with the LSN each came with, and the facts of the
catalog about each table that a reader of the stream needs. The other side of the unit tests of the writer."""
import struct

from psycopg import pq

SESSION = ("-c datestyle=ISO -c intervalstyle=postgres -c timezone=UTC -c extra_float_digits=3 -c bytea_output=hex "
           "-c client_encoding=UTF8")
EPOCH_US = 946684800 * 1000000  # 2000-01-01, from which PostgreSQL counts
UNCHANGED = True                # a TOAST value that the change did not touch; NULL is None, all else is text

COLUMNS_SQL = """
SELECT a.attname, a.atttypid, a.atttypmod, format_type(a.atttypid, a.atttypmod), t.typtype,
       CASE WHEN t.typcategory = 'A' THEN t.typelem ELSE 0 END,
       CASE WHEN t.typcategory = 'A' THEN COALESCE(e.typtype::text, '') ELSE '' END,
       a.attnotnull OR t.typtype = 'd' AND t.typnotnull, k.indisprimary,
       COALESCE(array_position(k.indkey, a.attnum), 0),
       CASE WHEN a.attgenerated = '' THEN COALESCE(pg_get_expr(d.adbin, d.adrelid), '') ELSE '' END,
       CASE WHEN c.relreplident = 'f' THEN true
            WHEN c.relreplident = 'i' THEN COALESCE(a.attnum = ANY(r.indkey), false)
            WHEN c.relreplident = 'd' THEN COALESCE(k.indisprimary AND a.attnum = ANY(k.indkey), false) ELSE false END
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_type e ON e.oid = t.typelem
LEFT JOIN LATERAL (SELECT (i.indkey::int2[])[0:i.indnkeyatts - 1] AS indkey, i.indisprimary FROM pg_index i
                   JOIN pg_class x ON x.oid = i.indexrelid
                   WHERE i.indrelid = a.attrelid AND i.indisunique AND i.indexprs IS NULL
                   ORDER BY i.indisprimary DESC, x.relname LIMIT 1) k ON true
LEFT JOIN LATERAL (SELECT (i.indkey::int2[])[0:i.indnkeyatts - 1] AS indkey FROM pg_index i
                   WHERE i.indrelid = a.attrelid AND i.indisreplident) r ON true
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum"""
BASE_SQL = """
WITH RECURSIVE below AS (SELECT oid, typbasetype, typtypmod, 0 AS depth FROM pg_type WHERE oid = %s AND typtype = 'd'
  UNION ALL SELECT t.oid, t.typbasetype, CASE WHEN b.typtypmod = -1 THEN t.typtypmod ELSE b.typtypmod END, b.depth + 1
  FROM below b JOIN pg_type t ON t.oid = b.typbasetype WHERE t.typtype = 'd')
SELECT typbasetype, typtypmod FROM below ORDER BY depth DESC LIMIT 1"""
LABELS_SQL = """
SELECT string_agg(enumlabel, ',' ORDER BY enumsortorder) FROM pg_enum
WHERE enumtypid = %s OR enumtypid = (SELECT typelem FROM pg_type WHERE oid = %s)"""
TABLE_SQL = """SELECT n.nspname, c.relname, c.relreplident FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = %s"""


def catalog_shape(db, oid):
    """A table as the catalog has it now; `db` must see nothing but pg_catalog, so that names come with schemas."""
    schema, table, identity = db.execute(TABLE_SQL, [oid]).fetchone()
    columns = []
    for (name, type_oid, typmod, type_name, kind, element, element_kind, not_null, primary, order,
         default, ident) in db.execute(COLUMNS_SQL, [oid]).fetchall():
        base = db.execute(BASE_SQL, [type_oid]).fetchone() or (0, -1)
        enum = base[0] or type_oid
        columns.append({
            "name": name, "type_oid": type_oid, "typmod": typmod, "type_name": type_name, "type_kind": kind,
            "element_oid": element, "element_kind": element_kind, "identity": ident,
            "primary_key": bool(primary and order),
            "not_null": not_null, "key_order": order, "base_oid": base[0], "base_typmod": base[1],
            "default_text": default, "labels": db.execute(LABELS_SQL, [enum, enum]).fetchone()[0] or ""})
    return {"oid": oid, "schema": schema, "table": table, "identity": identity, "columns": columns}


class Cursor:
    """Over the bytes of one message."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        values = struct.unpack_from("!" + form, self.data, self.at)
        self.at += struct.calcsize("!" + form)
        return values[0] if len(values) == 1 else values

    def bytes(self, count):
        self.at += count
        return self.data[self.at - count:self.at]

    def text(self):
        end = self.data.index(b"\0", self.at)
        found = self.data[self.at:end].decode()
        self.at = end + 1
        return found

    def row(self):
        values = []
        for _ in range(self.take("h")):
            kind = self.take("c")
            values.append({b"n": lambda: None, b"u": lambda: UNCHANGED,
                           b"t": lambda: self.bytes(self.take("i")).decode()}[kind]())
        return values


def decode(data):
    """One message as a dictionary with its kind."""
    c = Cursor(data)
    kind = c.take("c").decode()
    if kind == "B":
        commit, time, xid = c.take("qqI")
        return {"kind": kind, "commit_lsn": commit, "commit_time_us": time + EPOCH_US, "xid": xid}
    if kind == "C":
        _, commit, end, time = c.take("Bqqq")
        return {"kind": kind, "commit_lsn": commit, "commit_end_lsn": end, "commit_time_us": time + EPOCH_US}
    if kind == "R":
        oid, schema, table, identity = c.take("I"), c.text(), c.text(), c.take("c").decode()
        columns = []
        for _ in range(c.take("h")):
            flags, name = c.take("B"), c.text()
            type_oid, typmod = c.take("Ii")
            columns.append({"name": name, "type_oid": type_oid, "typmod": typmod, "identity": bool(flags & 1)})
        return {"kind": kind, "oid": oid, "schema": schema or "pg_catalog", "table": table, "identity": identity,
                "columns": columns}
    if kind in "IUD":
        message = {"kind": kind, "oid": c.take("I"), "before_kind": "none", "before": None, "after": None}
        while c.at < len(data):
            part = c.take("c").decode()
            if part in "KO":
                message["before_kind"] = {"K": "key", "O": "full"}[part]
            message["after" if part == "N" else "before"] = c.row()
        return message
    if kind == "T":
        count, flags = c.take("IB")
        return {"kind": kind, "cascade": bool(flags & 1), "restart": bool(flags & 2),
                "oids": [c.take("I") for _ in range(count)]}
    if kind == "M":
        flags, lsn = c.take("Bq")
        return {"kind": kind, "transactional": bool(flags & 1), "message_lsn": lsn, "prefix": c.text(),
                "content": "\\x" + c.bytes(c.take("I")).hex()}
    return {"kind": kind}


class Slot:
    """A replication connection that reads on where the last call ended."""

    def __init__(self, dsn, slot, publication):
        self.pg = pq.PGconn.connect(f"{dsn} replication=database options='{SESSION}'".encode())
        if self.pg.status != pq.ConnStatus.OK:
            raise RuntimeError(self.pg.error_message.decode())
        self._start = (f"START_REPLICATION SLOT {slot} LOGICAL 0/0 (proto_version '1', publication_names "
                       f"'{publication}', messages 'true')")
        self._slot, self._began = slot, False

    def create(self):
        """Makes it; nothing before this call will be seen."""
        result = self.pg.exec_(f"CREATE_REPLICATION_SLOT {self._slot} LOGICAL pgoutput NOEXPORT_SNAPSHOT".encode())
        if result.status != pq.ExecStatus.TUPLES_OK:
            raise RuntimeError(result.error_message.decode())

    def messages(self):
        """(LSN, decoded message), waiting for each; for ever."""
        if not self._began:
            result = self.pg.exec_(self._start.encode())
            if result.status != pq.ExecStatus.COPY_BOTH:
                raise RuntimeError(result.error_message.decode())
            self._began = True
        while True:
            size, data = self.pg.get_copy_data(0)
            if size < 0:
                raise RuntimeError(self.pg.error_message.decode())
            data = bytes(data)
            if data[:1] == b"w":
                yield struct.unpack_from("!q", data, 1)[0], decode(data[25:])
            elif data[17:18] == b"\1":
                position = data[1:9]
                self.pg.put_copy_data(b"r" + position + b"\0" * 16 + struct.pack("!qB", 0, 0))
                self.pg.flush()

    def close(self):
        self.pg.finish()
