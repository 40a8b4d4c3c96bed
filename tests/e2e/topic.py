# SPDX-License-Identifier: Apache-2.0
"""What a topic of the seed's table holds, against PostgreSQL: positions per partition only rise, every change of every
row is there once and in order, and what they add up to is the table. Shares no code with the program."""
import json

from checker import Faults, compare_rows

TOPIC = "engagement.public.engagement_events"


def position(record):
    """(epoch, high, low, ordinal, k) out of the header; k tells a second record of the same change."""
    text = next(v for n, v in record.headers if n == "multisink.position").decode()
    epoch, high, low, ordinal, *k = text.split("/")
    return int(epoch), int(high, 16), int(low, 16), int(ordinal), int(k[0]) if k else 0


def header(record, name):
    return next((v for n, v in record.headers if n == name), None)


def payload(raw):
    value = json.loads(raw)
    return value["payload"] if set(value) == {"schema", "payload"} else value


def compare_positions(records):
    """Of each partition, in the order of offsets."""
    faults, last = Faults(), {}
    for r in records:
        at, before = position(r), last.get((r.topic, r.partition))
        if before is not None and at <= before:
            faults.add("position fell", f"{r.topic}/{r.partition}@{r.offset}: {at} behind {before}")
        last[r.topic, r.partition] = max(at, before or at)
    return faults


def drop_repeats(records):
    """As a reader does it: a record at or below the last position of its partition was there before."""
    last, kept = {}, []
    for r in records:
        at = position(r)
        if at > last.get((r.topic, r.partition), (-1,)):
            last[r.topic, r.partition] = at
            kept.append(r)
    return kept


def compare_stamps(records):
    """Write stamps rise with positions, in each partition and as a whole."""
    faults, before = Faults(), (None, 0)
    for r in sorted(records, key=position):
        wts = int(header(r, "multisink.wts"))
        if wts < before[1] or (wts == before[1] and position(r)[:4] != before[0]):
            faults.add("stamp fell", f"{position(r)} has {wts}, {before[0]} had {before[1]}")
        before = position(r)[:4], wts
    return faults


def version_of(row):
    inner = row["raw_payload"]
    return (json.loads(inner) if isinstance(inner, str) else inner)["v"]


def replay(records, faults):
    """The rows that the changes add up to, by key; each step must fit the one before."""
    rows = {}
    for r in records:
        if r.value is None:
            continue
        value = payload(r.value)
        op, after = value["op"], value["after"]
        key = (after or value["before"])["id"]
        here = f"{r.partition}@{r.offset}"
        if op in "cr":
            if key in rows:
                faults.add("twice", f"row {key} is made again at {here}")
            if op == "c" and version_of(after) != 0:
                faults.add("lost", f"row {key} begins with version {version_of(after)} at {here}")
            rows[key] = after
        elif op == "u":
            if key not in rows:
                faults.add("lost", f"row {key} changes at {here} and was never made")
            elif version_of(after) != version_of(rows[key]) + 1:
                faults.add("lost" if version_of(after) > version_of(rows[key]) + 1 else "twice",
                           f"row {key} goes from {version_of(rows[key])} to {version_of(after)} at {here}")
            rows[key] = after
        elif op == "d":
            if rows.pop(key, None) is None:
                faults.add("twice", f"row {key} goes again at {here}")
    return rows


NAMES = ["content_id", "event_type", "duration_ms", "device"]


def check(pg, kafka, repeats_allowed=False, topic=TOPIC):
    """All faults of the topic. repeats_allowed: a writer that was cut off may have written once more what another has
    written, which readers drop."""
    records = kafka.consume(topic)
    faults = Faults()
    if repeats_allowed:
        records = drop_repeats(records)
    else:
        faults.extend(compare_positions(records))
        faults.extend(compare_stamps(records))
    rows = replay(records, faults)
    actual = {key: tuple(row[n] for n in NAMES) + (version_of(row),) for key, row in rows.items()}
    with pg.connect() as db:
        found = db.execute(f"SELECT id, {', '.join(f'{n}::text' if n == 'content_id' else n for n in NAMES)}, "
                           "(raw_payload->>'v')::int FROM engagement_events").fetchall()
    faults.extend(compare_rows({row[0]: tuple(row[1:]) for row in found}, actual, "topic"))
    return list(faults)
