# SPDX-License-Identifier: Apache-2.0
"""Every command beside a real pipeline: what it prints as text and as JSON, what it changes, and what it exits with."""
import json
import re
import subprocess
import time

import pytest

import seed
from endpoint import Endpoint
from onecluster import cluster, empty_pg, pg  # noqa: F401
from servers import MULTISINK, Multisink, Postgres, wait_until
from test_cli import sample, tool, write  # noqa: F401

COMMANDS = "init lint check run status log dlq slot receive explain version help".split()
CANARY = "kestrel-8f21-canary"


def config_option(multisink):
    return ["--config", multisink.config_path]


# ---- words ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words, near", [
    (["rnu"], "run"), (["chekc"], "check"), (["help", "statsu"], "status"), (["dlq", "lst"], "list"),
    (["dlq", "relpay"], "replay"), (["slot", "dorp"], "drop"), (["log", "verfiy"], "verify"),
    (["check", "--jsn"], "--json"), (["dlq", "list", "--snik", "x"], "--sink"), (["receive", "--prot", "1"], "--port"),
])
def test_an_unknown_word_is_answered_with_the_nearest(tool, words, near):  # noqa: F811
    result = tool(*words)
    assert result.returncode == 2 and not result.stdout
    assert f'did you mean "{near}"' in result.stderr and "E010" in result.stderr


@pytest.mark.parametrize("words", [["dlq"], ["slot"], ["log"]])
def test_a_missing_word_is_answered_with_all_that_can_stand_there(tool, words):  # noqa: F811
    result = tool(*words)
    assert result.returncode == 2 and "say what to do" in result.stderr and " or " in result.stderr


def test_every_code_has_a_page_that_fits_the_terminal(tool):  # noqa: F811
    pages = [json.loads(line) for line in tool("explain", "--json").stdout.splitlines()]
    assert len(pages) > 100
    numbers = [int(page["code"][1:]) for page in pages]
    assert numbers == sorted(set(numbers))
    for page in pages:
        shown = tool("explain", page["code"])
        assert shown.returncode == 0 and not shown.stderr
        assert shown.stdout.startswith(f"{page['code']}: ")
        assert len(shown.stdout.splitlines()) > 2 and max(map(len, shown.stdout.splitlines())) <= 80


def test_explain_of_a_wrong_code_names_the_nearest(tool):  # noqa: F811
    result = tool("explain", "E0454")
    assert result.returncode == 2 and "nearest is E0453" in result.stderr


def test_version_as_json(tool):  # noqa: F811
    told = json.loads(tool("version", "--json").stdout)
    assert set(told["sinks"]) == {"cassandra", "http", "redis", "stdout"} and told["version"]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_the_same_by_both_ways_and_fits_the_terminal(tool, name):  # noqa: F811
    asked = tool("help", name)
    assert asked.returncode == 0 and not asked.stderr
    assert asked.stdout == tool(name, "--help").stdout
    assert max(map(len, asked.stdout.splitlines())) <= 100


def test_an_option_that_wants_a_number_or_a_value_says_so(tool):  # noqa: F811
    wrong = tool("log", "read", "--limit", "many")
    assert wrong.returncode == 2 and "whole number" in wrong.stderr
    missing = tool("log", "read", "--limit")
    assert missing.returncode == 2 and "--limit" in missing.stderr


# ---- lint and check ------------------------------------------------------------------------------------------


def test_lint_needs_no_server_and_says_what_it_checked(tool, tmp_path):  # noqa: F811
    path = write(tmp_path / "pipeline.yaml", sample())
    result = tool("lint", path)
    assert result.returncode == 0 and "pipeline.yaml" in result.stdout + result.stderr
    assert not (tmp_path / "data").exists()


LAYOUT = re.compile(r"^(?:\S+ +| +)(ok|warn|FAIL|skip) +\S")


def rows_of(text):
    """The verdict of each row of `check`, which stand in one column."""
    found = [m for m in map(LAYOUT.match, text.splitlines()) if m]
    assert len({m.start(1) for m in found}) == 1
    return [m.group(1) for m in found]


