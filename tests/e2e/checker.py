# SPDX-License-Identifier: Apache-2.0
"""Holds what arrived against what PostgreSQL has, row by row. Each function returns its faults as sentences; an empty
list means exact. It shares no code with the program; test_checker.py shows that it sees what it must see.

The pure parts (compare_...) take plain values, so that they can be tested without servers.
"""
import collections
import datetime
import decimal
import json
import time

SHOWN = 10  # faults of one kind that are spelled out


class Faults(list):
    """A list of sentences that counts what it does not show."""

    def __init__(self):
        super().__init__()
        self.kinds = collections.Counter()

    def add(self, kind, text):
        self.kinds[kind] += 1
        if self.kinds[kind] <= SHOWN:
            self.append(f"{kind}: {text}")
        elif self.kinds[kind] == SHOWN + 1:
            self.append(f"{kind}: and more")


# ---- tables ------------------------------------------------------------------------------------------------------


def compare_rows(expected, actual, label):
    """Two mappings key -> tuple of values."""
    faults = Faults()
    for key, row in expected.items():
        if key not in actual:
            faults.add(f"{label} lost", f"row {key} is missing")
        elif actual[key] != row:
            faults.add(f"{label} stale", f"row {key} is {actual[key]!r}, in PostgreSQL it is {row!r}")
    for key in actual:
        if key not in expected:
            faults.add(f"{label} extra", f"row {key} is not in PostgreSQL")
    return faults


def compare_order(commits, stamps, gap_us=0):
    """Write stamps rise as commits do: commits and stamps map key -> microseconds. Commits that are nearer than gap_us
    (concurrent sessions) may stand either way; a stamp before its commit is always wrong."""
    faults = Faults()
    rows = sorted((commits[k], stamps[k], k) for k in commits if stamps.get(k) is not None)
    for commit, stamp, key in rows:
        if stamp < commit:
            faults.add("stamp too early", f"row {key} was committed at {commit} and is stamped {stamp}")
    highest, of, at = 0, None, 0
    for commit, stamp, key in rows:
        if of is not None and stamp < highest and commit > at + gap_us:
            faults.add("stamp order", f"row {key} was committed after row {of} but is stamped before it")
        if stamp > highest:
            highest, of, at = stamp, key, commit
    return faults


def compare_scores(expected, actual, label="redis"):
    """Counts per member; a member that counts nothing may be absent or 0."""
    faults = Faults()
    for member in sorted(set(expected) | set(actual)):
        want, have = expected.get(member, 0), actual.get(member, 0)
        if want != have:
            kind = "lost" if have < want else "doubled"
            faults.add(f"{label} {kind}", f"{member} has {have:g}, PostgreSQL counts {want}")
    return faults


# ---- events ------------------------------------------------------------------------------------------------------


def unique_events(events, faults):
    """The events without repeats of an id. A repeat must say the same as the first."""
    seen, kept = {}, []
    for event in events:
        before = seen.get(event["id"])
        if before is None:
            seen[event["id"]] = event
            kept.append(event)
        elif (before["op"], before["body"]) != (event["op"], event["body"]):
            faults.add("http id reused", f"{event['id']} came with two different bodies")
    return kept, len(events) - len(kept)


def replay(events, faults, version, key="id"):
    """Plays the events of each key one after the other; the rows that are left at the end. `version(body)` counts the
    changes of a row from 0."""
    state, gone = {}, set()
    for event in events:
        body, op = event["body"], event["op"]
        k = body.get(key)
        if op in ("insert", "snapshot"):
            if k in state or k in gone:
                faults.add("http doubled", f"row {k} is inserted twice ({event['id']})")
            if op == "insert" and version(body) != 0:
                faults.add("http order", f"row {k} is inserted with version {version(body)}")
            state[k] = body
        elif k in gone:
            faults.add("http order", f"row {k} gets {op} after its delete ({event['id']})")
        elif k not in state:
            faults.add("http lost", f"row {k} gets {op} without an insert ({event['id']})")
        elif op == "update":
            had, has = version(state[k]), version(body)
            if has > had + 1:
                faults.add("http lost", f"row {k} goes from version {had} to {has}")
            elif has <= had:
                faults.add("http order", f"row {k} goes from version {had} back to {has}")
            state[k] = body
        elif op == "delete":
            if "raw_payload" in body and version(body) != version(state[k]):
                faults.add("http lost", f"row {k} is deleted at version {version(body)}, "
                                        f"but the last one seen is {version(state[k])}")
            del state[k]
            gone.add(k)
        else:
            faults.add("http op", f"unknown operation {op!r} ({event['id']})")
    return state


def payload_version(body):
    payload = body.get("raw_payload") or {}
    return (json.loads(payload) if isinstance(payload, str) else payload).get("v", 0)


