# SPDX-License-Identifier: Apache-2.0
"""Kafka Connect's REST API: the seed's commands as they stand, every route, and the answers of the real worker."""
import contextlib
import json
import os
import pathlib
import socket
import subprocess

import pytest

import connect_scenario
import pki
import seed
import servers
from servers import ROOT, wait_until

GOLDEN = ROOT / "tests/golden/connect/answers.json"
NAME = connect_scenario.NAME


class Daemon(servers.Multisink):
    """multisink without a file, driven over REST."""

    def __init__(self, run, listen=True, **more):
        super().__init__(run, {"version": 1, "name": "worker", **more})
        self.listen = f"127.0.0.1:{self.port}" if listen is True else listen
        self.scheme = "http"
        self.headers = {"Content-Type": "application/json"}

    def command(self):
        listen = ["--listen", self.listen] if self.listen else []
        return [self.binary, "run", "--data", str(self.data), *listen]

    @property
    def url(self):
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def ready(self):
        with contextlib.suppress(OSError):
            return self.ask("GET", "/") is not None
        return False

    def answer(self, method, path, body=None, headers=None):
        return connect_scenario.request(self.url, method, path, body, headers)

    def ask(self, method, path, body=None, want=200):
        status, _, answer = self.answer(method, path, body)
        assert status == want, (status, answer)
        return answer

    def state(self, name):
        """Of the task; of the connector when it has none."""
        status = self.ask("GET", f"/connectors/{name}/status")
        return status["tasks"][0]["state"] if status["tasks"] else status["connector"]["state"]

    def wait_state(self, name, state, timeout=30):
        wait_until(lambda: self.state(name) == state, timeout, f"{name} is {state}")


class WithFile(Daemon):
    def command(self):
        return [self.binary, "run", str(self.config_path), "--listen", self.listen]


@pytest.fixture
def seed_pg(pg):
    pg.execute("CREATE ROLE mohammed LOGIN SUPERUSER PASSWORD 'master'")
    return pg


@pytest.fixture
def daemon(run):
    with Daemon(run) as server:
        yield server


def redis_config(redis, **more):
    return {"connector.class": "multisink.RedisSink", "topics": "engagement_project.public.engagement_events",
            "url": redis.url, "retry.initial": "50ms", "retry.max": "1s",
            "commands.insert": json.dumps(["ZINCRBY", seed.SCORES, "1", "{{content_id}}"]), **more}


def make_source(daemon, pg, **more):
    daemon.ask("POST", "/connectors", {"name": NAME, "config": {**connect_scenario.seed_config(pg), **more}}, 201)
    daemon.wait_state(NAME, "RUNNING")


def insert(pg, n=1):
    with pg.connect() as db:
        for _ in range(n):
            db.execute(seed.INSERT, [seed.CONTENTS[0], None, "play", 1, "web", '{"v": 0}'])


def score(redis):
    return int(redis.client().zscore(seed.SCORES, seed.CONTENTS[0]) or 0)


def curl(daemon, text):
    """A command of the seed as it stands, but for the address."""
    text = text.replace("localhost:8083", f"127.0.0.1:{daemon.port}")
    result = subprocess.run(["sh", "-c", text], capture_output=True, text=True, timeout=60)
    return json.loads(result.stdout)


def test_the_seeds_commands_start_the_capture_and_show_its_state(daemon, seed_pg):
    config = json.dumps({"name": NAME, "config": connect_scenario.seed_config(seed_pg)}, indent=2)
    made = curl(daemon, "curl -X POST http://localhost:8083/connectors -H \"Content-Type: application/json\" -d '"
                f"{config}'")
    assert made["name"] == NAME and made["type"] == "source"
    daemon.wait_state(NAME, "RUNNING")
    status = curl(daemon, "curl http://localhost:8083/connectors/engagement-cdc/status")
    assert status["connector"]["state"] == "RUNNING" and status["tasks"][0]["id"] == 0
    before = seed_pg.slot_lsn()
    insert(seed_pg)
    wait_until(lambda: seed_pg.slot_lsn() > before, 30, "the slot moves")
    assert "database.server.name" in daemon.log_text()  # what means nothing here is listed


def test_the_answers_are_those_of_the_real_worker(daemon, seed_pg):
    real = json.loads(GOLDEN.read_text())
    assert connect_scenario.compare(real, connect_scenario.record(daemon.url, seed_pg)) == []