def test_check_lays_its_rows_out_in_columns_that_fit(pg, redis, tool, tmp_path):  # noqa: F811
    path = write(tmp_path / "pipeline.yaml", seed.pipeline(pg, seed.redis_sink(redis)))
    result = tool("check", path)
    assert result.returncode == 0, result.stdout
    lines = result.stdout.splitlines()
    assert max(map(len, lines[1:])) <= 80 and not result.stderr  # the first has the file's name
    told = json.loads(tool("check", "--json", path).stdout)
    assert rows_of(result.stdout) == [r["verdict"] for r in told["rows"]]
    assert {r["part"] for r in told["rows"]} >= {"Config", "Postgres", "Log", "top_content"}
    assert told["exit"] == 0 and all(r["verdict"] in ("ok", "warn", "skip") for r in told["rows"])
    assert "0 failed" in lines[-1] and "Nothing was changed" in lines[-1]


def test_check_counts_all_faults_and_exits_with_the_worst(pg, tool, tmp_path):  # noqa: F811
    """A table that the publication lacks is 2, a Redis that is not there is 3; each row has its fix."""
    pg.execute("DROP PUBLICATION engagement_pub")
    pg.execute("CREATE PUBLICATION engagement_pub FOR TABLE content")
    down = {"name": "down", "from": seed.TABLE,
            "redis": {"url": "redis://127.0.0.1:1/0", "commands": seed.INSERTS_ONLY}}
    path = write(tmp_path / "pipeline.yaml", seed.pipeline(pg, down))
    result = tool("check", path)
    assert result.returncode == 3 and result.stdout.rstrip().splitlines()[-1].startswith("2 failed")
    assert result.stdout.count("fix:") >= 2
    told = json.loads(tool("check", "--json", path).stdout)
    bad = [r for r in told["rows"] if r["verdict"] == "FAIL"]
    assert told["exit"] == 3 and [r["code"] for r in bad] == ["E0435", "E0702"]
    fix = next(r["fix"] for r in bad if r["code"] == "E0435")
    pg.execute(fix.rstrip("."))
    assert [r["code"] for r in json.loads(tool("check", "--json", path).stdout)["rows"]
            if r["verdict"] == "FAIL"] == ["E0702"]


def test_check_looks_at_the_signal_table(pg, redis, tool, tmp_path):  # noqa: F811
    source = {"postgres": {**seed.source_config(pg)["postgres"], "signal_table": "public.debezium_signal"}}
    path = write(tmp_path / "pipeline.yaml", seed.pipeline(pg, seed.redis_sink(redis), source=source))

    def fault():
        bad = [r for r in json.loads(tool("check", "--json", path).stdout)["rows"] if r["verdict"] == "FAIL"]
        return [(r["code"], r["fix"]) for r in bad]
    code, fix = fault()[0]
    assert code == "E0430" and fix.startswith("CREATE TABLE public.debezium_signal (id")
    pg.execute("CREATE TABLE debezium_signal (id text PRIMARY KEY)")
    assert fault()[0][0] == "E0453"
    pg.execute("DROP TABLE debezium_signal")
    pg.execute(fix)
    code, fix = fault()[0]
    assert code == "E0435"
    pg.execute(fix)
    pg.execute("ALTER PUBLICATION engagement_pub SET (publish = 'update, truncate')")
    [(code, fix)] = fault()
    assert code == "E0453"
    pg.execute(fix)
    assert pg.execute("SELECT pubinsert, pubupdate, pubdelete, pubtruncate FROM pg_publication "
                      "WHERE pubname = 'engagement_pub'") == [(True, True, False, True)]
    assert fault() == [] and "signals are read from public.debezium_signal" in tool("check", path).stdout
    pg.execute("DROP PUBLICATION engagement_pub")
    rows = json.loads(tool("check", "--json", path).stdout)["rows"]
    [fix] = [r["fix"] for r in rows if "CREATE PUBLICATION" in r.get("fix", "")]
    pg.execute(fix)
    assert fault() == [] and "engagement_pub covers them" in tool("check", path).stdout


