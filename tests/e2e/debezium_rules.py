# SPDX-License-Identifier: Apache-2.0
"""The differences that the comparison with the real Debezium allows: where it loses or spoils a value, or where its
Java shows. Each says why, and which recording shows what the real one wrote; docs/kafka.md lists the same."""
import base64
import collections
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


def topic_of(relation):
    return re.sub(r"[^A-Za-z0-9._-]", "_", f"{relation['schema']}.{relation['table']}")


def columns():
    """(table as its topic has it, column) -> the newest facts of changes.jsonl, and a default that it ever had."""
    found = {}
    for entry in diff.lines(zoo.GOLDEN / "changes.jsonl"):
        relation = entry.get("relation")
        for column in relation["columns"] if relation else ():
            topic = topic_of(relation)
            had = found.get((topic, column["name"]), {}).get("default_text")
            found[topic, column["name"]] = {**column, "default_text": column["default_text"] or had or ""}
    return found


COLUMNS = columns()


def source():
    """(table as its topic has it, column) -> id of the row -> the texts that PostgreSQL ever gave for it."""
    found, relations = collections.defaultdict(lambda: collections.defaultdict(set)), {}
    for entry in diff.lines(zoo.GOLDEN / "changes.jsonl"):
        if "relation" in entry:
            relations[entry["relation"]["version"]] = entry["relation"]
        change = entry.get("change", {})
        for row in (change.get("before"), change.get("after")):
            if row is None:
                continue
            relation = relations[change["relation"]]
            topic = topic_of(relation)
            names = [c["name"] for c in relation["columns"]]
            key = row[names.index("id")] if "id" in names else None
            for name, text in zip(names, row):
                if text is not True:  # unchanged
                    found[topic, name][key].add(text)
    return found


SOURCE = source()


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

    def texts(self):
        """What PostgreSQL said of this column: of this row, and of each where the row's key moved."""
        rows = SOURCE[self.table, self.name]
        row = re.search(r'"id":(-?\d+)', self.place.record.value or "")
        return set().union(*rows.values()) if moved(self) or row is None else rows[row[1]]

    def default(self):
        return self.schema and self.below[-1:] == ["default"]


def foreign(text):
    return isinstance(text, str) and any(ord(c) > 127 for c in text)


class D1:
    """The real one has the default where ours has null: one value for each column of a connector, and two for zoo.ddl,
    whose default is changed on the way."""

    def __init__(self):
        self.defaults = {}

    def __call__(self, s):
        if s.where != "value" or s.schema or s.ours is not None or s.real in (None, diff.MISSING) or s.below:
            return False
        known = self.defaults.setdefault((s.table, s.name), [])
        if s.real not in known:
            known.append(s.real)
        return bool(s.column.get("default_text")) and len(known) <= (2 if s.table == "zoo.ddl" else 1)


def unscaled(text):
    return int.from_bytes(base64.b64decode(text), "big", signed=True)


def d2(s):
    """The same number, from a scale of 2046; where the modes make text of it, with so many zeros."""
    if s.table != "zoo.odd_numbers" or s.name != "neg":
        return False
    if s.schema:
        return s.below[-2:] == ["parameters", "scale"] and (s.real, s.ours) == ("2046", "-2")
    if re.fullmatch(r"-?\d+", s.ours):
        return re.fullmatch(re.escape(s.ours) + r"\.0{2046}", s.real) is not None
    return unscaled(s.real) == unscaled(s.ours) * 10 ** 2048


def d4(s):
    """Where the names were made whole: a default, which it does not find for such a column."""
    return s.table in ("zoo.stra_e", "zoo.names_utf8") and foreign(s.name) and s.default() and s.real is diff.MISSING


def d5(s):
    """It does not know the primary key: no key of the record, and the column may be null."""
    if s.table != "zoo.stra_e":
        return False
    if s.schema:
        return s.name == "id" and s.below == ["optional"] and (s.real, s.ours) == (True, False)
    if s.where != "key" or s.real is not None:
        return False
    key, value = diff.parse(s.ours), s.place.record.value or "null"
    key = key.get("payload", key)
    gone = value == "null" or value.endswith('"payload":null}')
    return list(key) == ["id"] and (gone or f'"id":{key["id"]}' in value)