def test_the_recorded_answers_are_those_of_the_real_worker(run, seed_pg, long):
    if not long:
        pytest.skip("the long form asks a real Kafka Connect again")
    servers_kafka = pytest.importorskip("servers_kafka")
    with servers_kafka.Kafka(run) as kafka, servers_kafka.Connect(run, kafka, "2.5") as connect:
        real = connect_scenario.record(connect.url, seed_pg)
    assert real == json.loads(GOLDEN.read_text())


def test_no_answer_holds_a_password_and_its_mask_keeps_it(daemon, seed_pg):
    make_source(daemon, seed_pg)
    pages = [f"/connectors/{NAME}{p}" for p in ("", "/config", "/tasks", "/tasks-config", "/status")]
    for page in [*pages, "/connectors?expand=info&expand=status"]:
        assert "master" not in json.dumps(daemon.ask("GET", page)), page
    config = daemon.ask("GET", f"/connectors/{NAME}/config")
    assert config["database.password"] == "********"
    daemon.ask("PUT", f"/connectors/{NAME}/config", {**config, "tasks.max": "1"})
    import sqlite3
    with contextlib.closing(sqlite3.connect(daemon.data / "state.db")) as db:
        stored = json.loads(db.execute("SELECT config FROM connector").fetchone()[0])
    assert stored["database.password"] == "master" and stored["tasks.max"] == "1"
    bad = {**config, "database.port": "1"}
    assert "master" not in json.dumps(daemon.answer("PUT", f"/connectors/{NAME}/config", bad)[2])
    assert "master" not in daemon.log_text()


def test_a_sink_made_over_rest_delivers_and_survives_restarts(daemon, seed_pg, redis):
    daemon.ask("POST", "/connectors", {"name": "top", "config": redis_config(redis)}, 201)
    assert daemon.state("top") == "UNASSIGNED"  # nobody writes its topic yet
    make_source(daemon, seed_pg)
    insert(seed_pg, 3)
    wait_until(lambda: score(redis) == 3, 30, "three are counted")
    assert daemon.state("top") == "RUNNING"
    topics = daemon.ask("GET", "/connectors/top/topics")
    assert topics == {"top": {"topics": ["engagement_project.public.engagement_events"]}}
    daemon.kill()
    insert(seed_pg, 2)
    daemon.start()
    wait_until(lambda: score(redis) == 5, 30, "five are counted")
    assert sorted(daemon.ask("GET", "/connectors")) == [NAME, "top"]
    offsets = daemon.ask("GET", "/connectors/top/offsets")["offsets"]
    assert offsets[0]["partition"] == {"kafka_topic": "engagement_project.public.engagement_events",
                                       "kafka_partition": 0}
    daemon.ask("DELETE", "/connectors/top", want=204)
    daemon.restart()
    assert daemon.ask("GET", "/connectors") == [NAME]
    insert(seed_pg)
    assert score(redis) == 5


def test_a_paused_source_takes_the_wal_and_delivers_nothing(daemon, seed_pg, redis):
    make_source(daemon, seed_pg)
    daemon.ask("POST", "/connectors", {"name": "top", "config": redis_config(redis)}, 201)
    insert(seed_pg)
    wait_until(lambda: score(redis) == 1, 30, "one is counted")
    daemon.ask("PUT", f"/connectors/{NAME}/pause", want=202)
    daemon.wait_state(NAME, "PAUSED")
    insert(seed_pg, 2)
    end = seed_pg.lsn()
    wait_until(lambda: seed_pg.slot_lsn() >= end, 30, "the slot moves while it is paused")
    assert score(redis) == 1
    daemon.restart()
    assert daemon.state(NAME) == "PAUSED" and score(redis) == 1
    daemon.ask("PUT", f"/connectors/{NAME}/resume", want=202)
    wait_until(lambda: score(redis) == 3, 30, "the others are counted")
    # A sink is held for itself.
    daemon.ask("PUT", "/connectors/top/pause", want=202)
    insert(seed_pg)
    end = seed_pg.lsn()
    wait_until(lambda: seed_pg.slot_lsn() >= end, 30, "the slot moves")
    assert daemon.state("top") == "PAUSED" and score(redis) == 3
    daemon.ask("PUT", "/connectors/top/resume", want=202)
    wait_until(lambda: score(redis) == 4, 30, "the last is counted")


