# SPDX-License-Identifier: Apache-2.0
"""The differences that the comparison with the real Debezium allows: where it loses or spoils a value, or where its
Java shows. Each says why, and which recording shows what the real one wrote; docs/kafka.md lists the same."""
import re

import debezium_diff as diff
import zoo

PLACEHOLDER = "__debezium_unavailable_value"
PLACEHOLDER_FORMS = (PLACEHOLDER, "X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ", "5f5f646562657a69756d5f", "n/a",
                     "bi9h", "'95', '95', '100', '101', '98'", "b68a35a7-17ad-35b3-af2a-ae46edb4545a",
                     "'110', '47', '97'", "274b6819-2b05-3e26-8f12-8ff63bfcd4a4")
UNKNOWN = re.compile(r"^(xid|pg_lsn|tid|xid8|reg\w+|pg_snapshot|zoo\.(pair|floatrange)|int4multirange|tsmultirange|"
                     r"line|lseg|box|path|polygon|circle|public\.(cube|seg|lquery|isbn13|issn|ismn|ean13|upc)|tsvector|"
                     r"tsquery|jsonpath|(xml|point|money|name|interval|bit varying|zoo\.small|zoo\.pair|"
                     r"tsvector)\[\])$")
TEMPORAL_ARRAY = re.compile(r"^time.*\[\]$")


def columns():
    """(table as its topic has it, column) -> the newest facts of changes.jsonl, and a default that it ever had."""
    found = {}
    for entry in diff.lines(zoo.GOLDEN / "changes.jsonl"):
        relation = entry.get("relation")
        for column in relation["columns"] if relation else ():
            topic = re.sub(r"[^A-Za-z0-9._-]", "_", f"{relation['schema']}.{relation['table']}")
            had = found.get((topic, column["name"]), {}).get("default_text")
            found[topic, column["name"]] = {**column, "default_text": column["default_text"] or had or ""}
    return found


COLUMNS = columns()


class Spot:
    """Where a difference is, in the words of tables: the table, the column, and whether its schema or its value."""

    def __init__(self, place):
        self.place = place
        self.real, self.ours, self.where = place.real, place.ours, place.where
        self.table = place.topic.split(".", 1)[1] if "." in place.topic else place.topic
        path = [p for p in place.path]
        self.schema = path[:1] == ["schema"]
        rest = [p for p in path if p not in ("schema", "payload", "fields")]
        self.member = rest[0] if rest else ""
        if rest[:1] in (["before"], ["after"]):
            rest = rest[1:]
        self.name = rest[0] if rest else ""
        self.below = rest[1:]
        self.column = COLUMNS.get((self.table, self.name), {})
        self.type = self.column.get("type_name", "")

    def value(self):
        return self.column and self.where == "value" and not self.schema

    def default(self):
        return self.schema and self.below[-1:] == ["default"]


def foreign(text):
    return isinstance(text, str) and any(ord(c) > 127 for c in text)


def d1(s):
    if s.where != "value" or s.schema or s.ours is not None or s.real is diff.MISSING:
        return False
    return bool(s.column.get("default_text")) and s.real is not None


def d4(s):
    if s.table in ("zoo.stra_e", "zoo.names_utf8"):
        if s.schema and s.below == ["optional"] and s.name == "id":
            return True  # D5: it knows no key of this table, so not that it is NOT NULL either
        return any(foreign(x) for x in (s.name, s.real, s.ours, *s.place.path))
    return s.table == "transaction" and foreign(s.real)


def d9(s):
    if UNKNOWN.match(s.type):
        return s.real is diff.MISSING or s.ours is diff.MISSING
    return s.type == "name" and s.real in (None, "", diff.MISSING)


def moved(s):
    """Of a row whose key moved. It is read again here; what the real one does not know of it, it cannot have."""
    return any(name == "__debezium.oldkey" for name, _ in s.place.record.headers)


def d6(s):
    """Nor are the halves of such an update one event."""
    return s.table == "zoo.ident_index" or s.table == "transaction" and (s.real, s.ours) == ("2", "1") and (
        '"data_collections":[{"data_collection":"zoo.ident_index","event_count":2}]' in s.place.record.value)


