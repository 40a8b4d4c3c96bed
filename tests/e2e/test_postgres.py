# SPDX-License-Identifier: Apache-2.0
"""What PostgreSQL can do to us: stops, schema changes, huge transactions, and every refusal of the capture."""
import json
import time

import pytest

import checker
import seed
from endpoint import Endpoint
from servers import Multisink, Postgres, wait_until

# ---- stops ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["fast", "immediate"])
def test_postgres_stopped_under_load_is_exact(how, pg, redis, receiver, start, long):
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis), seed.http_sink(receiver)))
    with seed.Load(pg, rate=500) as load:
        for _ in range(10 if long else 3):
            time.sleep(1)
            began = time.monotonic()
            pg.stop_fast() if how == "fast" else pg.stop_immediate()
            assert time.monotonic() - began < 5, "PostgreSQL was held up"
            pg.start()
            wait_until(lambda: (multisink.status() or {}).get("source", {}).get("connected"), 30, "reconnected")
    assert load.interruptions
    multisink.wait_caught_up(pg)
    assert checker.check_redis(pg, redis) == []
    assert checker.check_http(pg, receiver, repeats_allowed=False) == []


def test_a_fast_stop_is_not_delayed_while_a_sink_is_down(pg, start):
    with Endpoint(lambda request: 503) as endpoint:
        start(seed.pipeline(pg, seed.http_sink(url=endpoint.url)))
        seed.Writer(pg).write(200)
        wait_until(lambda: endpoint.requests, 20, "the endpoint is asked")
        began = time.monotonic()
        pg.stop_fast()
        assert time.monotonic() - began < 5


def test_a_terminated_walsender_is_replaced(pg, redis, start):
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis)))
    for _ in range(5):
        seed.Writer(pg, seed=_).write(100)
        pg.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_replication")
    multisink.wait_caught_up(pg)
    assert checker.check_redis(pg, redis) == []


def test_idle_tables_on_a_busy_server_hold_no_wal(pg, redis, start):
    start(seed.pipeline(pg, seed.redis_sink(redis)))
    pg.execute("CREATE TABLE elsewhere (n int)")
    for _ in range(3):
        pg.execute("INSERT INTO elsewhere SELECT generate_series(1, 50000)")
    lsn = pg.lsn()
    wait_until(lambda: pg.slot_lsn() >= lsn, 40, "the slot follows although no captured table changed")


# ---- what changes can be -------------------------------------------------------------------------------------


class Table:
    """A table of its own, with a slot and a publication of it, and an endpoint that its changes go to."""

    def __init__(self, pg, start, sql, identity=None, name="public.t", extra="", **sink):
        self.pg = pg
        for statement in sql if isinstance(sql, list) else [sql]:
            pg.execute(statement)
        if identity:
            pg.execute(f"ALTER TABLE {name} REPLICA IDENTITY {identity}")
        pg.execute(f"CREATE PUBLICATION p FOR TABLE {name} {extra}")
        pg.execute("SELECT pg_create_logical_replication_slot('s', 'pgoutput')")
        self.endpoint = Endpoint().__enter__()
        source = {"postgres": {"url": pg.url, "slot": "s", "publication": "p", "tables": [name]}}
        self.multisink = start(seed.pipeline(pg, {"name": "api", "from": name,
                                                  "http": {"url": self.endpoint.url, **sink}}, source=source))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.endpoint.__exit__()

    def after(self, *statements):
        """The (op, body) that came after these, in order."""
        seen = len(self.endpoint.requests)
        for statement in statements:
            self.pg.execute(statement)
        self.multisink.wait_caught_up(self.pg, 30)
        return [(e["op"], e["body"]) for e in self.endpoint.events()[seen:]]

    def of_different_rows(self, *statements):
        """As after(), where changes of different keys are under way together: sorted by operation and key."""
        return sorted(self.after(*statements), key=lambda e: (e[0], e[1]["id"]))

    def header_of_last(self, name):
        return self.endpoint.requests[-1].headers.get(name)


BIG = "(SELECT string_agg(md5(n::text), '') FROM generate_series(1, 400) n)"


