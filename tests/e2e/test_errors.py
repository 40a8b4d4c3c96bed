# SPDX-License-Identifier: Apache-2.0
"""Errors of the configuration and the command line, each provoked through the program: the code, and that nothing was
started."""
import pytest
import yaml

import seed
from servers import Multisink
from test_cli import sample, tool, write  # noqa: F401

GOOD = yaml.safe_dump(sample(), sort_keys=False)


def sink(**kind):
    return yaml.safe_dump(sample({"name": "out", "from": "public.t", **kind}), sort_keys=False)


def redis(commands, **more):
    return sink(redis={"url": "redis://127.0.0.1:1/0", "commands": commands, **more})


FAULTS = {
    "E0205": GOOD.replace("name: engagement\n", ""),                       # CONFIG_MISSING_KEY
    "E0206": GOOD + "}{\n",                                                # CONFIG_YAML
    "E0207": GOOD.replace("engagement", "eng\x00age"),                     # CONFIG_BYTES
    "E0208": GOOD.replace("slot: s", "slot: &anchor s"),                   # CONFIG_YAML_FEATURE
    "E0209": GOOD + "name: again\n",                                       # CONFIG_DUPLICATE_KEY
    "E0211": GOOD.replace("slot: s", "slot: [s]"),                         # CONFIG_TYPE
    "E0213": GOOD + "stream: {log: {dir: d, segment: 1TiB}}\n",            # CONFIG_RANGE
    "E0214": GOOD + "stream: {log: {dir: d, keep: 7}}\n",                  # CONFIG_UNIT
    "E0215": GOOD.replace("slot: s", "slot: s\n    snapshot: always"),     # CONFIG_CHOICE
    "E0216": GOOD.replace("slot: s", "slot: ${what}"),                     # CONFIG_REFERENCE
    "E0218": GOOD.replace("slot: s", "slot: s\n    password: ${file:/nowhere/at/all}"),  # CONFIG_SECRET_FILE
    "E0220": GOOD.replace("version: 1", "version: 99"),                    # CONFIG_VERSION
    "E0221": GOOD.replace("name: engagement", "name: Übung"),              # CONFIG_BAD_NAME
    "E0222": GOOD + "- {name: out, from: public.t, stdout: {}}\n",         # CONFIG_DUPLICATE_NAME
    "E0223": sink(stdout={}).replace("from: public.t", "from: public.u"),  # CONFIG_TABLE_UNKNOWN
    "E0224": GOOD.replace("public.t", "t"),                                # CONFIG_TABLE_FORM
    "E0226": sink(stdout={}, http={"url": "http://127.0.0.1:1/"}),         # CONFIG_SINK_ONE
    "E0227": GOOD + "stream: {log: {}, kafka: {brokers: [b]}}\n",          # CONFIG_STREAM_KIND
    "E0228": GOOD.replace("    - public.t\n", "").replace("tables:", "tables: []"),  # CONFIG_EMPTY
    "E0232": GOOD + "role: capture\n",                                     # CONFIG_ROLE
    "E0230": GOOD.replace("- public.t", "- public.t\n    - public.t"),     # CONFIG_TABLE_TWICE
}


@pytest.mark.parametrize("code", FAULTS)
def test_a_fault_of_the_file_has_its_code_and_a_page(tool, tmp_path, code):  # noqa: F811
    result = tool("lint", write(tmp_path / "pipeline.yaml", FAULTS[code]))
    assert result.returncode == 2
    assert f"error[{code}]" in result.stderr
    page = tool("explain", code)
    assert page.returncode == 0 and code in page.stdout


def test_a_password_in_a_url_is_warned_of_and_not_shown(tool, tmp_path):  # noqa: F811
    result = tool("lint", write(tmp_path / "pipeline.yaml", GOOD.replace("u@", "u:open-sesame@")))
    assert "warning[E0229]" in result.stderr and "sesame" not in result.stderr + result.stdout