def d10(s):
    if s.table == "zoo.toast" and s.type == "public.hstore" and s.below and s.real is diff.MISSING:
        return moved(s)  # hstore as a map: the placeholder is its one key
    return s.table.startswith("zoo.toast") and not s.schema and any(
        f in str(s.real) for f in PLACEHOLDER_FORMS)


def d15(s):
    if s.table != "zoo.toast" or not s.value() or s.real is not None:
        return False
    if any(f in str(s.ours) for f in PLACEHOLDER_FORMS):
        return True
    return moved(s) and (s.type.endswith("[]") or s.type == "bit varying" or (
        s.type == "bytea" and s.place.topic.startswith(("urlsafe", "strings"))))


def d30(s):
    return s.table == "message" and s.name == "source" and s.below in (["ts_ms"], ["ts_us"], ["ts_ns"]) and (
        '"txId":null' in s.place.record.value)


def d16(s):
    if s.type == "bit(3)[]":
        return True
    return s.value() and s.real is None and isinstance(s.ours, list) and bool(
        s.column["element_kind"] == "e" or s.type == "public.ltree[]" or TEMPORAL_ARRAY.match(s.type))


def d20(s):
    facts = (s.column.get("default_text", ""), s.table, s.type)
    if s.default():
        return "infinity" in facts[0]
    return s.where == "value" and not s.schema and (
        s.table == "zoo.infinite_times" or "infinity" in facts[0] or
        (s.table == "zoo.arrays" and s.name in ("d", "tsz") and s.below != []))


