# SPDX-License-Identifier: Apache-2.0
"""Every command: what it prints, and what it exits with. stdout is data, stderr is messages."""
import json
import os
import socket
import subprocess

import pytest
import yaml

import seed
from servers import MULTISINK, Multisink, wait_until


@pytest.fixture
def tool(tmp_path):
    def call(*words, **kwargs):
        return subprocess.run([str(MULTISINK), *map(str, words)], capture_output=True, text=True, timeout=60,
                              cwd=tmp_path, **kwargs)
    return call


def write(path, config):
    path.write_text(yaml.safe_dump(config, sort_keys=False) if isinstance(config, dict) else config)
    return path


def sample(sink=None, **source):
    return {"version": 1, "name": "engagement",
            "source": {"postgres": {"url": "postgres://u@127.0.0.1:1/db", "slot": "s", "publication": "p",
                                    "tables": ["public.t"], **source}},
            "sinks": [sink or {"name": "out", "from": "public.t", "stdout": {}}]}


# ---- without a daemon --------------------------------------------------------------------------------------------


def test_help_names_every_command(tool):
    result = tool("help")
    assert result.returncode == 0
    for name in "init lint check run status log dlq slot receive explain version".split():
        assert name in result.stdout


@pytest.mark.parametrize("name", "init lint check run status log dlq slot receive explain version".split())
def test_every_command_has_help_with_examples(tool, name):
    result = tool(name, "--help")
    assert result.returncode == 0 and f"multisink {name}" in result.stdout


def test_without_a_command_there_is_help(tool):
    result = tool()
    assert "run" in result.stdout + result.stderr


def test_a_misspelt_command_gets_the_nearest_name_and_is_not_run(tool):
    result = tool("statsu")
    assert result.returncode == 2 and "status" in result.stderr and "E0101" in result.stderr and not result.stdout


def test_a_misspelt_option_gets_the_nearest_name(tool):
    result = tool("status", "--jsno")
    assert result.returncode == 2 and "--json" in result.stderr


def test_version(tool):
    result = tool("version")
    assert result.returncode == 0 and result.stdout.startswith("multisink ")


def test_explain_prints_a_page_and_knows_every_spelling(tool):
    page = tool("explain", "E0412")
    assert page.returncode == 0 and "E0412" in page.stdout
    assert tool("explain", "412").stdout == page.stdout


def test_explain_of_an_unknown_code(tool):
    result = tool("explain", "E9999")
    assert result.returncode == 2 and "E0105" in result.stderr


def test_lint_accepts_a_good_file(tool, tmp_path):
    result = tool("lint", write(tmp_path / "pipeline.yaml", sample()))
    assert result.returncode == 0, result.stderr


def test_lint_shows_all_faults_at_once_with_line_and_nearest_name(tool, tmp_path):
    text = yaml.safe_dump(sample(), sort_keys=False).replace("stdout:", "stdotu:").replace("slot:", "slto:")
    result = tool("lint", write(tmp_path / "pipeline.yaml", text))
    assert result.returncode == 2
    assert "E0203" in result.stderr and "E0204" in result.stderr
    assert 'did you mean "stdout"' in result.stderr and "pipeline.yaml:" in result.stderr and "^" in result.stderr
    assert "Nothing was started" in result.stderr


def test_run_with_a_bad_file_starts_nothing(tool, tmp_path):
    result = tool("run", write(tmp_path / "pipeline.yaml", "version: 1\nname: [\n"))
    assert result.returncode == 2 and "E02" in result.stderr
    assert not (tmp_path / "data").exists()


def test_run_without_a_file(tool):
    result = tool("run", "missing.yaml")
    assert result.returncode == 2 and "E0202" in result.stderr


def test_a_secret_that_is_missing_is_named_and_never_shown(tool, tmp_path):
    path = write(tmp_path / "pipeline.yaml", sample(password="${env:NO_SUCH_WORD}"))
    result = tool("lint", path)
    assert result.returncode == 2 and "NO_SUCH_WORD" in result.stderr and "E0217" in result.stderr


def test_status_without_a_daemon(tool, tmp_path):
    result = tool("status", write(tmp_path / "pipeline.yaml", sample()))
    assert result.returncode != 0 and "E0811" in result.stderr


def test_check_of_a_server_that_is_not_there(tool, tmp_path):
    result = tool("check", write(tmp_path / "pipeline.yaml", sample()))
    assert result.returncode == 3