def test_a_stopped_source_frees_its_slot_and_can_be_reset(daemon, seed_pg, redis):
    make_source(daemon, seed_pg)
    daemon.ask("POST", "/connectors", {"name": "top", "config": redis_config(redis)}, 201)
    insert(seed_pg, 2)
    wait_until(lambda: score(redis) == 2, 30, "two are counted")
    offset = daemon.ask("GET", f"/connectors/{NAME}/offsets")["offsets"][0]
    assert offset["partition"] == {"server": "engagement_project"} and offset["offset"]["lsn"] > 0
    daemon.ask("PUT", f"/connectors/{NAME}/stop", want=204)
    assert seed_pg.value("SELECT active FROM pg_replication_slots WHERE slot_name = 'cdc_slot'") is False
    assert daemon.state("top") == "UNASSIGNED"
    daemon.ask("PUT", "/connectors/top/stop", want=204)
    redis.client().flushall()
    daemon.ask("DELETE", "/connectors/top/offsets")
    daemon.ask("DELETE", f"/connectors/{NAME}/offsets")
    daemon.restart()  # what was reset is remembered
    daemon.ask("PUT", "/connectors/top/resume", want=202)
    daemon.ask("PUT", f"/connectors/{NAME}/resume", want=202)
    daemon.wait_state(NAME, "RUNNING")
    # The log still holds both changes; the new copy comes as rows of a snapshot, which this sink does not count.
    wait_until(lambda: "streaming from" in daemon.log_text().rsplit("was made", 1)[-1], 30, "it streams")
    insert(seed_pg)
    wait_until(lambda: score(redis) >= 1, 30, "it delivers again")


def test_what_failed_says_why_and_can_be_restarted(daemon, seed_pg, redis):
    make_source(daemon, seed_pg)
    redis.client().set(seed.SCORES, "no sorted set")
    config = redis_config(redis, **{"commands.insert": json.dumps(["ZINCRBY", "{{no_such_column}}", "1", "x"])})
    daemon.ask("POST", "/connectors", {"name": "top", "config": config}, 201)
    daemon.wait_state("top", "FAILED")
    task = daemon.ask("GET", "/connectors/top/status")["tasks"][0]
    assert "no_such_column" in task["trace"] and task["trace"].startswith("E0")
    assert daemon.state(NAME) == "RUNNING"
    redis.client().delete(seed.SCORES)
    daemon.ask("PATCH", "/connectors/top/config", {"commands.insert": redis_config(redis)["commands.insert"]})
    answer = daemon.ask("POST", "/connectors/top/restart?includeTasks=true&onlyFailed=true", want=202)
    assert answer["name"] == "top"
    insert(seed_pg)
    wait_until(lambda: score(redis) == 1, 30, "it counts")


def test_tables_come_by_patterns_as_with_debezium(daemon, seed_pg):
    seed_pg.execute("DROP PUBLICATION engagement_pub")
    config = {**connect_scenario.seed_config(seed_pg), "table.include.list": r"public\.(eng.*|cont.nt)"}
    daemon.ask("POST", "/connectors", {"name": NAME, "config": config}, 201)
    daemon.wait_state(NAME, "RUNNING")
    published = wait_until(lambda: seed_pg.execute("SELECT tablename FROM pg_publication_tables WHERE pubname ="
                                                   " 'engagement_pub' ORDER BY 1"), 30, "the publication")
    assert [row[0] for row in published] == ["content", "engagement_events"]
    # E1203: nothing fits, or the source does not have it.
    status, _, answer = daemon.answer("POST", "/connectors", {"name": "x", "config": {
        **config, "topic.prefix": "x", "table.include.list": "public.nothing.*"}})
    assert status == 400 and "no table of the database fits" in answer["message"]


def test_a_sink_of_a_table_that_is_not_captured_is_failed(daemon, seed_pg, redis):
    make_source(daemon, seed_pg)
    daemon.ask("POST", "/connectors", {"name": "top", "config": redis_config(
        redis, topics="engagement_project.public.content")}, 201)
    status = daemon.ask("GET", "/connectors/top/status")
    assert status["tasks"][0]["state"] == "FAILED" and "E1203" in status["tasks"][0]["trace"]


