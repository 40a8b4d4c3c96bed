# SPDX-License-Identifier: Apache-2.0
"""Every reason for which the capture does not go on, with what its message promises: it names the thing, nothing is
lost or confirmed, and the cure that it gives works."""
import contextlib
import os
import re
import shutil
import socket
import struct
import subprocess
import threading
import time

import pytest

import checker
import seed
from endpoint import Endpoint
from onecluster import cluster, empty_pg, pg  # noqa: F401
from servers import LIBC, Multisink, Postgres, Proxy, wait_until



def end_of(multisink, code, timeout=20):
    """It ends by itself with that code; its log, in which quotes are not escaped."""
    multisink.start(wait=False)
    status = multisink.wait_exit(timeout)
    text = multisink.log_text().replace('\\"', '"')
    assert status != 0 and code in text, text
    return text


def run_with(multisink, *options):
    """From now on it is started with these options; [] takes them off."""
    multisink.command = lambda: [multisink.binary, "run", *options, str(multisink.config_path)]


class Case:
    """A pipeline to Redis that ran once and stands still now."""

    def __init__(self, run, pg, redis, ran=True, **source):
        self.pg, self.redis = pg, redis
        self.multisink = Multisink(run, seed.pipeline(pg, seed.redis_sink(redis),
                                                      source=seed.source_config(pg, **source)))
        if ran:
            self.multisink.start()
            seed.Writer(pg).write(100)
            self.multisink.wait_caught_up(pg)
            self.multisink.stop()

    def refused(self, code, *names, pg=None):
        """It ends with the code, names these things, and confirms nothing."""
        before = (pg or self.pg).slot_lsn(), self.scores()
        text = end_of(self.multisink, code)
        for name in names:
            assert name in text, (name, text)
        assert ((pg or self.pg).slot_lsn(), self.scores()) == before
        return text

    def scores(self):
        return self.redis.client().zrange(seed.SCORES, 0, -1, withscores=True)

    def anew(self):
        """What every gap's page says: clear what was counted, and start once with --resnapshot."""
        self.redis.client().delete(seed.SCORES)
        run_with(self.multisink, "--resnapshot")
        self.multisink.start()
        self.exact()
        self.multisink.stop()
        run_with(self.multisink)
        self.multisink.start()
        seed.Writer(self.pg, seed=9).write(50)
        self.exact()

    def starts(self):
        self.multisink.start()
        seed.Writer(self.pg, seed=8).write(50)
        self.exact()

    def exact(self):
        self.multisink.wait_caught_up(self.pg)
        assert checker.check_redis(self.pg, self.redis) == []


@pytest.fixture
def case(run, redis):
    made = []

    def make(pg, **kwargs):
        made.append(Case(run, pg, redis, **kwargs))
        return made[-1]

    yield make
    for one in made:
        one.multisink.close()


def drop_slot(pg):
    pg.execute("SELECT pg_drop_replication_slot('cdc_slot')")


# ---- the slot ------------------------------------------------------------------------------------------------


def test_a_dropped_slot_is_not_replaced_silently_and_a_new_copy_is_the_cure(case, pg):  # noqa: F811
    one = case(pg)
    drop_slot(pg)
    seed.Writer(pg, seed=2).write(50)
    one.refused("E0413", "cdc_slot", "start anew: multisink run --resnapshot")
    assert pg.value("SELECT count(*) FROM pg_replication_slots") == 0
    one.anew()


def test_a_slot_made_again_is_known_by_its_gap_and_a_new_copy_is_the_cure(case, pg):  # noqa: F811
    one = case(pg)
    drop_slot(pg)
    seed.Writer(pg, seed=2).write(50)
    pg.execute(seed.SLOT_SQL)
    text = one.refused("E04", "cdc_slot", "made again", "gap of")
    assert "E0418" in text or "E0419" in text
    one.anew()


def test_a_slot_advanced_behind_our_back_is_a_gap_in_bytes(case, pg):  # noqa: F811
    one = case(pg)
    seed.Writer(pg, seed=2).write(50)
    pg.execute("SELECT pg_replication_slot_advance('cdc_slot', pg_current_wal_lsn())")
    one.refused("E0418", "cdc_slot", "gap of", "pg_replication_slot_advance")
    one.anew()


