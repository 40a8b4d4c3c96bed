# SPDX-License-Identifier: Apache-2.0
"""Logical messages (pg_logical_emit_message) in the stream: each once, in its place, and none for a sink of rows."""
import base64
import json
import threading
import time

import pytest

import checker
import seed


def logged(multisink):
    """Every change in the log, in order."""
    out = multisink.cli("log", "read", multisink.data)
    assert out.returncode == 0, out.stderr
    return [json.loads(line) for line in out.stdout.splitlines()]


def content(change):
    return change["after"]["prefix"], base64.b64decode(change["after"]["content"]).decode()


def source(pg, **more):
    return {"postgres": {**seed.source_config(pg)["postgres"], **more}}


@pytest.mark.usefixtures("stream")
def test_messages_stand_where_they_were_written(pg, redis, start):
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis), source=source(pg, messages=True)))
    with pg.connect(autocommit=False) as db:
        db.execute("SELECT pg_logical_emit_message(true, 'tx', 'with the rows')")
        db.execute("SELECT pg_logical_emit_message(false, 'alone', 'before its transaction')")
        db.execute(seed.INSERT, (seed.CONTENTS[0], None, "play", 1, "web", '{"v": 0}'))
        db.commit()
        db.execute("SELECT pg_logical_emit_message(true, 'tx', 'rolled back')")
        db.execute("SELECT pg_logical_emit_message(false, 'alone', 'stays')")
        db.rollback()
        db.execute("SELECT pg_logical_emit_message(true, '', '')")
        db.commit()
    multisink.wait_caught_up(pg)
    changes = logged(multisink)
    assert [(c["op"], content(c) if c["op"] == "message" else None) for c in changes] == [
        ("message", ("alone", "before its transaction")), ("message", ("tx", "with the rows")), ("insert", None),
        ("message", ("alone", "stays")), ("message", ("", ""))]
    assert [c["xid"] != 0 for c in changes] == [False, True, True, False, True]
    assert checker.check_redis(pg, redis) == []


def test_messages_that_nobody_asked_for_are_not_taken(pg, redis, start):
    """With the log; in Kafka they have a topic of their own, as with Debezium."""
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis)))
    pg.execute("SELECT pg_logical_emit_message(false, 'alone', 'x'), pg_logical_emit_message(true, 'tx', 'x')")
    seed.Writer(pg).write(5)
    multisink.wait_caught_up(pg)
    assert "message" not in {c["op"] for c in logged(multisink)}


def emit(pg, ending, sent):
    """Both kinds between rows, numbered, until told to end; what was committed goes into `sent`."""
    writer = seed.Writer(pg, rollbacks=0)
    with pg.connect(autocommit=False) as db:
        while not ending.is_set():
            for kind in (False, True):
                db.execute("SELECT pg_logical_emit_message(%s, 'n', %s)", (kind, str(len(sent))))
                if kind:
                    db.commit()
                sent.append(str(len(sent)))
            writer.transaction(db, 3)
            time.sleep(0.002)


@pytest.mark.usefixtures("stream")
def test_messages_come_once_through_kills(pg, redis, start, long):
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis), source=source(pg, messages=True)))
    ending, sent = threading.Event(), []
    load = threading.Thread(target=emit, args=(pg, ending, sent))
    load.start()
    try:
        for n in range(30 if long else 6):
            time.sleep(0.3 + 0.07 * n % 0.5)
            if n % 3 == 2:
                pg.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_replication")
            else:
                multisink.kill()
                multisink.start()
    finally:
        ending.set()
        load.join()
    multisink.wait_caught_up(pg)
    changes = logged(multisink)
    assert [content(c)[1] for c in changes if c["op"] == "message"] == sent
    stamps = [c["wts"] for c in changes]
    assert stamps == sorted(set(stamps)), "write stamps only rise"
    assert checker.check_redis(pg, redis) == []
