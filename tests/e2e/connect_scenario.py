# SPDX-License-Identifier: Apache-2.0
"""Requests that are sent to a real Kafka Connect worker and to multisink alike, and how the answers are compared.

    record(url, pg) -> {label: {"status": 201, "body": ...}}    the answers, without what differs from run to run

tests/golden/connect/answers.json holds those of Kafka Connect 3.9.1 with Debezium 2.5.4. DIFFERENCES names every
request that multisink answers in another way, and what it answers.
"""
import json
import re
import time
import urllib.error
import urllib.request

CLASS = "io.debezium.connector.postgresql.PostgresConnector"
NAME = "engagement-cdc"
ONE = f"/connectors/{NAME}"


def seed_config(pg):
    """The connector configuration of the seed, word for word but for the port."""
    return {
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "plugin.name": "pgoutput",
        "database.hostname": "localhost",
        "database.port": str(pg.port),
        "database.user": "mohammed",
        "database.password": "master",
        "database.dbname": "engagement_db",
        "database.server.name": "engagement_project",
        "topic.prefix": "engagement_project",
        "table.include.list": "public.engagement_events",
        "publication.name": "engagement_pub",
        "slot.name": "cdc_slot",
        "database.allowPublicKeyRetrieval": "true",
        "database.sslmode": "disable",
        "transforms": "unwrap",
        "transforms.unwrap.type": "io.debezium.transforms.ExtractNewRecordState",
    }


def request(url, method, path, body=None, headers=None, timeout=60):
    """(status, headers, body as JSON, or None when there is none) of one request; a refusal is an answer too."""
    data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
    wanted = {"Content-Type": "application/json"} if headers is None else headers
    made = urllib.request.Request(url + path, data, method=method, headers=wanted)
    try:
        with urllib.request.urlopen(made, timeout=timeout) as answer:
            status, head, text = answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        status, head, text = refusal.code, refusal.headers, refusal.read().decode()
    return status, head, json.loads(text) if text else None