def test_check_of_servers_that_are_not_there(tool, tmp_path):  # noqa: F811
    result = tool("check", write(tmp_path / "pipeline.yaml", sample()))
    assert result.returncode == 3 and "E0401" in result.stdout and "fix: multisink explain E0401" in result.stdout


def test_check_names_a_template_of_a_column_that_is_not_there(pg, redis, tool, tmp_path):  # noqa: F811
    sink = seed.redis_sink(redis, {"insert": ["INCR", "{{nothing}}"]})
    path = write(tmp_path / "pipeline.yaml", seed.pipeline(pg, sink))
    result = tool("check", path)
    assert result.returncode == 2
    assert "E0108" in result.stdout and "nothing" in result.stdout and "fix:" in result.stdout
    page = tool("explain", "E0108")
    assert page.returncode == 0


# ---- run and status ------------------------------------------------------------------------------------------


def test_status_is_6_while_something_is_wrong_and_names_it(pg, redis, start):  # noqa: F811
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis)))
    assert multisink.cli("status", multisink.config_path).returncode == 0
    redis.stop()
    seed.Writer(pg).write(50)
    multisink.wait_sink("top_content", lambda s: s["state"] == "retrying", 20)
    text = multisink.cli("status", multisink.config_path)
    assert text.returncode == 6 and "degraded" in text.stdout and "top_content" in text.stdout and "E07" in text.stdout
    as_json = multisink.cli("status", "--json", multisink.config_path)
    assert as_json.returncode == 6 and json.loads(as_json.stdout)["state"] == "degraded"
    redis.start()
    multisink.wait_caught_up(pg)
    wait_until(lambda: multisink.cli("status", multisink.config_path).returncode == 0, 20, "all is well again")


def test_status_is_6_while_postgres_is_away(pg, redis, start):  # noqa: F811
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis)))
    pg.stop_fast()
    wait_until(lambda: multisink.cli("status", multisink.config_path).returncode == 6, 20, "it is told")
    source = multisink.status()["source"]
    assert not source["connected"] and source["last_error"]["code"].startswith("E04")
    pg.start()
    wait_until(lambda: multisink.cli("status", multisink.config_path).returncode == 0, 30, "all is well again")


def test_status_is_3_when_nobody_runs_before_and_after(pg, redis, run):  # noqa: F811
    multisink = Multisink(run, seed.pipeline(pg, seed.redis_sink(redis)))
    before = multisink.cli("status", multisink.config_path)
    assert before.returncode == 3 and "E0811" in before.stderr and not before.stdout
    with multisink:
        text = multisink.cli("status", multisink.config_path).stdout
        assert f"pid {multisink.pid}" in text and max(map(len, text.splitlines())) <= 110
        multisink.stop()
        after = multisink.cli("status", "--json", multisink.config_path)
        assert after.returncode == 3 and "E0811" in after.stderr and not after.stdout


def test_run_names_a_sink_that_is_not_there(pg, redis, run):  # noqa: F811
    multisink = Multisink(run, seed.pipeline(pg, seed.redis_sink(redis)))
    result = multisink.cli("run", "--restart-sink", "nobody", multisink.config_path)
    assert result.returncode == 2 and "nobody" in result.stderr
    assert not multisink.data.exists()


def test_run_restart_sink_sends_all_that_the_log_holds_again(pg, run):  # noqa: F811
    with Endpoint() as endpoint, Multisink(run, seed.pipeline(pg, seed.http_sink(url=endpoint.url))) as multisink:
        for n in range(5):
            pg.execute("INSERT INTO engagement_events (event_ts, duration_ms) VALUES (now(), %s)", n)
        multisink.wait_caught_up(pg)
        assert len(endpoint.requests) == 5
        multisink.stop()
        multisink.command = lambda: [multisink.binary, "run", "--restart-sink", "api", str(multisink.config_path)]
        multisink.start()
        wait_until(lambda: len(endpoint.requests) == 10, 20, "all five came again")
        ids = [r.headers["webhook-id"] for r in endpoint.requests]
        assert sorted(ids[:5]) == sorted(ids[5:])


# ---- dlq -----------------------------------------------------------------------------------------------------