def test_an_unchanged_toast_value_is_left_out_and_named(empty_pg, start):
    with Table(empty_pg, start, "CREATE TABLE t (id int PRIMARY KEY, n int, big text)") as t:
        t.after(f"INSERT INTO t VALUES (1, 1, {BIG})")
        assert t.after("UPDATE t SET n = 2 WHERE id = 1") == [("update", {"id": 1, "n": 2})]
        assert "big" in t.header_of_last("x-multisink-unchanged")


def test_a_key_change_is_a_delete_and_an_insert_with_the_toast_value_read_again(empty_pg, start):
    with Table(empty_pg, start, "CREATE TABLE t (id int PRIMARY KEY, n int, big text)") as t:
        t.after(f"INSERT INTO t VALUES (1, 1, {BIG})")
        big = empty_pg.value("SELECT big FROM t")
        assert t.of_different_rows("UPDATE t SET id = 2") == [
            ("delete", {"id": 1}), ("insert", {"id": 2, "n": 1, "big": big})]


def test_with_full_identity_a_key_change_takes_toast_from_the_old_row(empty_pg, start):
    with Table(empty_pg, start, "CREATE TABLE t (id int PRIMARY KEY, n int, big text)", "FULL") as t:
        t.after(f"INSERT INTO t VALUES (1, 1, {BIG})")
        big = empty_pg.value("SELECT big FROM t")
        after = t.of_different_rows("UPDATE t SET id = 2")
        assert [op for op, _ in after] == ["delete", "insert"]
        assert after[1][1] == {"id": 2, "n": 1, "big": big}


def test_identity_default_gives_deletes_their_key(empty_pg, start):
    with Table(empty_pg, start, "CREATE TABLE t (id int PRIMARY KEY, n int)") as t:
        assert t.after("INSERT INTO t VALUES (1, 5)", "DELETE FROM t") == [
            ("insert", {"id": 1, "n": 5}), ("delete", {"id": 1})]


def test_identity_full_gives_deletes_the_whole_row(empty_pg, start):
    with Table(empty_pg, start, "CREATE TABLE t (id int PRIMARY KEY, n int)", "FULL") as t:
        assert t.after("INSERT INTO t VALUES (1, 5)", "DELETE FROM t")[-1] == ("delete", {"id": 1, "n": 5})


def test_identity_index_gives_deletes_the_columns_of_the_index(empty_pg, start):
    sql = ["CREATE TABLE t (id int PRIMARY KEY, k text NOT NULL, n int)", "CREATE UNIQUE INDEX tk ON t (k)"]
    with Table(empty_pg, start, sql, "USING INDEX tk") as t:
        assert t.after("INSERT INTO t VALUES (1, 'a', 5)", "DELETE FROM t")[-1] == ("delete", {"k": "a"})


def test_identity_nothing_still_carries_inserts(empty_pg, start):
    with Table(empty_pg, start, "CREATE TABLE t (id int PRIMARY KEY, n int)", "NOTHING",
               extra="WITH (publish = 'insert')") as t:
        assert t.after("INSERT INTO t VALUES (1, 5)") == [("insert", {"id": 1, "n": 5})]


def test_truncate_is_refused_by_default_and_says_so(empty_pg, start):
    with Table(empty_pg, start, "CREATE TABLE t (id int PRIMARY KEY, n int)") as t:
        empty_pg.execute("INSERT INTO t VALUES (1, 1)")
        empty_pg.execute("TRUNCATE t")
        told = t.multisink.wait_sink("api", lambda s: s["last_error"], 20, "the sink says why it stopped")
        assert told["last_error"]["code"] == "E0726"  # HTTP_TRUNCATE


def test_partitions_come_under_the_root_when_asked_to(empty_pg, start):
    sql = ["CREATE TABLE t (id int, n int, PRIMARY KEY (id)) PARTITION BY RANGE (id)",
           "CREATE TABLE t_low PARTITION OF t FOR VALUES FROM (0) TO (10)",
           "CREATE TABLE t_high PARTITION OF t FOR VALUES FROM (10) TO (20)"]
    with Table(empty_pg, start, sql, extra="WITH (publish_via_partition_root = true)") as t:
        assert t.of_different_rows("INSERT INTO t VALUES (1, 1), (11, 2)", "UPDATE t SET id = 12 WHERE id = 1") == [
            ("delete", {"id": 1}), ("insert", {"id": 1, "n": 1}), ("insert", {"id": 11, "n": 2}),
            ("insert", {"id": 12, "n": 1})]


