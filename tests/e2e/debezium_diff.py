# SPDX-License-Identifier: Apache-2.0
"""Compares what two connectors wrote for the same changes: topic by topic, record by record, byte by byte, and where
bytes differ, field by field. Only wall-clock fields may differ, and what the rules given allow by name.

    found = compare(real, ours, rules)      # lists of Golden records, see load() and of_kafka()
    found.faults                            # differences that nothing allows, as text
    found.used                              # rule name -> how often it allowed one
"""
import collections
import json
import re

# headers: list of (name, text or None); key and value: text or None
Golden = collections.namedtuple("Golden", "topic key value headers")


def lines(path):
    """What each line of the file holds."""
    return [json.loads(text) for text in path.read_text(encoding="utf-8").split("\n") if text]


def load(path):
    """(head, records) of a file of tests/golden/debezium."""
    schemas, records, head = {}, [], None
    for entry in lines(path):
        if "schema" in entry:
            schemas[entry["schema"]] = entry["text"]
        elif "topic" in entry:
            parts = {}
            for part in ("key", "value"):
                parts[part] = entry[part]
                if f"{part}_schema" in entry:
                    parts[part] = f'{{"schema":{schemas[entry[f"{part}_schema"]]},"payload":{entry[part]}}}'
            records.append(Golden(entry["topic"], parts["key"], parts["value"], [tuple(h) for h in entry["headers"]]))
        else:
            head = entry
    return head, records


def of_kafka(records):
    """The same from a broker's records."""
    def text(data):
        return None if data is None else data.decode("utf-8", "surrogateescape")
    return [Golden(r.topic, text(r.key), text(r.value), [(n, text(v)) for n, v in r.headers]) for r in records]


def with_prefix(records, prefix, wanted):
    """As if the connector's topic.prefix were another one."""
    def swap(text):
        return None if text is None else text.replace(prefix, wanted)
    return [Golden(swap(r.topic), swap(r.key), swap(r.value), [(n, swap(v)) for n, v in r.headers]) for r in records]


class Missing:
    def __repr__(self):
        return "(missing)"


MISSING = Missing()


class Number(str):
    """A number as it was written: 1.0 is not 1."""


def parse(text):
    return json.loads(text, parse_int=Number, parse_float=Number, parse_constant=Number,
                      object_pairs_hook=lambda pairs: dict(pairs) if len(dict(pairs)) == len(pairs) else
                      {"members twice": pairs})


def written(value):
    """The bytes of a parsed value as Connect's JsonConverter writes them: whoever escapes otherwise differs."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, str):
        return '"' + re.sub(r'["\\\x00-\x1f]|[^\x00-\uffff]', _escape, value) + '"'
    if isinstance(value, dict):
        return "{" + ",".join(f"{written(k)}:{written(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return {None: "null", True: "true", False: "false"}[value]


def _escape(match):
    char = match.group()
    if ord(char) > 0xffff:
        high, low = divmod(ord(char) - 0x10000, 0x400)
        return f"\\u{0xd800 + high:04X}\\u{0xdc00 + low:04X}"
    return {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b",
            "\f": "\\f"}.get(char) or f"\\u{ord(char):04X}"


CLOCKS = ("ts_ms", "ts_us", "ts_ns")
SNAPSHOT_OWN = ("ts_ms", "ts_us", "ts_ns", "txId", "lsn", "sequence")  # of the reader's own snapshot


def hide_clocks(value):
    """The parsed value without what the clock or the reader's own snapshot says; whether it is one of a snapshot."""
    payload = value["payload"] if isinstance(value, dict) and set(value) == {"schema", "payload"} else value
    if not isinstance(payload, dict):
        return False
    snapshot = payload.get("op") == "r"
    enveloped = "source" in payload and "op" in payload
    if enveloped or set(payload) == {"ts_ms"} or {"status", "id", "event_count"} <= set(payload):
        for name in CLOCKS:
            if payload.get(name) is not None:
                payload[name] = "clock"
    if enveloped and snapshot:
        for name in SNAPSHOT_OWN:
            if payload["source"].get(name, MISSING) is not MISSING:
                payload["source"][name] = "snapshot"
    if not enveloped and "r" in (payload.get("__op"), payload.get("cdc_operation")):  # add.fields of zoo.CONFIGS
        for name in ("__lsn", "__source_ts_ms", "__xid", "cdc_lsn"):
            if name in payload:
                payload[name] = "snapshot"
    return snapshot