def d9(s):
    left_out = UNKNOWN.match(s.type) and s.real is diff.MISSING
    if not left_out and not (s.type == "name" and s.real in (None, "", diff.MISSING)):
        return False
    if s.schema or isinstance(s.ours, list):
        return isinstance(s.ours, (dict, list))
    return s.ours in s.texts() or s.ours in PLACEHOLDER_FORMS


NESTED = [["1", "2"], ["3", "4"], ["a", "b"], ["c", "d"], [["x"]]]


def d7(s):
    """Each inner array."""
    return s.table == "zoo.nested_arrays" and s.value() and s.ours in NESTED and (
        s.real is None or re.fullmatch(r"\[+Ljava\.lang\.String;@[0-9a-f]+", s.real) is not None)


QUOTED = [("q", "dé", "dé'f"), ("bs", diff.MISSING, "a\\b\nc")]


def d8(s):
    return s.table == "zoo.quoted_defaults" and s.default() and (s.name, s.real, s.ours) in QUOTED


def moved(s):
    """Of a row whose key moved. It is read again here; what the real one does not know of it, it cannot have."""
    return any(name == "__debezium.oldkey" for name, _ in s.place.record.headers)


def d6(s):
    """Nor are the halves of such an update one event. The table itself: ident_index()."""
    return s.table == "transaction" and (s.real, s.ours) == ("2", "1") and (
        '"data_collections":[{"data_collection":"zoo.ident_index","event_count":2}]' in s.place.record.value)


def is_of_source(s):
    """Is ours what PostgreSQL said, in one of the forms that the modes give it?"""
    return any(text is not None and is_form_of(s.ours, text) for text in s.texts())


def is_form_of(value, text):
    if isinstance(value, dict):  # a map, and numbers with their scale
        return all(form in text for form in value.values()) if text.startswith('"') else "scale" in value
    if isinstance(value, list):
        items = text.strip("{}").split(",")
        return len(items) == len(value) and None not in value and (
            "[" in str(value[0]) or not isinstance(value[0], str) or isinstance(value[0], diff.Number) or
            all(v.rstrip("Z") in i or len(v) == len(i) or ":" in i or i[:1] == '"' for v, i in zip(value, items)))
    if not isinstance(value, str):
        return False
    if "\\x" in text:  # bytea, alone or in an array
        data = [bytes.fromhex(digits) for digits in re.findall(r"\\x([0-9a-f]*)", text)]
        return any(value in (d.hex(), base64.b64encode(d).decode(), base64.urlsafe_b64encode(d).decode()) for d in data)
    return value in text.replace('\\"', '"') or "=>" in text or set(text) <= set("01")


def d10(s):
    """There is the value, as PostgreSQL has it."""
    if not s.table.startswith("zoo.toast") or s.schema:
        return False
    if s.type == "public.hstore" and s.below and s.real is diff.MISSING:
        return moved(s) and any(s.ours in (text or "") for text in s.texts())  # the placeholder is its one key
    if not any(f in str(s.real) for f in PLACEHOLDER_FORMS):
        return False
    return s.ours is diff.MISSING or is_of_source(s)


def d15(s):
    """The placeholder, or the value as in D10."""
    if s.table != "zoo.toast" or not s.value() or s.real is not None:
        return False
    if any(f in str(s.ours) for f in PLACEHOLDER_FORMS):
        return True
    return moved(s) and is_of_source(s)


def d30(s):
    return s.table == "message" and s.name == "source" and s.below in (["ts_ms"], ["ts_us"], ["ts_ns"]) and (
        '"txId":null' in s.place.record.value)


BITS = {"type": ("bytes", "array"), "items": (diff.MISSING, {"type": "string", "optional": True}),
        "name": ("io.debezium.data.Bits", diff.MISSING), "version": ("1", diff.MISSING),
        "parameters": ({"length": "3"}, diff.MISSING)}
LOST_ARRAYS = {"bi": ["101", "010"], "lt": ["a.b", None], "e": ["sad", "very happy", "it's, \"so\"", None]}