def test_redis_faults_of_the_file(tool, tmp_path):  # noqa: F811
    cases = {
        "E0501": sink(redis={"url": "http://127.0.0.1/", "commands": {"insert": ["INCR", "n"]}}),
        "E0502": redis({"insert": ["INCR", ["n"]]}),
        "E0503": redis({"insert": ["SUBSCRIBE", "x"]}),
    }
    for code, text in cases.items():
        result = tool("lint", write(tmp_path / "pipeline.yaml", text))
        assert result.returncode == 2 and f"error[{code}]" in result.stderr, (code, result.stderr)


def test_arguments_that_a_command_does_not_take(tool):  # noqa: F811
    result = tool("status", "one.yaml", "two.yaml", "three.yaml")
    assert result.returncode == 2 and "E0104" in result.stderr


# ---- what PostgreSQL has, and does not have ----------------------------------------------------------------------


def refusal(pg, run, table, **source):
    """What `run` says about a pipeline of that table, when it ends by itself."""
    config = seed.pipeline(pg, {"name": "out", "from": table, "stdout": {}},
                           source=seed.source_config(pg, **{"slot": "s", "publication": "p", "tables": [table], **source}))
    multisink = Multisink(run, config)
    multisink.start(wait=False)
    try:
        assert multisink.wait_exit(20) != 0
        return multisink.log_text()
    finally:
        multisink.close()


def test_a_view_is_refused(empty_pg, run):
    empty_pg.execute("CREATE VIEW v AS SELECT 1 AS id")
    assert "E0431" in refusal(empty_pg, run, "public.v")


def test_an_unlogged_table_is_refused(empty_pg, run):
    empty_pg.execute("CREATE UNLOGGED TABLE t (id int PRIMARY KEY)")
    assert "E0431" in refusal(empty_pg, run, "public.t")


def test_a_parked_record_that_does_not_exist(pg, redis, start):
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis)))
    result = multisink.cli("dlq", "show", "--config", multisink.config_path, "999")
    assert result.returncode != 0 and "E0808" in result.stderr


# ---- what Redis answers ------------------------------------------------------------------------------------------


def told(multisink, name="top_content"):
    """The code of the sink's last error, as soon as it has one."""
    return multisink.wait_sink(name, lambda s: s.get("last_error"), 20, "the sink says why")["last_error"]["code"]


def test_a_redis_that_evicts_keys(pg, redis, start):
    redis.client().config_set("maxmemory", "64mb")
    redis.client().config_set("maxmemory-policy", "allkeys-lru")
    assert told(start(seed.pipeline(pg, seed.redis_sink(redis)), wait=False)) == "E0514"


def test_a_redis_that_wants_another_password(pg, redis, start):
    redis.client().config_set("requirepass", "open-sesame")
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis)), wait=False)
    assert told(multisink) == "E0510"


def test_a_command_that_redis_does_not_know(pg, redis, start):
    sink_ = seed.redis_sink(redis, {"insert": ["NOSUCHWORD", "n"]})
    assert told(start(seed.pipeline(pg, sink_), wait=False)) == "E0515"


def test_a_template_of_a_column_that_is_not_there(pg, redis, start):
    sink_ = seed.redis_sink(redis, {"insert": ["INCR", "n:{{nothing}}"]})
    multisink = start(seed.pipeline(pg, sink_), wait=False)
    pg.execute("INSERT INTO engagement_events (event_ts) VALUES (now())")
    assert told(multisink) == "E0517"


def test_a_position_that_somebody_overwrote(pg, redis, start):
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis)))
    seed.Writer(pg).write(50)
    multisink.wait_caught_up(pg)
    multisink.stop()
    client = redis.client()
    position = next(k for k in client.keys("*") if k.endswith(":pos"))
    client.delete(position)
    client.set(position, "nonsense")
    multisink.start(wait=False)
    assert told(multisink) == "E0533"


def test_a_command_that_redis_refuses_is_parked_with_its_code(pg, redis, start):
    redis.client().set("n", "no number")
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis, {"insert": ["INCR", "n"]})))
    pg.execute("INSERT INTO engagement_events (event_ts) VALUES (now())")
    multisink.wait_caught_up(pg)
    result = multisink.cli("dlq", "list", "--json", "--config", multisink.config_path)
    assert "E0540" in result.stdout