def compare_events(events, rows, version=payload_version, repeats_allowed=True):
    """Events {"id", "op", "body"} in order of arrival, against rows id -> JSON object. After a crash an id may come
    again; without one it may not."""
    faults = Faults()
    kept, repeats = unique_events(events, faults)
    if repeats and not repeats_allowed:
        faults.add("http repeated", f"{repeats} ids came more than once")
    state = replay(kept, faults, version)
    for fault in compare_rows(rows, state, "http"):
        faults.append(fault)
    return faults


# ---- reading the servers -----------------------------------------------------------------------------------------


def read_postgres(pg, columns, table="engagement_events", key="id"):
    with pg.connect() as db:
        rows = db.execute(f"SELECT {key}, {', '.join(columns)} FROM {table}").fetchall()
    return {row[0]: tuple(plain(v) for v in row[1:]) for row in rows}


def plain(value):
    """One form for what the two drivers give: times as milliseconds UTC (CQL has no more), the rest as it is."""
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            value = value.replace(tzinfo=datetime.timezone.utc)
        delta = value - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
        return ("ms", delta // datetime.timedelta(milliseconds=1))
    if isinstance(value, decimal.Decimal):
        return ("decimal", str(value))
    return value


def read_cassandra(cassandra, columns, table="engagement.engagement_events", key="id", stamp="event_ts"):
    """Rows, and the write stamp of one column of each."""
    from cassandra.query import SimpleStatement
    rows, stamps = {}, {}
    with cassandra.session() as session:
        query = f"SELECT {key}, writetime({stamp}), {', '.join(columns)} FROM {table}"
        for row in session.execute(SimpleStatement(query, fetch_size=5000)):
            rows[row[0]] = tuple(plain(v) for v in row[2:])
            stamps[row[0]] = row[1]
    return rows, stamps


def read_commits(pg, table="engagement_events", key="id"):
    """When the transaction that wrote each row was committed, in microseconds."""
    sql = f"SELECT {key}, (extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000000)::bigint FROM {table}"
    return dict(pg.execute(sql))


def read_events(path):
    """The receiver's file: a JSON object per line. A last line without its end is still being written."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]


# ---- the three sinks of the seed ---------------------------------------------------------------------------------

COLUMNS = ["content_id", "user_id", "event_type", "event_ts", "duration_ms", "device"]


def check_cassandra(pg, cassandra, keyspace="engagement", gap_us=0):
    rows, stamps = read_cassandra(cassandra, COLUMNS, f"{keyspace}.engagement_events")
    faults = compare_rows(read_postgres(pg, COLUMNS), rows, "cassandra")
    return [*faults, *compare_order(read_commits(pg), stamps, gap_us)]


def count_rows(pg, table="engagement_events"):
    return {str(k): n for k, n in pg.execute(f"SELECT content_id, count(*) FROM {table} GROUP BY 1")}


def check_redis(pg, redis, key="engagement_10m", counts=None):
    """Scores against SELECT content_id, count(*), or against counts kept elsewhere."""
    actual = dict(redis.client().zrange(key, 0, -1, withscores=True))
    return compare_scores(count_rows(pg) if counts is None else counts, actual)


def json_rows(pg, table="engagement_events", key="id"):
    """Rows as the JSON that the HTTP sink is to send: made here, from PostgreSQL's values."""
    with pg.connect() as db:
        cursor = db.execute(f"SELECT * FROM {table}")
        names = [c.name for c in cursor.description]
        rows = {}
        for row in cursor:
            body = {n: json_value(v) for n, v in zip(names, row)}
            rows[body[key]] = body
        return rows


def json_value(value):
    if isinstance(value, datetime.datetime):
        return normal_time(value)
    if isinstance(value, (int, float, bool, str, dict, list)) or value is None:
        return value
    return str(value)


def normal_time(value):
    """Microseconds since 1970, from a datetime or from ISO 8601 text: spellings may differ, instants may not."""
    if isinstance(value, str):
        value = datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
    delta = value - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return ("us", delta // datetime.timedelta(microseconds=1))


def normal_event(event, times=("event_ts",)):
    body = dict(event["body"])
    for name in times:
        if isinstance(body.get(name), str):
            body[name] = normal_time(body[name])
    return {**event, "body": body}


def check_http(pg, receiver, repeats_allowed=True):
    return check_http_events(pg, read_events(receiver.file), repeats_allowed)


def check_http_events(pg, events, repeats_allowed=True):
    return compare_events([normal_event(e) for e in events], json_rows(pg), repeats_allowed=repeats_allowed)


def settle(check, timeout=30.0):
    """The faults of check(), after giving what is under way time to arrive."""
    deadline = time.monotonic() + timeout
    while True:
        faults = check()
        if not faults or time.monotonic() > deadline:
            return faults
        time.sleep(0.5)