def test_partitions_come_under_their_own_names_otherwise(empty_pg, start):
    sql = ["CREATE TABLE t (id int PRIMARY KEY, n int) PARTITION BY RANGE (id)",
           "CREATE TABLE t_low PARTITION OF t FOR VALUES FROM (0) TO (10)"]
    with Table(empty_pg, start, sql, name="public.t_low") as t:
        assert t.after("INSERT INTO t VALUES (1, 1)") == [("insert", {"id": 1, "n": 1})]


def test_logical_messages_are_skipped_and_move_the_position(empty_pg, start):
    with Table(empty_pg, start, "CREATE TABLE t (id int PRIMARY KEY, n int)") as t:
        assert t.after("SELECT pg_logical_emit_message(true, 'p', 'text')",
                       "SELECT pg_logical_emit_message(false, 'p', 'text')",
                       "INSERT INTO t VALUES (1, 1)") == [("insert", {"id": 1, "n": 1})]


def test_rolled_back_savepoints_leave_nothing(empty_pg, start):
    with Table(empty_pg, start, "CREATE TABLE t (id int PRIMARY KEY, n int)") as t:
        came = t.of_different_rows("DO $$BEGIN FOR i IN 1..50 LOOP BEGIN INSERT INTO t VALUES (i, i); IF i % 2 = 0 THEN RAISE "
                       "division_by_zero; END IF; EXCEPTION WHEN division_by_zero THEN END; END LOOP; END$$")
        assert [body["id"] for _, body in came] == list(range(1, 51, 2))


def test_schema_changes_decode_each_row_in_the_shape_it_was_written_in(empty_pg, start):
    with Table(empty_pg, start, "CREATE TABLE t (id int PRIMARY KEY, n int)") as t:
        assert t.after(
            "INSERT INTO t VALUES (1, 10)",
            "ALTER TABLE t ADD COLUMN added text DEFAULT 'd'", "INSERT INTO t VALUES (2, 20, 'x')",
            "ALTER TABLE t RENAME COLUMN n TO renamed", "INSERT INTO t VALUES (3, 30, 'y')",
            "ALTER TABLE t ALTER COLUMN renamed TYPE text", "INSERT INTO t VALUES (4, '40', 'z')",
            "ALTER TABLE t DROP COLUMN added", "INSERT INTO t VALUES (5, '50')",
        ) == [("insert", {"id": 1, "n": 10}), ("insert", {"id": 2, "n": 20, "added": "x"}),
              ("insert", {"id": 3, "renamed": 30, "added": "y"}), ("insert", {"id": 4, "renamed": "40", "added": "z"}),
              ("insert", {"id": 5, "renamed": "50"})]


def test_a_schema_change_under_load_is_exact(pg, receiver, start):
    multisink = start(seed.pipeline(pg, seed.http_sink(receiver)))
    with seed.Load(pg, rate=400):
        for n in range(6):
            time.sleep(0.4)
            pg.execute(f"ALTER TABLE engagement_events ADD COLUMN extra{n} int DEFAULT {n}")
            time.sleep(0.3)
            pg.execute(f"ALTER TABLE engagement_events DROP COLUMN extra{n}")
    multisink.wait_caught_up(pg)
    events = [checker.normal_event(e) for e in checker.read_events(receiver.file)]
    for event in events:  # rows keep the columns of their time; the comparison is about the lasting ones
        event["body"] = {k: v for k, v in event["body"].items() if not k.startswith("extra")}
    assert checker.compare_events(events, checker.json_rows(pg)) == []


@pytest.mark.timeout(1800)
def test_a_huge_transaction_fits_the_memory_limit(pg, redis, start, long):
    rows = 2_000_000 if long else 200_000
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis)))
    pg.execute("INSERT INTO engagement_events (content_id, user_id, event_type, event_ts, duration_ms, device, "
               "raw_payload) SELECT ('4bb775ea-96f5-4ffa-80be-22e3b1c945' || to_hex(112 + n % 24))::uuid, NULL, 'play',"
               f" now(), n, 'web', '{{\"v\": 0}}' FROM generate_series(1, {rows}) n")
    multisink.wait_caught_up(pg, 900)
    assert multisink.rss_peak_kib() <= 64 * 1024
    assert checker.check_redis(pg, redis) == []