def test_what_would_change_the_data_is_refused_and_not_ignored(daemon, seed_pg, redis):
    config = connect_scenario.seed_config(seed_pg)
    for name, value in (("column.exclude.list", "public.engagement_events.device"),
                        ("column.mask.with.10.chars", "public.engagement_events.device"),
                        ("snapshot.mode", "initial_only"), ("post.processors", "reselector")):
        status, _, answer = daemon.answer("POST", "/connectors", {"name": "x", "config": {**config, name: value}})
        assert status == 400 and name.split(".")[0] in answer["message"], (name, answer)
    # A sink's own keys are those of the configuration file, checked by the same tables.
    status, _, answer = daemon.answer("POST", "/connectors", {"name": "top", "config": redis_config(redis, urll="x")})
    assert status == 400 and "urll" in answer["message"]
    # What a file would look up is not looked up for what comes over HTTP.
    secret = redis_config(redis, password="${file:/etc/hostname}")
    daemon.ask("POST", "/connectors", {"name": "top", "config": secret}, 201)
    assert pathlib.Path("/etc/hostname").read_text().strip() not in daemon.log_text()


def test_the_files_pipeline_is_there_as_connectors(run, pg, redis, receiver):
    config = seed.pipeline(pg, seed.redis_sink(redis, seed.INSERTS_ONLY))
    with WithFile(run, **{k: v for k, v in config.items() if k != "version"}) as daemon:
        assert daemon.ask("GET", "/connectors") == ["engagement", "top_content"]
        daemon.wait_state("engagement", "RUNNING")
        info = daemon.ask("GET", "/connectors/engagement")
        assert info["type"] == "source" and info["config"]["slot.name"] == "cdc_slot"
        assert info["config"]["table.include.list"] == seed.TABLE
        insert(pg)
        wait_until(lambda: score(redis) == 1, 30, "one is counted")
        status, _, answer = daemon.answer("DELETE", "/connectors/top_content")
        assert status == 409 and "configuration file" in answer["message"]
        daemon.ask("PUT", "/connectors/top_content/pause", want=202)
        daemon.restart()
        assert daemon.state("top_content") == "PAUSED"  # kept, whatever the file says
        insert(pg)
        # A sink made over REST joins the file's source.
        daemon.ask("PUT", "/connectors/api/config", {
            "connector.class": "HttpSink", "topics": "engagement.public.engagement_events", "url": receiver.url}, 201)
        wait_until(lambda: receiver.file.exists() and receiver.file.read_text(), 30, "it delivers")
        assert score(redis) == 1
        daemon.ask("PUT", "/connectors/top_content/resume", want=202)
        wait_until(lambda: score(redis) == 2, 30, "the other is counted")
        assert daemon.status()["sinks"][1]["name"] == "api"


def test_levels_of_the_log_really_change(daemon, seed_pg):
    assert daemon.ask("GET", "/admin/loggers")["root"] == {"level": "INFO", "last_modified": None}
    assert daemon.ask("PUT", "/admin/loggers/capture", {"level": "error"}) == ["capture"]
    assert daemon.ask("GET", "/admin/loggers/capture")["level"] == "ERROR"
    make_source(daemon, seed_pg)
    insert(seed_pg)
    assert "info  capture" not in daemon.log_text()
    daemon.ask("PUT", "/admin/loggers/root?scope=cluster", {"level": "INFO"}, 204)
    daemon.ask("POST", f"/connectors/{NAME}/tasks/0/restart", want=204)
    wait_until(lambda: "info  capture" in daemon.log_text(), 30, "the capture's lines are there")


# ---- security ------------------------------------------------------------------------------------------------


def test_other_names_and_origins_are_not_answered(daemon):
    assert daemon.answer("GET", "/connectors", headers={"Host": "evil.example"})[0] == 403
    assert daemon.answer("GET", "/connectors", headers={"Host": f"127.0.0.1.evil.example:{daemon.port}"})[0] == 403
    assert daemon.answer("GET", "/connectors", headers={"Origin": "http://evil.example"})[0] == 403
    assert daemon.answer("GET", "/connectors", headers={"Origin": "null"})[0] == 403
    assert daemon.answer("POST", "/connectors/x/restart", headers={"Origin": "https://localhost.evil.example"})[0] == 403
    assert daemon.answer("GET", "/connectors", headers={"Host": f"localhost:{daemon.port}",
                                                        "Origin": "http://localhost:3000"})[0] == 200
    _, head, _ = daemon.answer("GET", "/connectors")
    assert not [name for name in head if name.lower().startswith("access-control")]