def steps(pg):
    """(label, method, path, body, headers, state to wait for)"""
    config = seed_config(pg)
    bad = {"connector.class": CLASS}
    stopped = {"offsets": [{"partition": {"server": "engagement_project"}, "offset": {"lsn": 1}}]}
    unset = {"offsets": [{"partition": {"server": "engagement_project"}, "offset": None}]}
    plain = {"Content-Type": "text/plain"}
    makes = [
        ("root", "GET", "/"),
        ("health", "GET", "/health"),
        ("nothing yet", "GET", "/connectors"),
        ("plugins", "GET", "/connector-plugins"),
        ("create", "POST", "/connectors", {"name": NAME, "config": config}),
        ("create again", "POST", "/connectors", {"name": NAME, "config": config}),
        ("runs", "GET", f"{ONE}/status", None, None, "RUNNING"),
        ("info", "GET", ONE),
        ("list", "GET", "/connectors"),
        ("list with a slash", "GET", "/connectors/"),
        ("list of states", "GET", "/connectors?expand=status"),
        ("list of all", "GET", "/connectors?expand=status&expand=info"),
        ("list of nothing", "GET", "/connectors?expand=bogus"),
        ("config", "GET", f"{ONE}/config"),
        ("tasks", "GET", f"{ONE}/tasks"),
        ("tasks-config", "GET", f"{ONE}/tasks-config"),
        ("task", "GET", f"{ONE}/tasks/0/status"),
        ("no task", "GET", f"{ONE}/tasks/7/status"),
        ("task of no number", "GET", f"{ONE}/tasks/x/status"),
        ("topics", "GET", f"{ONE}/topics"),
        ("put the same", "PUT", f"{ONE}/config", config),
        ("patch", "PATCH", f"{ONE}/config", {"max.batch.size": "1024", "nothing.known": "1"}),
        ("patch away", "PATCH", f"{ONE}/config", {"nothing.known": None}),
        ("runs changed", "GET", f"{ONE}/status", None, None, "RUNNING"),
    ]
    states = [
        ("pause", "PUT", f"{ONE}/pause"),
        ("paused", "GET", f"{ONE}/status", None, None, "PAUSED"),
        ("pause again", "PUT", f"{ONE}/pause"),
        ("resume", "PUT", f"{ONE}/resume"),
        ("resumed", "GET", f"{ONE}/status", None, None, "RUNNING"),
        ("restart", "POST", f"{ONE}/restart"),
        ("restart with tasks", "POST", f"{ONE}/restart?includeTasks=true&onlyFailed=false"),
        ("restarted", "GET", f"{ONE}/status", None, None, "RUNNING"),
        ("restart what failed", "POST", f"{ONE}/restart?includeTasks=true&onlyFailed=true"),
        ("restart maybe", "POST", f"{ONE}/restart?includeTasks=maybe"),
        ("restart task", "POST", f"{ONE}/tasks/0/restart"),
        ("restarted task", "GET", f"{ONE}/status", None, None, "RUNNING"),
        ("restart no task", "POST", f"{ONE}/tasks/5/restart"),
        ("offsets while it runs", "PATCH", f"{ONE}/offsets", stopped),
        ("reset while it runs", "DELETE", f"{ONE}/offsets"),
        ("stop", "PUT", f"{ONE}/stop"),
        ("stopped", "GET", f"{ONE}/status", None, None, "STOPPED"),
        ("info of the stopped", "GET", ONE),
        ("no offsets", "PATCH", f"{ONE}/offsets", {"offsets": []}),
        ("no word of offsets", "PATCH", f"{ONE}/offsets", {}),
        ("alter offsets", "PATCH", f"{ONE}/offsets", stopped),
        ("unset offsets", "PATCH", f"{ONE}/offsets", unset),
        ("reset offsets", "DELETE", f"{ONE}/offsets"),
        ("offsets", "GET", f"{ONE}/offsets"),
        ("resume the stopped", "PUT", f"{ONE}/resume"),
        ("runs again", "GET", f"{ONE}/status", None, None, "RUNNING"),
        ("reset topics", "PUT", f"{ONE}/topics/reset"),
    ]
    nobody = [
        ("no connector", "GET", "/connectors/nope"),
        ("status of none", "GET", "/connectors/nope/status"),
        ("config of none", "GET", "/connectors/nope/config"),
        ("offsets of none", "GET", "/connectors/nope/offsets"),
        ("tasks of none", "GET", "/connectors/nope/tasks"),
        ("task of none", "GET", "/connectors/nope/tasks/0/status"),
        ("topics of none", "GET", "/connectors/nope/topics"),
        ("delete none", "DELETE", "/connectors/nope"),
        ("pause none", "PUT", "/connectors/nope/pause"),
        ("resume none", "PUT", "/connectors/nope/resume"),
        ("stop none", "PUT", "/connectors/nope/stop"),
        ("restart none", "POST", "/connectors/nope/restart"),
        ("restart none with tasks", "POST", "/connectors/nope/restart?includeTasks=true"),
        ("restart task of none", "POST", "/connectors/nope/tasks/0/restart"),
        ("reset topics of none", "PUT", "/connectors/nope/topics/reset"),
        ("alter offsets of none", "PATCH", "/connectors/nope/offsets", stopped),
        ("reset offsets of none", "DELETE", "/connectors/nope/offsets"),
        ("patch none", "PATCH", "/connectors/nope/config", {"a": "b"}),
        ("a name with a slash", "GET", "/connectors/a%2Fb"),
        ("a name with a space", "GET", "/connectors/a%20b"),
        ("no such page", "GET", "/nosuch"),
        ("no such method", "POST", "/", {}),
        ("put the list", "PUT", "/connectors", {}),
        ("delete a status", "DELETE", f"{ONE}/status"),
    ]
    refused = [
        ("not JSON", "POST", "/connectors", b'{"name":'),
        ("a list", "POST", "/connectors", b"[]"),
        ("no body", "POST", "/connectors", b""),
        ("no class", "POST", "/connectors", {"name": "x", "config": {}}),
        ("no config", "POST", "/connectors", {"name": "x"}),
        ("unknown class", "POST", "/connectors", {"name": "x", "config": {"connector.class": "nope"}}),
        ("two names", "POST", "/connectors", {"name": "x", "config": {"name": "y", "connector.class": "nope"}}),
        ("a field too many", "POST", "/connectors", {"name": "x", "bogus": 1, "config": bad}),
        ("no such state", "POST", "/connectors", {"name": "x", "initial_state": "JUMPING", "config": bad}),
        ("four missing", "POST", "/connectors", {"name": "x", "config": bad}),
        ("a wrong choice", "POST", "/connectors", {"name": "x", "config": {**config, "snapshot.mode": "sometimes"}}),
        ("a wrong number", "POST", "/connectors", {"name": "x", "config": {**config, "database.port": "abc"}}),
        ("wrong tasks", "POST", "/connectors", {"name": "x", "config": {**config, "tasks.max": "none"}}),
        ("unknown transform", "POST", "/connectors", {"name": "x", "config": {
            **config, "transforms": "r", "transforms.r.type": "no.Such"}}),
        ("nobody there", "POST", "/connectors", {"name": "x", "config": {**config, "database.port": "1"}}),
        ("an object", "POST", "/connectors", {"name": "x", "config": {**bad, "o": {}}}),
        ("a form", "POST", "/connectors", b"name=x", {"Content-Type": "application/x-www-form-urlencoded"}),
        ("plain text", "POST", "/connectors", b"{}", plain),
        ("put an unknown class", "PUT", "/connectors/y/config", {"connector.class": "nope"}),
        ("put another name", "PUT", "/connectors/y/config", {"name": "z", "connector.class": "nope"}),
        ("validate none", "PUT", "/connector-plugins/nope/config/validate", {"connector.class": "nope"}),
        ("validate another", "PUT", "/connector-plugins/PostgresConnector/config/validate",
         {"connector.class": "nope"}),
        ("validate nothing", "PUT", "/connector-plugins/PostgresConnector/config/validate", {}),
        ("validate", "PUT", "/connector-plugins/PostgresConnector/config/validate", {**config, "name": "v"}),
        ("validate four missing", "PUT", f"/connector-plugins/{CLASS}/config/validate", {**bad, "name": "v"}),
        ("config of no plugin", "GET", "/connector-plugins/nope/config"),
        ("config of the plugin", "GET", f"/connector-plugins/{CLASS}/config"),
    ]
    ends = [
        ("root's level", "GET", "/admin/loggers/root"),
        ("no logger", "GET", "/admin/loggers/nope"),
        ("a wrong level", "PUT", "/admin/loggers/root", {"level": "nonsense"}),
        ("no level", "PUT", "/admin/loggers/root", {}),
        ("set all levels", "PUT", "/admin/loggers/root?scope=cluster", {"level": "INFO"}),
        ("created stopped", "POST", "/connectors", {"name": "late", "initial_state": "STOPPED", "config": {
            **config, "topic.prefix": "late", "slot.name": "late"}}),
        ("is stopped", "GET", "/connectors/late/status", None, None, "STOPPED"),
        ("put a new one", "PUT", "/connectors/other/config", {**config, "topic.prefix": "other", "slot.name": "other"}),
        ("delete the new one", "DELETE", "/connectors/other"),
        ("delete the stopped", "DELETE", "/connectors/late"),
        ("delete", "DELETE", ONE),
        ("deleted", "GET", ONE),
        ("nothing any more", "GET", "/connectors"),
    ]
    return [(*s, None, None, None)[:6] for s in makes + states + nobody + refused + ends]