def test_an_invalidated_slot_is_cured_by_a_new_copy(case, run):
    with Postgres(run, max_slot_wal_keep_size="1MB", max_wal_size="32MB", min_wal_size="32MB") as pg:
        seed.make_source(pg)
        one = case(pg)
        pg.execute("CREATE TABLE filler (t text)")
        for _ in range(8):
            pg.execute("INSERT INTO filler SELECT repeat('x', 100) FROM generate_series(1, 20000)")
            pg.execute("SELECT pg_switch_wal()")
        pg.execute("CHECKPOINT")
        assert pg.value("SELECT wal_status FROM pg_replication_slots") == "lost"
        one.refused("E0417", "cdc_slot", "start anew: multisink run --resnapshot")
        one.anew()


@pytest.mark.parametrize("how", ["plugin", "physical", "database"])
def test_a_slot_that_is_not_ours_is_left_alone_and_another_name_is_the_cure(how, case, pg):  # noqa: F811
    drop_slot(pg)
    code, named = {"plugin": ("E0414", "test_decoding"), "physical": ("E0415", "physical"),
                   "database": ("E0416", '"other"')}[how]
    if how == "plugin":
        pg.execute("SELECT pg_create_logical_replication_slot('cdc_slot', 'test_decoding')")
    elif how == "physical":
        pg.execute("SELECT pg_create_physical_replication_slot('cdc_slot', true)")
    else:
        import psycopg
        pg.execute("CREATE DATABASE other")
        with psycopg.connect(pg.dsn("other"), autocommit=True) as db:
            db.execute(seed.SLOT_SQL)
    one = case(pg, ran=False)
    look = "SELECT plugin, slot_type, database, restart_lsn FROM pg_replication_slots WHERE slot_name = 'cdc_slot'"
    before = pg.execute(look)
    one.refused(code, "cdc_slot", "choose another name", named)
    one.multisink.configure({**one.multisink.config, "source": seed.source_config(pg, slot="another")})
    one.starts()
    assert pg.execute(look) == before


def test_a_temporary_slot_is_refused(case, pg):  # noqa: F811
    drop_slot(pg)
    with pg.connect() as db:
        db.execute("SELECT pg_create_logical_replication_slot('cdc_slot', 'pgoutput', temporary => true)")
        one = case(pg, ran=False)
        text = end_of(one.multisink, "E0424")
        assert "cdc_slot" in text and "choose another name" in text
    one.starts()


def test_a_slot_in_use_is_waited_for_and_taken_when_it_is_free(case, pg, start, redis):  # noqa: F811
    first = start(seed.pipeline(pg, seed.redis_sink(redis)))
    one = case(pg, ran=False)
    one.multisink.config["name"] = "second"
    one.multisink.configure(one.multisink.config)
    one.multisink.start(wait=False)
    wait_until(lambda: "E0412" in one.multisink.log_text(), 20, "it says who has the slot")
    pid = pg.value("SELECT active_pid FROM pg_replication_slots")
    assert f"PID {pid}" in one.multisink.log_text()
    first.stop()
    redis.client().flushall()
    wait_until(lambda: (one.multisink.status() or {}).get("source", {}).get("connected"), 30, "it took the slot over")


def test_another_slot_in_the_configuration_is_not_mixed_into_this_log(case, pg):  # noqa: F811
    one = case(pg)
    config = one.multisink.config
    one.multisink.configure({**config, "source": seed.source_config(pg, slot="other_slot")})
    one.refused("E0814", '"cdc_slot"', '"other_slot"', str(one.multisink.data))
    assert pg.value("SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'other_slot'") == 0
    result = one.multisink.cli("check", one.multisink.config_path)
    assert result.returncode != 0 and "E0814" in result.stdout
    one.multisink.configure({**config, "source": seed.source_config(pg)})
    one.starts()


def test_a_new_copy_fills_a_target_that_was_cleared_altogether(case, pg, redis):  # noqa: F811
    one = case(pg)
    redis.client().flushall()
    run_with(one.multisink, "--resnapshot")
    one.starts()


# ---- the server ----------------------------------------------------------------------------------------------