def records(multisink, *words):
    result = multisink.cli("dlq", "list", "--json", *words, *config_option(multisink))
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def held(pg, redis, start):  # noqa: F811
    """A pipeline in which the insert of a row is parked, and two updates of it wait behind."""
    redis.client().set("row:1", "no number")
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis, {"insert": ["INCRBY", "row:{{id}}", "1"],
                                                                "update": ["INCRBY", "row:{{id}}", "10"]})))
    pg.execute("INSERT INTO engagement_events (id, event_ts, duration_ms) VALUES (1, now(), 0)")
    for n in range(2):
        pg.execute("UPDATE engagement_events SET duration_ms = %s", n + 1)
    pg.execute("INSERT INTO engagement_events (id, event_ts) VALUES (2, now())")
    multisink.wait_caught_up(pg)
    wait_until(lambda: len(records(multisink)) == 3, 20, "all three are parked")
    return multisink


def test_dlq_list_and_show_tell_what_is_parked_and_what_waits(held, redis):
    assert redis.client().get("row:2") == "1", "other rows go on"
    parked = records(held)
    assert [(r["code"], r["waiting"], r["op"]) for r in parked] == [
        ("E0540", False, "insert"), ("E0541", True, "update"), ("E0541", True, "update")]
    assert records(held, "--sink", "top_content") == parked
    text = held.cli("dlq", "list", *config_option(held))
    assert text.returncode == 0 and "E0540" in text.stdout and "top_content" in text.stdout
    shown = held.cli("dlq", "show", parked[0]["id"], *config_option(held))
    assert shown.returncode == 0 and json.loads(shown.stdout)["id"] == parked[0]["id"]
    assert held.status()["sinks"][0]["parked"] == 3 and held.cli("status", held.config_path).returncode == 6


def test_dlq_replay_sends_what_waits_behind_in_order(held, redis):
    redis.client().delete("row:1")
    first = records(held)[0]["id"]
    result = held.cli("dlq", "replay", "--sink", "top_content", first, *config_option(held))
    assert result.returncode == 0 and "1 record" in result.stdout
    wait_until(lambda: records(held) == [], 20, "nothing is parked any more")
    assert redis.client().get("row:1") == "21"
    wait_until(lambda: held.cli("status", held.config_path).returncode == 0, 20, "all is well again")


def test_dlq_drop_forgets_one_and_sends_what_waited(held, redis):
    redis.client().delete("row:1")
    first = records(held)[0]["id"]
    assert held.cli("dlq", "drop", "--sink", "top_content", first, *config_option(held)).returncode == 0
    wait_until(lambda: records(held) == [], 20, "nothing is parked any more")
    assert redis.client().get("row:1") == "20"


def test_dlq_drop_all_while_nothing_runs_is_done_at_the_next_start(held, redis, pg):  # noqa: F811
    held.stop()
    result = held.cli("dlq", "drop", "--sink", "top_content", "--all", *config_option(held))
    assert result.returncode == 0 and "3 record" in result.stdout
    assert len(records(held)) == 3
    held.start()
    wait_until(lambda: records(held) == [], 20, "nothing is parked any more")
    assert redis.client().get("row:1") == "no number"


def test_dlq_asks_for_what_is_missing_and_changes_nothing(held):
    for words, said in ((["replay"], "--sink"), (["drop", "--sink", "top_content"], "--all"), (["show"], "number"),
                        (["show", "one"], "one"), (["drop", "--sink", "nobody", "--all"], "nobody")):
        result = held.cli("dlq", *words, *config_option(held))
        assert result.returncode == 2 and said in result.stderr, words
    unknown = held.cli("dlq", "drop", "--sink", "top_content", "999", *config_option(held))
    assert unknown.returncode == 5 and "E0808" in unknown.stderr
    assert len(records(held)) == 3


def test_dlq_of_a_pipeline_that_never_ran(tool, tmp_path):  # noqa: F811
    result = tool("dlq", "list", "--config", write(tmp_path / "pipeline.yaml", sample()))
    assert result.returncode == 3 and "E0811" in result.stderr