def test_a_huge_rolled_back_transaction_leaves_nothing(pg, redis, start):
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis)))
    with pg.connect(autocommit=False) as db:
        db.execute("INSERT INTO engagement_events (content_id, event_ts) SELECT %s, now() FROM "
                   "generate_series(1, 100000)", (seed.CONTENTS[0],))
        db.rollback()
    seed.Writer(pg).write(100)
    multisink.wait_caught_up(pg)
    assert checker.check_redis(pg, redis) == []


# ---- refusals ------------------------------------------------------------------------------------------------


def refusal(multisink, timeout=20):
    """The code that a multisink which may not go on ends with, and its message."""
    code = multisink.wait_exit(timeout)
    assert code != 0
    return multisink.log_text()


@pytest.fixture
def refuses(run, pg, redis):
    """refuses(code, change): the pipeline ran, `change` happened while it was stopped, and now it will not start."""
    made = []

    def check(code, change=None, first_run=True, **source):
        config = seed.pipeline(pg, seed.redis_sink(redis), source=seed.source_config(pg, **source))
        multisink = Multisink(run, config)
        made.append(multisink)
        if first_run:
            multisink.start()
            seed.Writer(pg).write(50)
            multisink.wait_caught_up(pg)
            multisink.stop()
        if change:
            change()
        multisink.start(wait=False)
        text = refusal(multisink)
        assert code in text
        return text

    yield check
    for multisink in made:
        multisink.close()


def drop_slot(pg):
    pg.execute("SELECT pg_drop_replication_slot('cdc_slot')")


def test_refused_slot_gone(refuses, pg):
    assert "cdc_slot" in refuses("E0413", lambda: drop_slot(pg))


def test_refused_slot_recreated(refuses, pg):
    def recreate():
        drop_slot(pg)
        pg.execute("INSERT INTO engagement_events (event_ts) VALUES (now())")
        pg.execute(seed.SLOT_SQL)
    text = refuses("E04", recreate)
    assert "E0419" in text or "E0418" in text


def test_refused_slot_of_another_plugin(refuses, pg):
    drop_slot(pg)
    pg.execute("SELECT pg_create_logical_replication_slot('cdc_slot', 'test_decoding')")
    assert "test_decoding" in refuses("E0414", first_run=False)


def test_refused_physical_slot(refuses, pg):
    drop_slot(pg)
    pg.execute("SELECT pg_create_physical_replication_slot('cdc_slot')")
    refuses("E0415", first_run=False)


def test_refused_slot_of_another_database(refuses, pg):
    pg.execute("CREATE DATABASE other")
    drop_slot(pg)
    import psycopg
    with psycopg.connect(pg.dsn("other"), autocommit=True) as db:
        db.execute(seed.SLOT_SQL)
    assert "other" in refuses("E0416", first_run=False)


def test_refused_slot_ahead_of_us(refuses, pg):
    def advance():
        seed.Writer(pg, seed=2).write(50)
        pg.execute("SELECT pg_replication_slot_advance('cdc_slot', pg_current_wal_lsn())")
    refuses("E0418", advance)


def test_refused_missing_table(refuses):
    assert "nothing_here" in refuses("E0430", first_run=False, tables=[seed.TABLE, "public.nothing_here"])


def test_refused_publication_without_the_table(refuses, pg):
    assert '"public"."content"' in refuses("E0435", first_run=False, tables=[seed.TABLE, "public.content"])


def test_refused_wrong_database(refuses, pg):
    refuses("E0410", first_run=False, url=f"postgres://postgres@127.0.0.1:{pg.port}/nowhere")