def d16(s):
    if s.type == "bit(3)[]" and s.schema:
        return BITS.get(s.below[-1]) == (s.real, s.ours)
    if not s.value() or s.real is not None or not isinstance(s.ours, list):
        return False
    return s.ours == LOST_ARRAYS.get(s.name) if s.name in LOST_ARRAYS else bool(TEMPORAL_ARRAY.match(s.type))


# The words, and what Debezium itself makes of them for dates when streaming.
INFINITE = {"infinity": ("infinity", "-2147472692"), "-infinity": ("-infinity", "-2147472691")}


def d20(s):
    if s.where != "value" or not s.column or s.real in (None, diff.MISSING):
        return False
    if s.table == "zoo.arrays" and s.name in ("d", "tsz"):
        words = {text.strip("{}").split(",")[s.below[0]] for text in s.texts() if text and s.below}
    elif s.default() or s.table == "zoo.computed":
        words = {"infinity"} if s.name == "dinf" else set()
    else:
        words = s.texts() if s.table == "zoo.infinite_times" else set()
    return any(s.ours in INFINITE.get(word, ()) for word in words)


def d22(s):
    """The same time, cut."""
    if not TEMPORAL_ARRAY.match(s.type) or not s.below or s.schema:
        return False
    if re.fullmatch(r"\d+", s.ours):
        return any(int(s.ours) // unit * unit == int(s.real) for unit in (1000, 1000000))
    return s.ours.rstrip("Z").startswith(s.real.rstrip("Z"))


def d25(s):
    """The date of the header is the day that ours is the number of."""
    if s.where != "headers" or s.table != "zoo.key_types":
        return False
    day = re.search(r'"d":(\d{4}-\d\d-\d\d)}$', s.real)
    return bool(day) and s.real.replace(f'"d":{day[1]}', '"d":19782') == s.ours and day[1] == "2024-02-29"


def u1(s):
    """The text, but that Java writes the numbers of shapes as doubles."""
    if not UNKNOWN.match(s.type) or not s.place.topic.startswith("urlsafe"):
        return False
    if s.schema:
        return s.below[-2:] == ["items", "optional"] and (s.real, s.ours) == (False, True)
    if s.real is None:
        return s.table == "zoo.toast" and moved(s) and s.ours in s.texts()
    text = base64.urlsafe_b64decode(s.real).decode()
    return s.ours in (text, re.sub(r"(\d)\.0\b", r"\1", text))


def t1(s):
    """The commit before is one of such a table."""
    if s.table != "zoo.fence" or s.name != "source" or s.below != ["sequence"]:
        return False
    (before, own), (our_before, our_own) = (list(map(int, re.findall(r"\d+", text))) for text in (s.real, s.ours))
    return own == our_own and our_before < before <= own


# name, why, allows, and what shows it: a recording, the end of the topic, a text of the record's value or key.
RULES = [
    ("D1", "a NULL in a column with a default is written as the default", D1,
     ("envelope-25", ".defaults", '"after":{"id":1,"i2":2,"i4":42')),
    ("D2", "a negative scale becomes 2046 and a kilobyte", d2, ("nulls-25", ".odd_numbers", '"scale":"2046"')),
    ("D3", "a timestamp that does not fit 64 bits wraps around",
     lambda s: s.type.startswith("timestamp") and s.value() and isinstance(s.real, diff.Number) and s.ours in s.texts(),
     ("nulls-25", ".far_times", '"ts":-9223372036853775810')),
    ("D4", "names outside ASCII are spoiled", d4, ("nulls-25", ".names_utf8", "naￃﾯve")),
    ("D5", "a table with such a name has no key", d5, ("nulls-25", ".stra__e", '"op":"d"')),
    ("D6", "the old row of REPLICA IDENTITY USING INDEX has 0 for the primary key, and so has the key",
     d6, ("nulls-25", ".ident_index", '"before":{"id":0,"u":11')),
    ("D7", "arrays of arrays are null, or a Java object's name", d7,
     ("nulls-25", ".nested_arrays", "[Ljava.lang.String;@")),
    ("D8", "a default with a quote is cut, one of an enum or with E'' is left out", d8,
     ("nulls-25", ".quoted_defaults", '"default":"dé"')),
    ("D9", "types it does not know are left out, name is null", d9, ("nulls-25", ".texts", '"n":null')),
    ("D10", "where a moved row is read again, it has the placeholder", d10, ("nulls-25", ".toast", PLACEHOLDER)),
    ("D13", "NaN and infinity of a numeric are null",
     lambda s: s.table == "zoo.special_numbers" and s.value() and s.real is None and
     s.ours in s.texts() & {"NaN", "Infinity", "-Infinity"},
     ("nulls-25", ".special_numbers", '"id":4,"f4":0.0,"f8":0.0,"n":null')),
    ("D15", "unchanged arrays of most types, and varbit, are null", d15, ("nulls-25", ".toast", '"i2a":null')),
    ("D16", "arrays of enums with a NULL, of ltree, bit and time(3) are null", d16,
     ("nulls-25", ".more_arrays", '"lt":null')),
    ("D20", "an infinite date wraps around, differently in a snapshot", d20,
     ("nulls-25", ".infinite_times", '"d":-622191234')),
    ("D21", "INCLUDE columns of the primary key's index are in the key",
     lambda s: s.table == "zoo.key_included" and s.where == "key" and s.name == "v" and s.ours is diff.MISSING,
     ("nulls-25", ".key_included", '"op":"u"')),
    ("D22", "times in arrays lose what is below a millisecond, timetz below a second", d22,
     ("nulls-25", ".arrays", '"ti":[45296789000,')),
    ("D23", "varbit(1) is null in a snapshot",
     lambda s: s.type == "bit varying(1)" and s.value() and s.real is None and s.ours in (t == "1" for t in s.texts()),
     ("nulls-25", ".bits", '"v1":null')),
    ("D24", "24:00 becomes 00:00 as timetz, or as text",
     lambda s: s.table == "zoo.times" and (s.real, s.ours) == ("00:00:00Z", "24:00:00Z"),
     ("nulls-25", ".times", '"tz":"00:00:00Z"')),
    ("D25", "a date in a key's header has no quotes, so it is no JSON", d25, ("strings-25", ".key_types", '"op":"d"')),
    ("D26", "money as text has its digits only when streaming",
     lambda s: s.type == "money" and (s.real, s.ours) == ("1.1", "1.10"), ("strings-25", ".numbers", '"m":"1.1"')),
    ("D27", "a message is counted under the name of a Java object, whose place among the others is another each time",
     lambda s: False, ("bare-33", ".transaction", "LogicalDecodingMessageId@")),  # counted() sets it right
    ("D28", "a numeric too large for a double is infinite",
     lambda s: s.value() and s.type == "numeric" and s.real == "Infinity" and s.ours in s.texts(),
     ("doubles-25", ".toast", '"n":"Infinity"')),
    ("D29", "a snapshot has the rows of child tables in the parent's topic, too",
     lambda s: False, ("nulls-25", ".zoo.parent", '"v":"child"')),  # once() leaves them out before they are compared
    ("D30", "a message outside a transaction has the commit time of the transaction before it", d30,
     ("nulls-25", ".message", '"txId":null')),
    ("U1", "with include.unknown.datatypes they are the bytes of their text: here the text, always", u1,
     ("urlsafe-33", ".odd_types", '"lsn":"MC8x')),
    ("J1", "Java before 19 writes the smallest normal float with a digit too many",
     lambda s: s.type == "real" and (s.real, s.ours) == ("1.17549435E-38", "1.1754944E-38"),
     ("nulls-25", ".numbers", "1.17549435E-38")),
    ("S1", "with replace.null.with.default=false source.snapshot is null when streaming",
     lambda s: s.name == "source" and s.below == ["snapshot"] and s.real is None and s.ours == "false",
     ("nulls-25", ".many", '"snapshot":null')),
    ("T1", "a table that is made on the way is taken at once: here those that are listed at the start", t1,
     ("nulls-25", ".born", '"op":"c"')),
]


def rules():
    """For one connector."""
    return [diff.Rule(name, why, lambda place, allows=allows() if allows is D1 else allows: bool(allows(Spot(place))))
            for name, why, allows, _ in RULES]


# ---- what is set right before the records are held against each other -------------------------------------------

SPOILED = re.compile("[\uff80-\uffff]+")


def whole(text):
    """D4: each byte of a name in UTF-8 became a character, with its sign."""
    def name(match):
        try:
            return bytes(ord(c) - 0xff00 for c in match[0]).decode()
        except UnicodeDecodeError:
            return match[0]  # a value with such characters
    return text and SPOILED.sub(name, text)


def one_topic(text):
    """D4 spoils topics and the names of schemas, too: what streams of zoo.straße goes where its snapshot is."""
    return text and text.replace(".zoo.stra__e", ".zoo.stra_e")


MADE_LATER = (".zoo.born", ".zoo.reborn")  # T1


def of_later(records):
    """The beginning of the ids of transactions of tables that were made on the way; their ends have another LSN."""
    ends = (diff.parse(r.value) for r in records if r.topic.endswith(".transaction"))
    ends = (end.get("payload", end) for end in ends)
    return {f'"{end["id"].split(":")[0]}:' for end in ends for each in end["data_collections"] or ()
            if f".{each['data_collection']}" in MADE_LATER}


COUNTED = re.compile(r'("data_collections":\[)(.*?)(\])')


def counted(text, used):
    """D27: the message by its name, and all in an order that does not depend on an object's."""
    def ordered(match):
        each = re.findall(r"\{[^{}]*\}", re.sub(r"io\.debezium\.[\w.$]*LogicalDecodingMessageId@[0-9a-f]+",
                                              "LOGICAL_DECODING_MESSAGE", match[2]))
        return match[1] + ",".join(sorted(each)) + match[3]
    if not text or "LogicalDecodingMessageId@" not in text and "LOGICAL_DECODING_MESSAGE" not in text:
        return text
    used["D27"] += 1
    return COUNTED.sub(ordered, text)


def of_messages(records, used):
    return [r._replace(value=counted(r.value, used)) if r.topic.endswith(".transaction") else r for r in records]


def mended(records):
    """The real one's records in the order that a comparison needs, and how often what rule was met."""
    used = collections.Counter()
    later = of_later(records)
    kept, streamed = [], []
    for r in records:
        if r.topic.endswith(MADE_LATER) or r.topic.endswith(".transaction") and any(id in r.key for id in later):
            used["T1"] += 1
            continue
        # D29: rows of the child and of the partitions, which stand in their own topics as well.
        if r.topic.endswith(".zoo.parent") and '"v":"child"' in (r.value or "") or r.topic.endswith(".zoo.parted"):
            used["D29"] += 1
            continue
        right = r._replace(topic=one_topic(r.topic), key=whole(one_topic(r.key)), value=whole(one_topic(r.value)))
        used["D4"] += right != r
        (streamed if right.topic != r.topic else kept).append(right)
    return of_messages(kept + streamed, used), used


# D6: what multisink writes of that table, of which the two have not the same number of records: operation, key, old row
# and new one.
IDENT_INDEX = [
    '"c" {"id":1} null {"id":1,"u":10,"v":"a"}',
    '"c" {"id":2} null {"id":2,"u":20,"v":"b"}',
    '"u" {"id":1} null {"id":1,"u":10,"v":"c"}',
    '"u" {"id":1} {"id":0,"u":10,"v":null} {"id":1,"u":11,"v":"c"}',
    '"u" {"id":3} null {"id":3,"u":11,"v":"c"}',
    '"u" {"id":5} {"id":0,"u":20,"v":null} {"id":5,"u":50,"v":"b"}',
    '"d" {"u":11} {"id":0,"u":11,"v":null} null',
    '"d" {"u":50} {"id":0,"u":50,"v":null} null',
]


def ident_index(records):
    """The records without that table's, and what these say; they are looked at where they are enveloped."""
    found, left = [], []
    for r in records:
        if not r.topic.endswith(".zoo.ident_index"):
            left.append(r)
            continue
        value, key = (diff.parse(text or "null") or {} for text in (r.value, r.key))
        value, key = value.get("payload") or value, key.get("payload", key)
        if "op" in value:
            found.append(" ".join(map(diff.written, (value["op"], key, value["before"], value["after"]))))
    return left, found
