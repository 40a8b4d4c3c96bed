# SPDX-License-Identifier: Apache-2.0
"""What a target can answer, and what becomes of the record then."""
import base64
import hashlib
import hmac
import json
import time

import pytest

import checker
import seed
from endpoint import Endpoint
from servers import Redis, wait_until

pytestmark = pytest.mark.usefixtures("stream")

# ---- redis: parked records ---------------------------------------------------------------------------------------


def dlq(multisink, *words):
    return multisink.cli("dlq", *words, "--config", multisink.config_path)


def parked(multisink):
    """`dlq list --json` as a list."""
    result = dlq(multisink, "list", "--json")
    assert result.returncode in (0, 5), result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_command_that_redis_refuses_is_parked_shown_and_replayed(pg, redis, start):
    redis.client().set("board:" + seed.CONTENTS[0], "not a sorted set")
    commands = {"insert": ["ZINCRBY", "board:{{content_id}}", "1", "{{id}}"]}
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis, commands)))
    for content in seed.CONTENTS[:3]:
        pg.execute("INSERT INTO engagement_events (content_id, event_ts) VALUES (%s, now())", content)
    multisink.wait_caught_up(pg)
    assert redis.client().zcard("board:" + seed.CONTENTS[1]) == 1
    assert redis.client().zcard("board:" + seed.CONTENTS[2]) == 1
    record, = parked(multisink)
    assert record["sink"] == "top_content" and "WRONGTYPE" in json.dumps(record)
    assert multisink.sink("top_content")["parked"] == 1

    shown = dlq(multisink, "show", record["id"])
    assert shown.returncode == 0 and seed.CONTENTS[0] in shown.stdout

    redis.client().delete("board:" + seed.CONTENTS[0])
    assert dlq(multisink, "replay", "--sink", "top_content", record["id"]).returncode == 0
    wait_until(lambda: redis.client().zcard("board:" + seed.CONTENTS[0]) == 1, 20, "the record was replayed")
    wait_until(lambda: parked(multisink) == [], 20, "nothing is parked any more")


def test_a_parked_record_can_be_dropped(pg, redis, start):
    redis.client().set("board", "not a sorted set")
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis, {"insert": ["ZINCRBY", "board", "1", "{{id}}"]})))
    pg.execute("INSERT INTO engagement_events (event_ts) VALUES (now())")
    multisink.wait_caught_up(pg)
    record, = parked(multisink)
    assert dlq(multisink, "drop", "--sink", "top_content", record["id"]).returncode == 0
    wait_until(lambda: parked(multisink) == [], 20, "nothing is parked any more")
    assert redis.client().get("board") == "not a sorted set"


def test_an_argument_stays_one_argument_whatever_it_holds(pg, redis, start):
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis, {"insert": ["SET", "d:{{id}}", "<{{device}}>"]})))
    odd = ["a b", '"', "'; FLUSHALL", "\r\nSET x 1\r\n", "{{id}}", "ü🙂", ""]
    for device in odd:
        pg.execute("INSERT INTO engagement_events (event_ts, device) VALUES (now(), %s)", device)
    multisink.wait_caught_up(pg)
    rows = pg.execute("SELECT id, device FROM engagement_events")
    assert {f"d:{k}": f"<{d}>" for k, d in rows} == {k: redis.client().get(k) for k in redis.client().keys("d:*")}
    assert redis.client().exists("x") == 0


def test_several_commands_for_one_event_are_applied_together(pg, redis, start):
    commands = {"insert": [["INCR", "a"], ["INCR", "b"], ["HSET", "h:{{id}}", "type", "{{event_type}}"]]}
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis, commands)))
    for _ in range(30):
        pg.execute("INSERT INTO engagement_events (event_ts, event_type) VALUES (now(), 'play')")
    multisink.wait_caught_up(pg)
    client = redis.client()
    assert (client.get("a"), client.get("b"), len(client.keys("h:*"))) == ("30", "30", 30)


def complaint(sink):
    return (sink.get("last_error") or {}).get("code")


def test_a_redis_that_evicts_keys_is_refused(run, pg, start):
    """At the start, whether there is anything to write or not."""
    with Redis(run, maxmemory="64mb", maxmemory_policy="allkeys-lru") as redis:
        multisink = start(seed.pipeline(pg, seed.redis_sink(redis)), wait=False)
        told = multisink.wait_sink("top_content", complaint, 20, "the sink says why")
        assert "noeviction" in told["last_error"]["message"]