def state_of(url, path):
    status, _, body = request(url, "GET", path)
    return status == 200 and {body["connector"]["state"], *(t["state"] for t in body["tasks"])}


def settle(url, path, state, timeout=60.0):
    """Connect does what it is asked some time later. A connector that runs has its task."""
    deadline = time.monotonic() + timeout
    wanted = {state}
    while time.monotonic() < deadline:
        if state_of(url, path) == wanted and (state == "STOPPED" or request(url, "GET", path)[2]["tasks"]):
            return
        time.sleep(0.1)
    raise TimeoutError(f"{path} does not become {state}: {request(url, 'GET', path)[2]}")


def normal(value, url, pg):
    """Without ports, identities, passwords, and the wording of documentation."""
    if isinstance(value, dict):
        known = {k: normal(v, url, pg) for k, v in value.items()}
        for key in ("trace", "documentation", "commit", "kafka_cluster_id", "last_modified"):
            if known.get(key):
                known[key] = key.upper()
        return known
    if isinstance(value, list):
        return [normal(v, url, pg) for v in value]
    if isinstance(value, str):
        value = value.replace(url.removeprefix("http://"), "WORKER")
        value = re.sub(rf"(?<!\d){pg.port}(?!\d)", "PORT", value)
        value = re.sub(r"location='[^']*'", "LOCATION", value)
        return "PASSWORD" if value in ("master", "********") else value
    return value