def differences(real, ours, path=()):
    """(path, real, ours) of each place where the two differ; the order of members counts."""
    if isinstance(real, dict) and isinstance(ours, dict):
        if list(real) != list(ours):
            if sorted(real) == sorted(ours):
                yield (*path, "order of members"), ",".join(real), ",".join(ours)
            else:
                for name in [*real, *(n for n in ours if n not in real)]:
                    if name not in ours or name not in real:
                        yield (*path, name), real.get(name, MISSING), ours.get(name, MISSING)
        for name in real:
            if name in ours:
                yield from differences(real[name], ours[name], (*path, name))
    elif isinstance(real, list) and isinstance(ours, list):
        yield from _lists(real, ours, path)
    elif type(real) is not type(ours) or real != ours:
        yield path, real, ours


def _lists(real, ours, path):
    """Fields of a schema are told apart by their names, all else by its place."""
    if path and path[-1] == "fields" and all(isinstance(f, dict) and "field" in f for f in [*real, *ours]):
        yield from differences({f["field"]: f for f in real}, {f["field"]: f for f in ours}, path)
        return
    if len(real) != len(ours):
        yield path, real, ours
        return
    for at, (a, b) in enumerate(zip(real, ours)):
        yield from differences(a, b, (*path, at))


# What a rule is asked about: topic (without prefix), where ("key", "value" or "headers"), path below it, both values.
Place = collections.namedtuple("Place", "topic where path real ours record")
# name, reason, and allows(place): is this the defect?
Rule = collections.namedtuple("Rule", "name why allows")


class Found:
    def __init__(self):
        self.faults = []
        self.used = collections.Counter()
        self.records = 0

    def difference(self, place, rules):
        for rule in rules:
            if rule.allows(place):
                self.used[rule.name] += 1
                return
        self.faults.append(f"{place.topic} {place.where} {'.'.join(map(str, place.path))}: "
                           f"real {_short(place.real)}, ours {_short(place.ours)}")


def _short(value):
    text = repr(value)
    return text if len(text) < 300 else f"{text[:200]}... ({len(text)})"


def _compare_text(found, rules, topic, where, real, ours, record):
    if real == ours:
        return
    if real is None or ours is None:
        found.difference(Place(topic, where, (), real, ours, record), rules)
        return
    try:
        a, b = parse(real), parse(ours)
    except ValueError as fault:
        found.difference(Place(topic, where, (f"not JSON: {fault}",), real, ours, record), rules)
        return
    for side, text, parsed in (("real", real, a), ("ours", ours, b)):
        if written(parsed) != text:
            found.difference(Place(topic, where, (f"bytes of {side}",), written(parsed), text, record), rules)
    if where == "value":
        hide_clocks(a), hide_clocks(b)
    for path, x, y in differences(a, b):
        found.difference(Place(topic, where, path, x, y, record), rules)


def _compare_headers(found, rules, topic, real, ours):
    own = [h for h in ours.headers if not h[0].startswith("multisink.")]
    if real.headers != own:
        if [n for n, _ in real.headers] != [n for n, _ in own]:
            found.difference(Place(topic, "headers", ("names",), real.headers, own, real), rules)
            return
        for (name, a), (_, b) in zip(real.headers, own):
            if a != b:
                found.difference(Place(topic, "headers", (name,), a, b, real), rules)


def by_topic(records):
    topics = collections.defaultdict(list)
    for record in records:
        topics[record.topic].append(record)
    return topics


def compare(real, ours, rules=()):
    """Both with the same prefix; records of a topic in their order."""
    found = Found()
    a, b = by_topic(real), by_topic(ours)
    for topic in sorted({*a, *b}):
        if len(a[topic]) != len(b[topic]):
            found.difference(Place(topic, "records", ("count",), len(a[topic]), len(b[topic]), None), rules)
        for x, y in zip(a[topic], b[topic]):
            found.records += 1
            _compare_text(found, rules, topic, "key", x.key, y.key, x)
            _compare_text(found, rules, topic, "value", x.value, y.value, x)
            _compare_headers(found, rules, topic, x, y)
    return found