def test_what_comes_later_waits_behind_a_parked_record_of_its_row(pg, start):  # noqa: F811
    """An endpoint refuses the insert; the update and the delete, which come when that is long parked, wait."""
    refusing = [True]
    with Endpoint(lambda request: 422 if refusing[0] else 200) as endpoint:
        multisink = start(seed.pipeline(pg, seed.http_sink(url=endpoint.url)))
        for statement in ("INSERT INTO engagement_events (id, event_ts) VALUES (1, now())",
                          "UPDATE engagement_events SET device = 'x'", "DELETE FROM engagement_events"):
            pg.execute(statement)
            multisink.wait_caught_up(pg)
        assert [(r["op"], r["code"], r["waiting"]) for r in records(multisink)] == [
            ("insert", "E0720", False), ("update", "E0807", True), ("delete", "E0807", True)]
        assert len(endpoint.requests) == 1
        refusing[0] = False
        first = records(multisink)[0]["id"]
        assert multisink.cli("dlq", "replay", "--sink", "api", first, *config_option(multisink)).returncode == 0
        wait_until(lambda: records(multisink) == [], 20, "nothing is parked any more")
        assert [e["op"] for e in endpoint.events()] == ["insert", "insert", "update", "delete"]


# ---- slot ----------------------------------------------------------------------------------------------------


def test_slot_show_says_who_has_it_and_drop_refuses_while_it_is_in_use(pg, redis, start):  # noqa: F811
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis)))
    pid = pg.value("SELECT active_pid FROM pg_replication_slots")
    shown = multisink.cli("slot", "show", *config_option(multisink))
    assert shown.returncode == 0 and f"PID {pid}" in shown.stdout and "confirmed" in shown.stdout
    told = json.loads(multisink.cli("slot", "show", "--json", *config_option(multisink)).stdout)
    assert told["name"] == "cdc_slot" and told["wal_status"] == "reserved"
    refused = multisink.cli("slot", "drop", "--yes", *config_option(multisink))
    assert refused.returncode != 0 and "E0412" in refused.stderr and str(pid) in refused.stderr
    assert pg.value("SELECT count(*) FROM pg_replication_slots") == 1
    multisink.stop()
    dropped = multisink.cli("slot", "drop", "--yes", *config_option(multisink))
    assert dropped.returncode == 0 and "dropped slot cdc_slot" in dropped.stdout
    again = multisink.cli("slot", "drop", "--yes", *config_option(multisink))
    assert again.returncode == 0 and "nothing was done" in again.stdout


# ---- log -----------------------------------------------------------------------------------------------------


def test_log_beside_a_live_daemon_sees_whole_changes_and_disturbs_nothing(pg, redis, start):  # noqa: F811
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis)))
    with seed.Load(pg, rate=300, rollbacks=0) as load:
        for _ in range(4):
            time.sleep(0.3)
            verify = multisink.cli("log", "verify", multisink.config_path)
            assert verify.returncode == 0, verify.stdout + verify.stderr
            read = multisink.cli("log", "read", multisink.config_path)
            assert read.returncode == 0
            lines = [json.loads(line) for line in read.stdout.splitlines()]
            assert lines and len(lines) <= load.writer.changes + 20
            info = json.loads(multisink.cli("log", "info", "--json", multisink.config_path).stdout)
            assert info
    multisink.wait_caught_up(pg)
    read = multisink.cli("log", "read", multisink.config_path)
    assert len(read.stdout.splitlines()) == load.writer.changes
    assert multisink.cli("status", multisink.config_path).returncode == 0


def test_log_read_takes_up_behind_a_position_and_stops_at_a_limit(pg, redis, start):  # noqa: F811
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis)))
    seed.Writer(pg, rollbacks=0).write(60)
    multisink.wait_caught_up(pg)
    every = multisink.cli("log", "read", multisink.config_path).stdout.splitlines()
    first = multisink.cli("log", "read", multisink.config_path, "--limit", 7).stdout.splitlines()
    assert first == every[:7]
    position = json.loads(first[-1])["position"]
    rest = multisink.cli("log", "read", multisink.config_path, "--from", position).stdout.splitlines()
    assert rest == every[7:]
    by_directory = multisink.cli("log", "read", multisink.data)
    assert by_directory.stdout.splitlines() == every
    wrong = multisink.cli("log", "read", multisink.config_path, "--from", "here")
    assert wrong.returncode == 2 and "no position" in wrong.stderr