def test_output_to_a_closed_pipe_is_an_error_and_no_crash(tool):
    with open("/dev/full", "w") as full:
        result = subprocess.run([str(MULTISINK), "help"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=20)
    assert result.returncode == 1 and "E0106" in result.stderr


# ---- with servers ------------------------------------------------------------------------------------------------


def test_init_writes_a_pipeline_that_lints_and_never_overwrites(pg, tool, tmp_path):
    result = tool("init", "--from", pg.url)
    assert result.returncode == 0, result.stderr
    path = tmp_path / "pipeline.yaml"
    assert "engagement_events" in path.read_text()
    assert tool("lint", path).returncode in (0, 2)
    again = tool("init", "--from", pg.url)
    assert again.returncode == 2 and "E0107" in again.stderr


def test_check_of_a_healthy_pipeline(pg, redis, receiver, tool, tmp_path):
    config = seed.pipeline(pg, seed.redis_sink(redis), seed.http_sink(receiver))
    path = write(tmp_path / "pipeline.yaml", config)
    before = pg.execute("SELECT slot_name, confirmed_flush_lsn FROM pg_replication_slots")
    result = tool("check", path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "wal_level" in result.stdout
    told = json.loads(tool("check", "--json", path).stdout)
    assert told
    assert pg.execute("SELECT slot_name, confirmed_flush_lsn FROM pg_replication_slots") == before
    assert redis.client().dbsize() == 0


def test_check_gives_a_fix_for_what_it_finds(pg, redis, tool, tmp_path):
    pg.execute("DROP PUBLICATION engagement_pub")
    pg.execute("CREATE PUBLICATION engagement_pub FOR TABLE content")
    path = write(tmp_path / "pipeline.yaml", seed.pipeline(pg, seed.redis_sink(redis)))
    result = tool("check", path)
    assert result.returncode != 0
    assert "ALTER PUBLICATION" in result.stdout and "E0435" in result.stdout


def test_status_of_a_running_pipeline(pg, redis, start):
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis)))
    seed.Writer(pg).write(100)
    multisink.wait_caught_up(pg)
    told = multisink.status()
    assert told["pipeline"] == "engagement" and told["source"]["connected"]
    sink, = told["sinks"]
    assert sink["name"] == "top_content" and sink["rows"] >= 100 and sink["last_error"] is None
    text = multisink.cli("status", multisink.config_path)
    assert text.returncode == 0 and "top_content" in text.stdout


def test_log_info_read_and_verify(pg, redis, start):
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis)))
    writer = seed.Writer(pg, rollbacks=0)
    writer.write(200)
    multisink.wait_caught_up(pg)
    info = multisink.cli("log", "info", multisink.config_path)
    assert info.returncode == 0 and info.stdout
    read = multisink.cli("log", "read", multisink.config_path)
    lines = [json.loads(line) for line in read.stdout.splitlines()]
    assert len(lines) == writer.changes
    assert multisink.cli("log", "verify", multisink.config_path).returncode == 0


def test_log_verify_finds_a_flipped_bit(pg, redis, start):
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis)))
    seed.Writer(pg).write(500)
    multisink.wait_caught_up(pg)
    multisink.stop()
    segment = max((p for p in (multisink.data / "log").iterdir() if p.is_file()), key=lambda p: p.stat().st_size)
    content = bytearray(segment.read_bytes())
    content[len(content.rstrip(b"\0")) // 2] ^= 1
    segment.write_bytes(content)
    result = multisink.cli("log", "verify", multisink.config_path)
    assert result.returncode == 5 and segment.name in result.stderr + result.stdout
    multisink.start(wait=False)
    assert multisink.wait_exit() == 5
    assert segment.name in multisink.log_text()


def test_slot_show_and_drop(pg, redis, start):
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis)))
    shown = multisink.cli("slot", "show", "--config", multisink.config_path)
    assert shown.returncode == 0 and "cdc_slot" in shown.stdout
    multisink.stop()
    assert multisink.cli("slot", "drop", "--config", multisink.config_path).returncode == 2, "needs --yes"
    assert multisink.cli("slot", "drop", "--yes", "--config", multisink.config_path).returncode == 0
    assert pg.value("SELECT count(*) FROM pg_replication_slots") == 0


def test_receive_prints_what_it_gets(receiver):
    import urllib.request
    request = urllib.request.Request(receiver.url, data=b'{"message": "hello"}', method="POST",
                                     headers={"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as reply:
        assert reply.status == 200
    wait_until(lambda: receiver.file.exists() and "hello" in receiver.file.read_text(), 5, "the body is in the file")
    assert receiver.stop() == 0


def test_sigterm_ends_it_cleanly_and_sigint_too(run, pg, redis, start):
    import signal
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis)))
    for number in (signal.SIGTERM, signal.SIGINT):
        assert multisink.stop(number, timeout=10) == 0
        multisink.start()


def test_the_log_can_be_json(pg, redis, run):
    multisink = Multisink(run, seed.pipeline(pg, seed.redis_sink(redis)))
    multisink.command = lambda: [multisink.binary, "run", "--log-format=json", str(multisink.config_path)]
    with multisink:
        multisink.stop()
        lines = multisink.log_text().splitlines()
    assert lines and all(json.loads(line) for line in lines)


def test_the_stdout_sink_prints_json_lines(pg, run):
    multisink = Multisink(run, seed.pipeline(pg, {"name": "out", "from": seed.TABLE, "stdout": {}}))
    with multisink:
        pg.execute("INSERT INTO engagement_events (event_ts, device) VALUES (now(), 'a line')")
        wait_until(lambda: "a line" in multisink.log_text(), 10, "the line is printed")


# ---- the service manager -----------------------------------------------------------------------------------------


def test_the_service_manager_is_told_when_it_is_ready_and_when_it_stops(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20)
        config = write(tmp_path / "pipeline.yaml", {**sample(), "stream": {"log": {"dir": str(tmp_path / "data")}}})
        daemon = subprocess.Popen([str(MULTISINK), "run", str(config)], stderr=subprocess.DEVNULL,
                                  env={**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify")})
        try:
            assert manager.recv(100) == b"READY=1"
            daemon.terminate()
            assert manager.recv(100) == b"STOPPING=1"
            assert daemon.wait(20) == 0
        finally:
            daemon.kill()
            daemon.wait()