def test_refused_lost_slot(run, redis):
    with Postgres(run, max_slot_wal_keep_size="1MB", max_wal_size="32MB", min_wal_size="32MB") as pg:
        seed.make_source(pg)
        config = seed.pipeline(pg, seed.redis_sink(redis))
        multisink = Multisink(run, config)
        with multisink:
            multisink.stop()
            pg.execute("CREATE TABLE filler (t text)")
            for _ in range(8):
                pg.execute("INSERT INTO filler SELECT repeat('x', 100) FROM generate_series(1, 20000)")
                pg.execute("SELECT pg_switch_wal()")
            pg.execute("CHECKPOINT")
            assert pg.value("SELECT wal_status FROM pg_replication_slots") == "lost"
            multisink.start(wait=False)
            assert "E0417" in refusal(multisink)


def test_refused_without_logical_wal(run, redis):
    with Postgres(run, wal_level="replica") as pg:
        seed.make_source(pg, slot=False)
        multisink = Multisink(run, seed.pipeline(pg, seed.redis_sink(redis)))
        multisink.start(wait=False)
        assert "E0411" in refusal(multisink)


def test_refused_other_server(run, pg, redis):
    """Another cluster behind the same address: its history is not ours."""
    multisink = Multisink(run, seed.pipeline(pg, seed.redis_sink(redis)))
    with multisink:
        multisink.stop()
        with Postgres(run, label="other") as other:
            seed.make_source(other)
            config = multisink.config
            config["source"] = seed.source_config(other)
            multisink.configure(config)
            multisink.start(wait=False)
            assert "E0421" in refusal(multisink)


def test_a_slot_in_use_by_another_is_waited_for_and_named(run, pg, redis, start):
    first = start(seed.pipeline(pg, seed.redis_sink(redis)))
    second = start(seed.pipeline(pg, seed.redis_sink(redis)), wait=False, label="second")
    wait_until(lambda: "E0412" in second.log_text(), 20, "the second names the slot's user")
    assert first.running()


def test_two_processes_never_share_a_data_directory(run, pg, redis, start):
    first = start(seed.pipeline(pg, seed.redis_sink(redis)))
    second = first.cli("run", first.config_path, timeout=20)
    assert second.returncode != 0 and "E0907" in second.stderr
    assert first.running()


def test_a_wrong_password_is_told_at_once(run, pg, redis):
    pg.execute("CREATE ROLE carrier LOGIN REPLICATION PASSWORD 'right'")
    hba = pg.data / "pg_hba.conf"
    hba.write_text("host all carrier 127.0.0.1/32 scram-sha-256\nhost replication carrier 127.0.0.1/32 scram-sha-256\n"
                   + hba.read_text())
    pg.execute("SELECT pg_reload_conf()")
    source = seed.source_config(pg, url=f"postgres://carrier@127.0.0.1:{pg.port}/{pg.database}", password="wrong-word")
    multisink = Multisink(run, seed.pipeline(pg, seed.redis_sink(redis), source=source))
    multisink.start(wait=False)
    text = refusal(multisink)
    assert "E0402" in text and "wrong-word" not in text


def test_every_type_arrives_as_postgres_has_it(empty_pg, start):
    values = {
        "b": ("boolean", "true", True), "s": ("smallint", "-32768", -32768),
        "l": ("bigint", "9007199254740993", 9007199254740993),
        "num": ("numeric", "123456789012345678901234567890.123456789", None),
        "f": ("double precision", "0.1", 0.1), "t": ("text", "'a\"b\\c'", 'a"b\\c'),
        "u": ("uuid", "'4bb775ea-96f5-4ffa-80be-22e3b1c94570'", "4bb775ea-96f5-4ffa-80be-22e3b1c94570"),
        "j": ("jsonb", "'{\"a\": [1, null]}'", {"a": [1, None]}), "y": ("bytea", "'\\x00ff'", "AP8="),
        "d": ("date", "'2026-02-28'", "2026-02-28"), "z": ("text", "NULL", None),
    }
    columns = ", ".join(f"{name} {kind}" for name, (kind, _, _) in values.items())
    with Table(empty_pg, start, f"CREATE TABLE t (id int PRIMARY KEY, {columns})") as t:
        (_, body), = t.after(f"INSERT INTO t VALUES (1, {', '.join(sql for _, sql, _ in values.values())})")
        for name, (_, _, want) in values.items():
            if name != "num":
                assert body[name] == want, name
        assert "123456789012345678901234567890.123456789" in t.endpoint.requests[-1].text.decode()
        assert json.loads(t.endpoint.requests[-1].text)["z"] is None