def test_a_server_restored_from_an_older_copy_is_behind_us_and_nothing_is_confirmed(case, run, redis):
    with Postgres(run) as pg:
        seed.make_source(pg)
        one = case(pg)
        pg.stop_fast()
        backup = pg.dir / "backup"
        subprocess.run(["cp", "-a", pg.data, backup], check=True)
        pg.start()
        one.multisink.start()
        seed.Writer(pg, seed=2).write(400)
        one.multisink.wait_caught_up(pg)
        one.multisink.stop()
        pg.stop_fast()
        shutil.rmtree(pg.data)
        subprocess.run(["cp", "-a", backup, pg.data], check=True)
        pg.start()
        one.refused("E0420", "bytes before our position")
        one.anew()


def test_another_cluster_at_the_same_address_is_told_by_its_identifier(case, run):
    with Postgres(run) as pg:
        seed.make_source(pg)
        one = case(pg)
        mine = pg.value("SELECT system_identifier FROM pg_control_system()")
        pg.stop_fast()
        shutil.rmtree(pg.data)
        pg.prepare()
        pg.start()
        seed.make_source(pg)
        other = pg.value("SELECT system_identifier FROM pg_control_system()")
        one.refused("E0421", str(mine), str(other))
        one.anew()


def test_without_logical_wal_the_message_is_the_cure(case, run):
    with Postgres(run, wal_level="replica") as pg:
        seed.make_source(pg, slot=False)
        one = case(pg, ran=False)
        one.refused("E0411", "replica", "ALTER SYSTEM SET wal_level = logical", "restart")
        del pg.settings["wal_level"]
        pg.execute("ALTER SYSTEM SET wal_level = logical")
        pg.restart()
        one.starts()


def test_a_user_without_replication_is_told_the_statement(case, pg):  # noqa: F811
    pg.execute("CREATE ROLE carrier LOGIN")
    pg.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO carrier")
    one = case(pg, ran=False, url=f"postgres://carrier@127.0.0.1:{pg.port}/{pg.database}")
    text = one.refused("E0407", '"carrier"')
    pg.execute(re.search(r'ALTER ROLE "carrier" REPLICATION', text).group())
    one.starts()


class Standby(Postgres):
    """Follows another server."""

    def __init__(self, run, primary):
        super().__init__(run, primary.database, label="standby")
        self.primary = primary

    def prepare(self):
        if self.user:
            shutil.chown(self.dir, self.user, self.user)
        self.tool("pg_basebackup", "-D", self.data, "-h", "127.0.0.1", "-p", self.primary.port, "-U", "postgres", "-R",
                  "--checkpoint=fast")

    def ready(self):
        import psycopg
        with contextlib.suppress(psycopg.OperationalError):
            return self.value("SELECT pg_is_in_recovery()")
        return False


def test_a_standby_of_15_is_refused(case, run, pg):  # noqa: F811
    with Standby(run, pg) as standby:
        one = case(standby, ran=False)
        text = end_of(one.multisink, "E0426")
        assert "standby" in text and "PostgreSQL 16" in text


class OldPostgres:
    """Says that it is PostgreSQL 13, and is ready: as much as a client must see to turn away."""

    def __init__(self, version="13.4"):
        self.version = version
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client, contextlib.suppress(OSError, struct.error):
                self.talk(client)

    def talk(self, client):
        def message(kind, body):
            client.sendall(kind + struct.pack(">I", len(body) + 4) + body)

        while True:  # SSL and GSS are answered with no, then the startup message comes
            length, code = struct.unpack(">II", client.recv(8, socket.MSG_WAITALL))
            client.recv(length - 8, socket.MSG_WAITALL)
            if code == 196608:
                break
            client.sendall(b"N")
        message(b"R", struct.pack(">I", 0))
        for name, value in (("server_version", self.version), ("client_encoding", "UTF8"),
                            ("standard_conforming_strings", "on"), ("integer_datetimes", "on")):
            message(b"S", f"{name}\0{value}\0".encode())
        message(b"K", struct.pack(">II", 1, 1))
        message(b"Z", b"I")
        client.recv(1024)


def test_a_server_older_than_14_is_refused(case, pg):  # noqa: F811
    with OldPostgres() as old:
        one = case(pg, ran=False, url=f"postgres://u@127.0.0.1:{old.port}/db")
        one.refused("E0404", "13.4", "14 or newer")