@pytest.mark.parametrize("settings", [{"requirepass": "open sesame"}])
def test_redis_with_a_password_and_a_database_number(run, pg, start, settings):
    import redis as driver
    with Redis(run) as server:
        server.client().config_set("requirepass", settings["requirepass"])
        sink = seed.redis_sink(server)
        sink["redis"]["url"] = f"redis://127.0.0.1:{server.port}/3"
        sink["redis"]["password"] = "${env:REDIS_WORD}"
        multisink = start(seed.pipeline(pg, sink), environment={"REDIS_WORD": settings["requirepass"]})
        seed.Writer(pg).write(100)
        multisink.wait_caught_up(pg)
        client = driver.Redis(port=server.port, db=3, password=settings["requirepass"], decode_responses=True)
        scores = dict(client.zrange(seed.SCORES, 0, -1, withscores=True))
        assert checker.compare_scores(checker.count_rows(pg), scores) == []
        assert settings["requirepass"] not in multisink.log_text()
        client.config_set("requirepass", "")


@pytest.mark.parametrize("fault", ["OOM", "READONLY", "NOSCRIPT"])
def test_redis_states_that_pass_are_waited_for(fault, pg, redis, start):
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis)))
    seed.Writer(pg).write(100)
    multisink.wait_caught_up(pg)
    client = redis.client()
    if fault == "OOM":
        client.config_set("maxmemory", "1mb")
    elif fault == "READONLY":
        client.replicaof("127.0.0.1", 1)
    else:
        client.script_flush()
    seed.Writer(pg, seed=2).write(200)
    if fault != "NOSCRIPT":
        multisink.wait_sink("top_content", lambda s: s.get("last_error"), 20, "the sink says what holds it up")
    client.config_set("maxmemory", "0")
    client.replicaof("NO", "ONE")
    multisink.wait_caught_up(pg)
    assert checker.check_redis(pg, redis) == []


def test_a_redis_that_was_emptied_is_told_and_not_filled_from_now(pg, redis, start):
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis)))
    seed.Writer(pg).write(100)
    multisink.wait_caught_up(pg)
    redis.client().flushall()
    multisink.stop()
    seed.Writer(pg, seed=2).write(50)
    multisink.start(wait=False)
    told = multisink.wait_sink("top_content", lambda s: s.get("last_error"), 20, "the sink says that it is lost")
    assert told["last_error"]["code"] == "E0804"
    assert redis.client().exists(seed.SCORES) == 0


# ---- http --------------------------------------------------------------------------------------------------------

ONE = "INSERT INTO engagement_events (id, event_ts, duration_ms, raw_payload) VALUES (%s, now(), 0, '{\"v\": 0}')"
MORE = ("UPDATE engagement_events SET duration_ms = duration_ms + 1, raw_payload = "
        "jsonb_set(raw_payload, '{v}', to_jsonb((raw_payload->>'v')::int + 1)) WHERE id = %s")


def keys(endpoint, key):
    """Versions of a row in the order in which they came."""
    return [r.body["raw_payload"]["v"] for r in endpoint.requests if r.body.get("id") == key]


def test_a_4xx_is_parked_and_later_records_of_its_key_wait_behind_it(pg, start):
    poison = {"on": True}

    def answer(request):
        return (422, {}, '{"error":"region missing"}') if poison["on"] and request.body["id"] == 7 else 200

    with Endpoint(answer) as endpoint:
        multisink = start(seed.pipeline(pg, seed.http_sink(url=endpoint.url)))
        for key in (7, 8):
            pg.execute(ONE, key)
        for _ in range(3):
            pg.execute(MORE, 7)
            pg.execute(MORE, 8)
        multisink.wait_caught_up(pg)
        assert keys(endpoint, 7) == [0], "asked once, and never overtaken"
        assert keys(endpoint, 8) == [0, 1, 2, 3]
        records = parked(multisink)
        assert len(records) == 4
        assert "422" in json.dumps(records) and "region missing" in json.dumps(records)
        poison["on"] = False
        assert dlq(multisink, "replay", "--sink", "api", "--all").returncode == 0
        wait_until(lambda: keys(endpoint, 7) == [0, 0, 1, 2, 3], 20, "all of the key, in order")
        pg.execute(MORE, 7)
        multisink.wait_caught_up(pg)
        assert keys(endpoint, 7)[-1] == 4