def test_bodies_and_headers_are_bounded(daemon):
    body = json.dumps({"name": "x", "config": {"a": "b" * 400_000}}).encode()
    with contextlib.suppress(OSError):  # it may hang up while the rest is still being sent
        assert daemon.answer("POST", "/connectors", body)[0] == 413
    deep = b'{"name":"x","config":' + b"[" * 100_000
    assert daemon.answer("POST", "/connectors", deep)[0] == 400
    with contextlib.suppress(OSError, ValueError):  # the library's own page says it
        assert daemon.answer("GET", "/" + "a" * 60_000)[0] in (404, 414, 431)
    assert daemon.ask("GET", "/connectors") == []


def test_with_a_token_and_tls_only_who_knows_it_is_answered(run, tmp_path):
    authority = pki.Authority(tmp_path)
    pair = authority.pair("worker")
    token = "0123456789abcdef0123"
    daemon = WithFile(run, listen="0.0.0.0:0", name="worker", control={
        "token": token, "tls": {"cert": str(pair.cert), "key": str(pair.key)}})
    daemon.ready = lambda: "REST API is at" in daemon.log_text()
    with daemon:
        port = daemon.log_text().split("https://0.0.0.0:")[1].split()[0]
        url = f"https://127.0.0.1:{port}/connectors"

        def status(*words, body=None):
            extra = [] if body is None else ["-X", "POST", "-H", "Content-Type: application/json", "-d", body]
            return subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", str(authority.ca),
                                   *extra, *words, url], capture_output=True, text=True, timeout=30).stdout

        assert status() == "401"
        assert status("-H", f"Authorization: Bearer {token[:-1]}x") == "401"
        assert status("-H", f"Authorization: Bearer {token}x") == "401"
        assert status("-H", "Authorization: Bearer ") == "401"
        assert status(body="{not even JSON") == "401"
        assert status("-H", f"Authorization: Bearer {token}") == "200"
        assert status("-H", f"Authorization: Bearer {token}", "-H", "Host: worker.example") == "200"
        assert status("-H", f"Authorization: Bearer {token}", "-H", "Origin: http://evil.example") == "403"
        assert token not in daemon.log_text()
        plain = subprocess.run(["curl", "-s", url.replace("https", "http")], capture_output=True, timeout=30)
        assert plain.returncode != 0 or b"[]" not in plain.stdout


def test_an_address_that_is_taken(run):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        daemon = Daemon(run, listen=address)
        result = subprocess.run(daemon.command(), capture_output=True, text=True, timeout=30, cwd=daemon.dir)
        assert result.returncode == 1 and "E1201" in result.stderr


def test_an_address_of_others_needs_token_and_tls(run):
    daemon = Daemon(run, listen="0.0.0.0:0")
    result = subprocess.run(daemon.command(), capture_output=True, text=True, timeout=30, cwd=daemon.dir)
    assert result.returncode in (1, 2) and "E1202" in result.stderr


def test_properties_that_are_not_valid_any_more_are_said(daemon, seed_pg):
    make_source(daemon, seed_pg)
    daemon.stop()
    import sqlite3
    with contextlib.closing(sqlite3.connect(daemon.data / "state.db")) as db:
        stored = json.loads(db.execute("SELECT config FROM connector").fetchone()[0])
        db.execute("UPDATE connector SET config = ?", [json.dumps({**stored, "slot.name": "No Slot"})])
        db.commit()
    daemon.start()
    status = daemon.ask("GET", f"/connectors/{NAME}/status")
    assert status["connector"]["state"] == "FAILED" and "E1204" in status["connector"]["trace"]


def test_without_a_word_port_8083_is_tried(run):
    """Taken or not: the program runs."""
    daemon = Daemon(run, listen=None)
    environment = {k: v for k, v in os.environ.items() if k != "MULTISINK_LISTEN"}
    daemon.environment = lambda: environment
    daemon.ready = lambda: "8083" in daemon.log_text()
    with daemon:
        assert daemon.running()