def test_a_url_that_libpq_does_not_take_is_refused_without_its_password(case, pg):  # noqa: F811
    one = case(pg, ran=False, url=f"postgres://postgres@127.0.0.1:{pg.port}/{pg.database}?sslmode=perhaps")
    one.refused("E0403", "sslmode")


def test_a_server_without_a_free_slot_is_refused_until_there_is_one(case, run):
    with Postgres(run, max_replication_slots="1") as pg:
        seed.make_source(pg, slot=False)
        pg.execute("SELECT pg_create_physical_replication_slot('elsewhere')")
        one = case(pg, ran=False)
        one.refused("E0425", "cdc_slot")
        pg.execute("SELECT pg_drop_replication_slot('elsewhere')")
        one.starts()


def test_a_connection_ended_by_the_administrator_is_made_again(case, pg):  # noqa: F811
    one = case(pg)
    one.multisink.start()
    pg.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_replication")
    wait_until(lambda: "E0442" in one.multisink.log_text(), 20, "it says who ended it")
    seed.Writer(pg, seed=3).write(50)
    one.exact()


def test_a_statement_that_is_cancelled_is_asked_again(case, pg):  # noqa: F811
    """A lock holds up the first look at the publication, and somebody cancels it."""
    one = case(pg, ran=False)
    waits = "SELECT pid FROM pg_stat_activity WHERE application_name = 'multisink' AND wait_event_type = 'Lock'"
    with pg.connect(autocommit=False) as db:
        db.execute("LOCK TABLE pg_publication IN ACCESS EXCLUSIVE MODE")
        one.multisink.start(wait=False)
        wait_until(lambda: pg.execute(waits), 20, "it waits for the lock")
        pg.execute(f"SELECT pg_cancel_backend(pid) FROM ({waits}) AS w")
        wait_until(lambda: "E0406" in one.multisink.log_text(), 20, "it says so")
        assert one.multisink.running()
        db.rollback()
    wait_until(lambda: (one.multisink.status() or {}).get("source", {}).get("connected"), 20, "it goes on")
    seed.Writer(pg).write(50)
    one.exact()


# ---- publication and tables ----------------------------------------------------------------------------------


def test_a_dropped_publication_is_named_and_comes_too_late_for_the_slot(case, pg):  # noqa: F811
    one = case(pg)
    pg.execute("DROP PUBLICATION engagement_pub")
    one.refused("E0433", '"engagement_pub"', "does not exist")
    assert pg.value("SELECT count(*) FROM pg_publication") == 0
    seed.Writer(pg, seed=2).write(50)
    pg.execute(seed.PUBLICATION_SQL)
    text = end_of(one.multisink, "E0434")
    assert "publication" in text
    one.anew()


def test_a_publication_that_lacks_a_table_is_cured_by_the_statement_in_the_message(case, pg):  # noqa: F811
    one = case(pg, ran=False, tables=[seed.TABLE, "public.content"])
    text = one.refused("E0435", '"public"."content"')
    statement = re.search(r'ALTER PUBLICATION "engagement_pub" ADD TABLE "public"."content"', text).group()
    pg.execute(statement)
    one.starts()


def test_a_table_without_identity_is_not_published(case, empty_pg):  # noqa: F811
    seed.make_source(empty_pg, identity_full=False, slot=False, publication=False)
    empty_pg.execute("ALTER TABLE engagement_events DROP CONSTRAINT engagement_events_pkey")
    one = case(empty_pg, ran=False)
    one.refused("E0432", '"public"."engagement_events"', "replica identity")
    assert empty_pg.value("SELECT count(*) FROM pg_publication") == 0
    empty_pg.execute("UPDATE engagement_events SET device = 'x'")  # the application is not broken
    empty_pg.execute("ALTER TABLE engagement_events REPLICA IDENTITY FULL")
    one.starts()


def test_a_missing_table_is_answered_with_the_nearest_name(case, pg):  # noqa: F811
    one = case(pg, ran=False, tables=["public.engagement_event"])
    one.multisink.config["sinks"][0]["from"] = "public.engagement_event"
    one.multisink.configure(one.multisink.config)
    one.refused("E0430", "public.engagement_event", "engagement_events")