@pytest.mark.parametrize("status", [408, 500, 502, 503])
def test_what_can_pass_is_asked_again_with_the_same_id(status, pg, start):
    with Endpoint(lambda request: status if len(endpoint.requests) < 4 else 200) as endpoint:
        multisink = start(seed.pipeline(pg, seed.http_sink(url=endpoint.url)))
        pg.execute(ONE, 1)
        multisink.wait_caught_up(pg)
        ids = {r.headers["webhook-id"] for r in endpoint.requests}
        assert len(endpoint.requests) == 4 and len(ids) == 1
        assert parked(multisink) == []


def test_a_429_waits_as_long_as_retry_after_says(pg, start):
    with Endpoint(lambda request: (429, {"retry-after": "2"}) if len(endpoint.requests) == 1 else 200) as endpoint:
        multisink = start(seed.pipeline(pg, seed.http_sink(url=endpoint.url)))
        pg.execute(ONE, 1)
        multisink.wait_caught_up(pg)
        first, second = endpoint.requests
        assert second.at - first.at >= 1.9


def test_a_redirect_is_never_followed(pg, start):
    with Endpoint() as elsewhere, Endpoint(lambda request: (302, {"location": elsewhere.url})) as endpoint:
        multisink = start(seed.pipeline(pg, seed.http_sink(url=endpoint.url)))
        pg.execute(ONE, 1)
        wait_until(lambda: endpoint.requests, 20, "the endpoint was asked")
        multisink.wait_sink("api", lambda s: s.get("last_error") or s.get("parked"), 20, "it counts as a failure")
        assert elsewhere.requests == []


def test_a_connection_that_breaks_is_made_again(pg, start):
    with Endpoint(lambda request: None if len(endpoint.requests) < 3 else 200) as endpoint:
        multisink = start(seed.pipeline(pg, seed.http_sink(url=endpoint.url)))
        pg.execute(ONE, 1)
        multisink.wait_caught_up(pg)
        assert len({r.headers["webhook-id"] for r in endpoint.requests}) == 1


def test_requests_are_signed_as_standard_webhooks(pg, start):
    key = base64.b64encode(b"a key of twenty-four byte").decode()
    with Endpoint() as endpoint:
        sink = seed.http_sink(url=endpoint.url, secret="${env:HOOK}")
        multisink = start(seed.pipeline(pg, sink), environment={"HOOK": "whsec_" + key})
        pg.execute(ONE, 1)
        multisink.wait_caught_up(pg)
        request, = endpoint.requests
        signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.text
        want = base64.b64encode(hmac.new(base64.b64decode(key), signed, hashlib.sha256).digest()).decode()
        assert f"v1,{want}" in request.headers["webhook-signature"].split()
        assert request.headers["idempotency-key"] == request.headers["webhook-id"]
        assert abs(int(request.headers["webhook-timestamp"]) - time.time()) < 60
        assert key not in multisink.log_text()


def test_the_body_is_the_row_as_flat_json(pg, start):
    with Endpoint() as endpoint:
        multisink = start(seed.pipeline(pg, seed.http_sink(url=endpoint.url)))
        pg.execute("INSERT INTO engagement_events VALUES (5, %s, %s, 'play', '2026-01-01 02:00:00.25+02', 7000, "
                   "'android', '{\"a\": [1, \"x\"]}')", seed.CONTENTS[0], seed.CONTENTS[1])
        multisink.wait_caught_up(pg)
        request, = endpoint.requests
        assert request.method == "POST" and request.headers["x-multisink-op"] == "insert"
        assert request.headers["content-type"].startswith("application/json")
        assert checker.normal_time(request.body.pop("event_ts")) == checker.normal_time("2026-01-01T00:00:00.25Z")
        assert request.body == {"id": 5, "content_id": seed.CONTENTS[0], "user_id": seed.CONTENTS[1],
                                "event_type": "play", "duration_ms": 7000, "device": "android",
                                "raw_payload": {"a": [1, "x"]}}


def test_deletes_can_be_left_out(pg, start):
    with Endpoint() as endpoint:
        multisink = start(seed.pipeline(pg, seed.http_sink(url=endpoint.url, on_delete="skip")))
        pg.execute(ONE, 1)
        pg.execute("DELETE FROM engagement_events")
        multisink.wait_caught_up(pg)
        assert [e["op"] for e in endpoint.events()] == ["insert"]