def test_log_verify_names_file_and_place_of_a_flipped_byte(pg, redis, start):  # noqa: F811
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis)))
    seed.Writer(pg).write(300)
    multisink.wait_caught_up(pg)
    multisink.stop()
    assert multisink.cli("log", "verify", multisink.config_path).returncode == 0
    segment = max((multisink.data / "log").glob("*.seg"), key=lambda p: p.stat().st_size)
    content = bytearray(segment.read_bytes())
    content[len(content.rstrip(b"\0")) // 3] ^= 0x40
    segment.write_bytes(content)
    for words in (["verify"], ["verify", "--json"]):
        result = multisink.cli("log", *words, multisink.config_path)
        assert result.returncode == 5 and segment.name in result.stdout + result.stderr
        assert re.search(r"E03\d\d", result.stdout + result.stderr)


# ---- init ----------------------------------------------------------------------------------------------------


def statements(text, comment):
    """What stands behind the comment that begins so, up to the next one of its kind, as single statements."""
    part = re.split(r"(?m)^-- (?=PostgreSQL|Cassandra)", text)
    body = next(p.split("\n", 1)[1] for p in part if p.startswith(comment))
    body = re.sub(r"(?m)--.*$", "", body)
    return [s.strip() for s in body.split(";") if s.strip()]


def made_by_init(pg, tmp_path, tool_, *options):  # noqa: F811
    result = tool_("init", "--from", pg.url, *options)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_sql_of_init_is_accepted_and_its_pipeline_runs(empty_pg, tool, tmp_path, run):  # noqa: F811
    seed.make_source(empty_pg, slot=False, publication=False)
    printed = made_by_init(empty_pg, tmp_path, tool)
    for statement in statements(printed, "PostgreSQL"):
        empty_pg.execute(statement)
    path = tmp_path / "pipeline.yaml"
    assert tool("lint", path).returncode == 0
    checked = tool("check", path)
    assert checked.returncode == 0, checked.stdout
    import yaml
    config = yaml.safe_load(path.read_text())
    config.get("stream", {}).get("log", {}).pop("dir", None)
    with Multisink(run, config) as multisink:
        empty_pg.execute("INSERT INTO engagement_events (event_ts, device) VALUES (now(), 'from init')")
        wait_until(lambda: "from init" in multisink.log_text(), 20, "the row is printed")


def test_the_statements_of_init_give_a_plain_user_what_it_lacks(empty_pg, tool, tmp_path):  # noqa: F811
    seed.make_source(empty_pg, slot=False, publication=False)
    empty_pg.execute("CREATE ROLE carrier LOGIN")
    url = empty_pg.url.replace("postgres@", "carrier@")
    result = tool("init", "--from", url)
    assert result.returncode == 0, result.stderr
    assert 'ALTER ROLE "carrier" REPLICATION' in result.stdout and "GRANT" in result.stdout
    for statement in statements(result.stdout, "PostgreSQL"):
        empty_pg.execute(statement)
    checked = tool("check", tmp_path / "pipeline.yaml")
    assert checked.returncode == 0, checked.stdout


def test_init_for_a_server_without_logical_wal_says_so(run, tool):  # noqa: F811
    with Postgres(run, wal_level="replica") as pg:
        seed.make_source(pg, slot=False, publication=False)
        result = tool("init", "--from", pg.url)
        assert result.returncode == 0 and "ALTER SYSTEM SET wal_level = logical" in result.stdout


def test_the_cql_of_init_is_accepted(pg, cassandra_node, tool, tmp_path):  # noqa: F811
    printed = made_by_init(pg, tmp_path, tool, "--sink", "cassandra")
    cql = statements(printed, "Cassandra")
    assert any("engagement_events" in s for s in cql)
    cassandra_node.execute(*cql)
    path = tmp_path / "pipeline.yaml"
    path.write_text(path.read_text().replace("contact_points: [127.0.0.1]",
                                             f"contact_points: ['127.0.0.1:{cassandra_node.port}']"))
    checked = tool("check", path)
    assert checked.returncode == 0, checked.stdout + path.read_text()


# ---- secrets -------------------------------------------------------------------------------------------------


def test_no_password_is_ever_shown(pg, redis, run):  # noqa: F811
    """A word planted in every place that takes a password appears in no output, log, status or list of processes."""
    import psycopg
    pg.execute(f"CREATE ROLE courier LOGIN REPLICATION PASSWORD '{CANARY}'")
    pg.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO courier")
    hba = pg.data / "pg_hba.conf"
    hba.write_text(f"host all courier 127.0.0.1/32 scram-sha-256\n{hba.read_text()}")
    pg.execute("SELECT pg_reload_conf()")
    redis.client().config_set("requirepass", CANARY)
    url = f"postgres://courier@127.0.0.1:{pg.port}/{pg.database}"
    file = run.dir / "redis-password"
    file.write_text(CANARY + "\n")
    with Endpoint() as endpoint:
        config = seed.pipeline(
            pg, seed.redis_sink(redis, password=f"${{file:{file}}}"),
            seed.http_sink(url=endpoint.url, headers={"authorization": "Bearer ${env:CANARY}"}),
            source=seed.source_config(pg, url=url, password="${env:CANARY}"))
        multisink = Multisink(run, config, environment={"CANARY": CANARY})
        multisink.command = lambda: [multisink.binary, "run", "--log-level", "debug", str(multisink.config_path)]
        with multisink:
            pg.execute("INSERT INTO engagement_events (event_ts) VALUES (now())")
            wait_until(lambda: endpoint.requests, 20, "a row came")
            assert CANARY in endpoint.requests[0].headers["authorization"], "the canary lives"
            said = [multisink.cli(*words).stdout + multisink.cli(*words).stderr for words in (
                ["status", multisink.config_path], ["status", "--json", multisink.config_path],
                ["lint", multisink.config_path], ["check", multisink.config_path],
                ["check", "--json", multisink.config_path], ["log", "info", multisink.config_path],
                ["log", "read", multisink.config_path], ["slot", "show", *config_option(multisink)],
                ["dlq", "list", *config_option(multisink)], ["docs", "configuration"])]
            said.append(subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True).stdout)
            # And where each of them is wrong: the target quotes nothing, and neither do we.
            pg.execute("ALTER ROLE courier PASSWORD 'another'")
            redis.client = lambda: __import__("redis").Redis(port=redis.port, password=CANARY)
            redis.client().config_set("requirepass", "another")
            said += [multisink.cli("check", multisink.config_path).stdout,
                     multisink.cli("slot", "show", *config_option(multisink)).stderr]
            assert "E0402" in said[-1]
            with pytest.raises(psycopg.OperationalError):
                psycopg.connect(f"{pg.dsn()} user=courier password={CANARY}")
        said.append(multisink.log_text())
        for path in multisink.data.rglob("*"):
            if path.is_file():
                said.append(path.read_bytes().decode(errors="replace"))
    for number, text in enumerate(said):
        assert CANARY not in text, (number, text[max(0, text.find(CANARY) - 200):][:400])


def test_a_password_in_the_url_is_kept_out_of_faults_and_of_the_file_that_init_writes(pg, tool, tmp_path):  # noqa: F811
    pg.execute(f"CREATE ROLE carrier LOGIN REPLICATION PASSWORD '{CANARY}'")
    good = pg.url.replace("postgres@", f"carrier:{CANARY}@")
    assert tool("init", "--from", good).returncode == 0
    assert CANARY not in (tmp_path / "pipeline.yaml").read_text()
    for url in (good.replace(f":{pg.port}/", ":1/"), good + "?sslmode=perhaps",
                good.replace("postgres://", "postgres//")):
        result = tool("init", "--from", url, "--out", "other.yaml")
        assert result.returncode != 0 and CANARY not in result.stdout + result.stderr, url
        path = write(tmp_path / "bad.yaml", sample(url=url))
        for command in ("lint", "check"):
            said = tool(command, path)
            assert CANARY not in said.stdout + said.stderr, (command, url)