# ---- single changes ------------------------------------------------------------------------------------------


def test_a_value_that_cannot_be_read_again_stops_before_its_transaction(empty_pg, run):  # noqa: F811
    """A key change leaves a TOAST value out, and its column is gone when it is to be read again."""
    empty_pg.execute("CREATE TABLE t (id int PRIMARY KEY, n int, big text)")
    with Endpoint() as endpoint:
        config = seed.pipeline(empty_pg, {"name": "api", "from": "public.t", "http": {"url": endpoint.url}},
                               source=seed.source_config(empty_pg, tables=["public.t"]))
        with Multisink(run, config) as multisink:
            empty_pg.execute("INSERT INTO t SELECT 1, 1, string_agg(md5(n::text), '') FROM generate_series(1, 400) n")
            multisink.wait_caught_up(empty_pg)
            multisink.stop()
            stood, sent = empty_pg.slot_lsn(), len(endpoint.requests)
            empty_pg.execute("UPDATE t SET id = 2")
            empty_pg.execute("ALTER TABLE t DROP COLUMN big")
            text = end_of(multisink, "E0452")
            assert "public.t" in text and "big" in text
            assert empty_pg.slot_lsn() == stood and len(endpoint.requests) == sent


def test_a_row_above_the_limit_stops_before_its_transaction(empty_pg, run):  # noqa: F811
    empty_pg.execute("CREATE TABLE t (id int PRIMARY KEY, a text, b text)")
    config = seed.pipeline(empty_pg, {"name": "out", "from": "public.t", "stdout": {}},
                           source=seed.source_config(empty_pg, tables=["public.t"]))
    with Multisink(run, config) as multisink:
        multisink.wait_caught_up(empty_pg)
        stood = empty_pg.slot_lsn()
        multisink.stop()
        empty_pg.execute("INSERT INTO t SELECT 1, repeat('x', 150000000), repeat('y', 150000000)")
        text = end_of(multisink, "E0441", 60)
        assert "268435456" in text
        assert empty_pg.slot_lsn() == stood


class SnapshotThief(Proxy):
    """Ends the connection that holds the exported snapshot just before the copy asks for it, once."""

    def __init__(self, pg):
        super().__init__(pg.port)
        self.pg = pg
        self.robbed = False

    def _pump(self, source, sink, counted):
        if counted:
            super()._pump(source, sink, counted)
            return
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if b"SET TRANSACTION SNAPSHOT" in data and not self.robbed:
                    self.robbed = True
                    self.pg.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                                    " WHERE backend_type = 'walsender'")
                    wait_until(lambda: not self.pg.execute(
                        "SELECT 1 FROM pg_stat_activity WHERE backend_type = 'walsender'"), 10, "it is gone")
                sink.sendall(data)
        for s in (source, sink):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)


def test_a_snapshot_that_goes_away_is_taken_again_and_no_row_counts_twice(empty_pg, redis, start):  # noqa: F811
    seed.make_source(empty_pg, slot=False)
    seed.Writer(empty_pg).write(300)
    with SnapshotThief(empty_pg) as thief:
        multisink = start(seed.pipeline(empty_pg, seed.redis_sink(redis),
                                        source=seed.source_config(empty_pg, port=thief.port)))
        assert thief.robbed
        assert "E0450" in multisink.log_text()
        multisink.wait_caught_up(empty_pg)
        assert checker.check_redis(empty_pg, redis) == []
        assert empty_pg.value("SELECT count(*) FROM pg_replication_slots") == 1


# ---- this machine --------------------------------------------------------------------------------------------


def test_a_second_daemon_on_the_same_directory_is_refused_and_the_first_goes_on(case, pg, redis, start):  # noqa: F811
    first = start(seed.pipeline(pg, seed.redis_sink(redis)))
    second = first.cli("run", first.config_path, timeout=20)
    assert second.returncode == 1
    assert "E0907" in second.stderr and str(first.data) in second.stderr
    seed.Writer(pg).write(50)
    first.wait_caught_up(pg)
    assert checker.check_redis(pg, redis) == []