def test_the_envelope_has_before_after_op_and_source(pg, start):
    with Endpoint() as endpoint:
        multisink = start(seed.pipeline(pg, seed.http_sink(url=endpoint.url, envelope="debezium-like")))
        pg.execute(ONE, 1)
        pg.execute(MORE, 1)
        multisink.wait_caught_up(pg)
        body = endpoint.requests[-1].body
        assert body["before"]["duration_ms"] == 0 and body["after"]["duration_ms"] == 1
        assert body["op"] == "u" and body["source"]["table"] == "engagement_events"


def test_batches_are_arrays_in_order(pg, start):
    with Endpoint() as endpoint:
        multisink = start(seed.pipeline(pg, seed.http_sink(url=endpoint.url, batch={"max": 50})))
        with pg.connect(autocommit=False) as db:
            for key in range(1, 201):
                db.execute(ONE, (key,))
            db.commit()
        multisink.wait_caught_up(pg)
        assert all(isinstance(r.body, list) and len(r.body) <= 50 for r in endpoint.requests)
        # Lists of different keys are under way at once: order is kept within a list, and per key.
        lists = [[row["id"] for row in r.body] for r in endpoint.requests]
        assert all(ids == sorted(ids) for ids in lists)
        assert sorted(key for ids in lists for key in ids) == list(range(1, 201))


# ---- cassandra ---------------------------------------------------------------------------------------------------


def test_cassandra_rows_follow_nulls_updates_and_deletes(pg, cassandra, start):
    multisink = start(seed.pipeline(pg, seed.cassandra_sink(cassandra)))
    pg.execute("INSERT INTO engagement_events VALUES (1, %s, NULL, 'play', now(), 5, 'web', NULL), "
               "(2, NULL, NULL, NULL, now(), NULL, NULL, NULL), (3, NULL, NULL, NULL, now(), NULL, NULL, NULL)",
               seed.CONTENTS[0])
    pg.execute("UPDATE engagement_events SET device = NULL, duration_ms = 6 WHERE id = 1")
    pg.execute("DELETE FROM engagement_events WHERE id = 2")
    pg.execute("UPDATE engagement_events SET id = 4 WHERE id = 3")
    multisink.wait_caught_up(pg)
    assert checker.check_cassandra(pg, cassandra) == []


def test_a_mapping_that_cannot_work_is_told_at_the_start_with_all_its_faults(pg, cassandra, start):
    cassandra.execute("CREATE TABLE engagement.wrong (id text PRIMARY KEY, content_id int, user_id uuid)")
    sink = seed.cassandra_sink(cassandra, columns=["id", "content_id", "nothing"])
    sink["cassandra"]["table"] = "engagement.wrong"
    multisink = start(seed.pipeline(pg, sink), wait=False)
    told = multisink.wait_sink("events", complaint, 30, "the sink says what is wrong")
    message = told["last_error"]["message"]
    assert told["last_error"]["code"] == "E0652" and "content_id" in message and "nothing" in message


def test_a_value_that_cassandra_cannot_hold_is_parked_and_the_rest_goes_on(empty_pg, cassandra, start, stream):
    pg = empty_pg
    pg.execute("CREATE TABLE t (id int PRIMARY KEY, n numeric)")
    pg.execute("CREATE PUBLICATION p FOR TABLE t")
    cassandra.execute("CREATE TABLE engagement.t (id int PRIMARY KEY, n decimal)")
    sink = {"name": "events", "from": "public.t",
            "cassandra": {"contact_points": [f"127.0.0.1:{cassandra.port}"], "local_dc": "datacenter1",
                          "table": "engagement.t"}}
    source = {"postgres": {"url": pg.url, "slot": "s", "publication": "p", "tables": ["public.t"]}}
    multisink = start(seed.pipeline(pg, sink, source=source))
    pg.execute("INSERT INTO t VALUES (1, 1.50), (2, 'NaN'), (3, 12345678901234567890.5)")
    multisink.wait_caught_up(pg)
    rows = {r.id: str(r.n) for r in cassandra.execute("SELECT * FROM engagement.t")}
    # Debezium's format loses the last zeros of a numeric without a scale (docs/kafka.md).
    assert rows == {1: "1.50" if stream == "log" else "1.5", 3: "12345678901234567890.5"}
    record, = parked(multisink)
    assert "NaN" in json.dumps(record) and "n" in json.dumps(record)