def properties(definitions):
    """What clients go by, under each property's name; the rest of a definition is prose and layout."""
    keys = ("type", "default_value", "importance", "group", "order", "required")
    return {d["name"]: {k: d[k] for k in keys} for d in definitions}


def reduced(label, body):
    """The long answers about properties, as far as they are the same by intent."""
    if label == "config of the plugin":
        return properties(body)
    if label.startswith("validate") and isinstance(body, dict) and "configs" in body:
        errors = {c["value"]["name"]: c["value"]["errors"] for c in body["configs"] if c["value"]["errors"]}
        return {"name": body["name"], "error_count": body["error_count"], "errors": errors}
    if label == "plugins":
        return [p for p in body if p["type"] == "source"]
    if label == "root's level":
        return sorted(body)
    return body


def record(url, pg):
    answers = {}
    for label, method, path, body, headers, state in steps(pg):
        if state:
            settle(url, path, state)
        status, head, answer = request(url, method, path, body, headers)
        while status == 409 and "rebalance" in str(answer).lower():
            time.sleep(0.3)
            status, head, answer = request(url, method, path, body, headers)
        entry = {"status": status, "body": reduced(label, normal(answer, url, pg))}
        if head.get("Location"):
            entry["location"] = re.sub(r"^https?://[^/]+", "", head["Location"])
        answers[label] = entry
    return answers


# What Connect answers with an exception of its JSON library, and 500, is the client's fault: 400, and says what it is.
UNREADABLE = "a body that cannot be read is the client's fault"
CLASSES = "other classes are available"
# label -> (why, the status that multisink answers with, what its body has)
DIFFERENCES = {
    "create": ("the task is there at once", 201, '"task": 0'),
    "put a new one": ("the task is there at once", 201, '"task": 0'),
    "alter offsets": ("the log continues the slot without a gap", 400, "can be reset (null), not altered"),
    "unset offsets": ("no offsets are managed externally", 200, "have been altered successfully"),
    "reset offsets": ("no offsets are managed externally", 200, "have been reset successfully"),
    "not JSON": (UNREADABLE, 400, "The body is not JSON"),
    "a list": (UNREADABLE, 400, "not a JSON object"),
    "no body": (UNREADABLE, 400, "The body is not JSON"),
    "no config": (UNREADABLE, 400, "config"),
    "a field too many": (UNREADABLE, 400, "Unrecognized field"),
    "no such state": (UNREADABLE, 400, "JUMPING"),
    "an object": (UNREADABLE, 400, "is not a text"),
    "unknown class": (CLASSES, 500, "Failed to find any class that implements Connector and which name matches nope"),
    "put an unknown class": (CLASSES, 500, "Failed to find any class that implements Connector"),
    "validate none": (CLASSES, 500, "Failed to find any class that implements Connector"),
    "validate nothing": (UNREADABLE, 400, "Connector config {} contains no connector type"),
    "a wrong number": ("each fault is said once", 400, "The 'database.port' value is invalid: An integer is expected"),
    "wrong tasks": ("each fault is said once", 400,
                    "Invalid value none for configuration tasks.max: Not a number of type INT"),
    "nobody there": ("another client library", 400, "Error while validating connector config: "),
}


def compare(real, ours):
    """What is not as it should be, one line each: a difference that is not named, or a named one that is none."""
    faults = []
    for label, answer in real.items():
        mine = ours[label]
        if label not in DIFFERENCES:
            if answer != mine:
                faults.append(f"{label}: Connect answers {answer}, multisink {mine}")
            continue
        why, status, has = DIFFERENCES[label]
        if answer == mine or mine["status"] != status or has not in json.dumps(mine["body"], ensure_ascii=False):
            faults.append(f"{label} ({why}): multisink answers {mine}")
    return faults