# name, why, allows, and what shows it: a recording, the end of the topic, a text of the record's value or key.
RULES = [
    ("D1", "a NULL in a column with a default is written as the default", d1,
     ("envelope-25", ".defaults", '"after":{"id":1,"i2":2,"i4":42')),
    ("D2", "a negative scale becomes 2046 and a kilobyte", lambda s: s.table == "zoo.odd_numbers" and s.name == "neg",
     ("nulls-25", ".odd_numbers", '"scale":"2046"')),
    ("D3", "a timestamp that does not fit 64 bits wraps around",
     lambda s: s.type.startswith("timestamp") and s.value() and isinstance(s.ours, str) and bool(
         re.match(r"\d{4,6}-\d\d-\d\d \d\d:", s.ours)),
     ("nulls-25", ".far_times", '"ts":-9223372036853775810')),
    ("D4", "names outside ASCII are spoiled", d4, ("nulls-25", ".names_utf8", "naￃﾯve")),
    ("D5", "a table with such a name has no key", lambda s: s.table == "zoo.stra_e" and s.where == "key" and not s.real,
     ("nulls-25", ".stra__e", '"op":"d"')),
    ("D6", "the old row of REPLICA IDENTITY USING INDEX has 0 for the primary key, and so has the key",
     d6, ("nulls-25", ".ident_index", '"before":{"id":0,"u":11')),
    ("D7", "arrays of arrays are null, or a Java object's name", lambda s: s.table == "zoo.nested_arrays" and s.value(),
     ("nulls-25", ".nested_arrays", "[Ljava.lang.String;@")),
    ("D8", "a default with a quote is cut, one of an enum or with E'' is left out",
     lambda s: (s.default() or (s.value() and s.real in (None, "dé"))) and
     (s.table == "zoo.quoted_defaults" or s.column.get("type_kind") == "e"),
     ("nulls-25", ".quoted_defaults", '"default":"dé"')),
    ("D9", "types it does not know are left out, name is null", d9, ("nulls-25", ".texts", '"n":null')),
    ("D10", "where a moved row is read again, it has the placeholder", d10, ("nulls-25", ".toast", PLACEHOLDER)),
    ("D13", "NaN and infinity of a numeric are null",
     lambda s: s.table == "zoo.special_numbers" and s.value() and s.real is None,
     ("nulls-25", ".special_numbers", '"id":4,"f4":0.0,"f8":0.0,"n":null')),
    ("D15", "unchanged arrays of most types, and varbit, are null", d15, ("nulls-25", ".toast", '"i2a":null')),
    ("D16", "arrays of enums with a NULL, of ltree, bit and time(3) are null", d16,
     ("nulls-25", ".more_arrays", '"lt":null')),
    ("D20", "an infinite date wraps around, differently in a snapshot", d20,
     ("nulls-25", ".infinite_times", '"d":-622191234')),
    ("D21", "INCLUDE columns of the primary key's index are in the key",
     lambda s: s.table == "zoo.key_included" and s.where == "key" and s.name == "v",
     ("nulls-25", ".key_included", '"op":"u"')),
    ("D22", "times in arrays lose what is below a millisecond, timetz below a second",
     lambda s: bool(TEMPORAL_ARRAY.match(s.type)) and s.below != [] and not s.schema,
     ("nulls-25", ".arrays", '"ti":[45296789000,')),
    ("D23", "varbit(1) is null in a snapshot", lambda s: s.type == "bit varying(1)" and s.value() and s.real is None,
     ("nulls-25", ".bits", '"v1":null')),
    ("D24", "24:00 becomes 00:00 as timetz, or as text", lambda s: s.table == "zoo.times" and "24:00" in str(s.ours),
     ("nulls-25", ".times", '"tz":"00:00:00Z"')),
    ("D25", "a date in a key's header has no quotes, so it is no JSON",
     lambda s: s.where == "headers" and s.table == "zoo.key_types", ("strings-25", ".key_types", '"op":"d"')),
    ("D26", "money as text has its digits only when streaming", lambda s: s.type == "money" and s.real == "1.1",
     ("strings-25", ".numbers", '"m":"1.1"')),
    ("D27", "a message is counted under the name of a Java object, whose place among the others is another each time",
     lambda s: s.table == "transaction" and s.name == "data_collections" and
     "LogicalDecodingMessageId@" in s.place.record.value,
     ("bare-33", ".transaction", "LogicalDecodingMessageId@")),
    ("D28", "a numeric too large for a double is infinite",
     lambda s: s.value() and s.type == "numeric" and s.real == "Infinity", ("doubles-25", ".toast", '"n":"Infinity"')),
    ("D29", "a snapshot has the rows of child tables in the parent's topic, too",
     lambda s: False, ("nulls-25", ".zoo.parent", '"v":"child"')),  # once() leaves them out before they are compared
    ("D30", "a message outside a transaction has the commit time of the transaction before it", d30,
     ("nulls-25", ".message", '"txId":null')),
    ("U1", "with include.unknown.datatypes they are the bytes of their text: here the text, always",
     lambda s: bool(UNKNOWN.match(s.type)) and s.place.topic.startswith("urlsafe"),
     ("urlsafe-33", ".odd_types", '"lsn":"MC8x')),
    ("J1", "Java before 19 writes the smallest normal float with a digit too many",
     lambda s: s.type == "real" and s.real == "1.17549435E-38", ("nulls-25", ".numbers", "1.17549435E-38")),
    ("S1", "with replace.null.with.default=false source.snapshot is null when streaming",
     lambda s: s.name == "source" and s.below == ["snapshot"] and s.real is None and s.ours == "false",
     ("nulls-25", ".many", '"snapshot":null')),
]


def rules():
    return [diff.Rule(name, why, lambda place, allows=allows: bool(allows(Spot(place))))
            for name, why, allows, _ in RULES]


def one_topic(records):
    """D4 spoils topics and schema names too: what streams of zoo.straße goes where its snapshot is, behind it."""
    def name(text):
        return text and text.replace(".zoo.stra__e", ".zoo.stra_e")
    streamed = [r for r in records if ".zoo.stra__e" in r.topic]
    return [*(r for r in records if ".zoo.stra__e" not in r.topic),
            *(r._replace(topic=name(r.topic), key=name(r.key), value=name(r.value)) for r in streamed)]


def once(records):
    """Without the rows of D29, which stand in the topics of the child and of the partitions as well."""
    return [r for r in records if not (
        r.topic.endswith(".zoo.parent") and '"v":"child"' in (r.value or "") or r.topic.endswith(".zoo.parted"))]