def test_a_control_socket_that_cannot_be_made_is_told_before_anything_is_read(case, pg):  # noqa: F811
    one = case(pg, ran=False)
    (one.multisink.data / "control.sock").mkdir(parents=True)
    one.refused("E0815", "control.sock")
    (one.multisink.data / "control.sock").rmdir()
    one.starts()


def keepalives_go_on(pg, seconds=3):
    """Does the server hear of the reader all the time?"""
    look = "SELECT reply_time FROM pg_stat_replication WHERE application_name = 'multisink'"
    seen = set()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        rows = pg.execute(look)
        assert rows, "the connection was given up"
        seen.add(rows[0][0])
        time.sleep(0.2)
    return len(seen) >= 2


def fill(pg, rows):
    pg.execute("INSERT INTO engagement_events (content_id, event_ts, device, raw_payload) SELECT %s, now(), "
               f"repeat('d', 4000), '{{\"v\": 0}}' FROM generate_series(1, {rows}) n", seed.CONTENTS[0])


def waiting(multisink, code):
    error = ((multisink.status() or {}).get("source") or {}).get("last_error")
    return error and error["code"] == code


def test_a_log_at_its_limit_makes_the_capture_wait_and_loses_nothing(run, redis, start):
    with Postgres(run, wal_sender_timeout="3s") as pg:
        seed.make_source(pg)
        multisink = start(seed.pipeline(pg, seed.redis_sink(redis), max_size="16MiB", segment="1MiB",
                                        safety_window="1s", when_full="stop"))
        redis.stop()
        for _ in range(12):
            fill(pg, 400)
        wait_until(lambda: waiting(multisink, "E0812"), 20, "the capture waits")
        assert keepalives_go_on(pg)
        assert pg.slot_lsn() < pg.lsn()
        text = multisink.log_text()
        assert "E0812" in text and "max_size" in text
        assert multisink.cli("status", multisink.config_path).returncode == 6
        redis.start()
        multisink.wait_caught_up(pg)
        assert checker.check_redis(pg, redis) == []


@pytest.fixture
def small_disk(run):
    """A file system of 8 MiB."""
    path = run.subdir("disk")
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", path],
                                           capture_output=True).returncode != 0:
        pytest.skip("mounting a small tmpfs needs root and CAP_SYS_ADMIN")
    yield path
    LIBC.umount2(str(path).encode(), 2)


def test_a_full_disk_makes_the_capture_wait_and_loses_nothing(run, redis, start, small_disk):
    with Postgres(run, wal_sender_timeout="3s") as pg:
        seed.make_source(pg)
        multisink = start(seed.pipeline(pg, seed.redis_sink(redis), dir=str(small_disk / "data"), segment="1MiB"))
        seed.Writer(pg).write(50)
        multisink.wait_caught_up(pg)
        ballast = small_disk / "ballast"
        with open(ballast, "wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"\0" * 4096)
        for _ in range(4):
            fill(pg, 400)
        wait_until(lambda: waiting(multisink, "E0902"), 20, "the capture waits")
        assert keepalives_go_on(pg)
        assert pg.slot_lsn() < pg.lsn() and multisink.running()
        ballast.unlink()
        multisink.wait_caught_up(pg)
        assert "there is space again" in multisink.log_text()
        assert checker.check_redis(pg, redis) == []


def test_a_file_size_limit_makes_the_capture_wait_and_loses_nothing(run, redis, start):
    """The same without a file system of its own: writes fail with EFBIG."""
    import resource
    with Postgres(run, wal_sender_timeout="3s") as pg:
        seed.make_source(pg)
        multisink = start(seed.pipeline(pg, seed.redis_sink(redis), segment="1MiB"))
        seed.Writer(pg).write(50)
        multisink.wait_caught_up(pg)
        resource.prlimit(multisink.pid, resource.RLIMIT_FSIZE, (512 * 1024, resource.RLIM_INFINITY))
        for _ in range(4):
            fill(pg, 400)
        wait_until(lambda: waiting(multisink, "E0902"), 20, "the capture waits")
        assert keepalives_go_on(pg)
        assert multisink.running() and pg.slot_lsn() < pg.lsn()
        resource.prlimit(multisink.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        multisink.wait_caught_up(pg)
        assert checker.check_redis(pg, redis) == []
