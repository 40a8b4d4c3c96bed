# SPDX-License-Identifier: Apache-2.0
"""Servers for the tests. Cassandra takes eleven seconds to start and Kafka five, so they are shared by the session: a
keyspace for each test, and no topics from the one before. PostgreSQL and Redis start at once, so every test has its
own."""
import os
import sys

import pytest

sys.dont_write_bytecode = True

import seed  # noqa: E402
import servers  # noqa: E402
import servers_kafka  # noqa: E402

LONG = bool(os.environ.get("MULTISINK_LONG"))


def pytest_report_header(config):
    return f"multisink: {servers.MULTISINK}, {'long' if LONG else 'short'} forms"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed and call.when != "teardown":
        for value in item.funcargs.values():
            run = value if isinstance(value, servers.Run) else getattr(value, "run", None)
            if isinstance(run, servers.Run):
                run.failed = True
        for value in item.funcargs.values():
            if isinstance(value, servers.Server):
                report.sections.append((f"{value.name}: {value.log_path}", value.log_tail(30)))


@pytest.fixture
def long():
    """Is this the long form?"""
    return LONG


@pytest.fixture
def run():
    with servers.Run() as made:
        yield made


@pytest.fixture(scope="session")
def session_run():
    with servers.Run("multisink-session-") as made:
        yield made


@pytest.fixture
def pg(run):
    """PostgreSQL with the seed's tables, REPLICA IDENTITY FULL, publication and slot."""
    with servers.Postgres(run) as server:
        seed.make_source(server)
        yield server


@pytest.fixture
def empty_pg(run):
    with servers.Postgres(run) as server:
        yield server


@pytest.fixture
def redis(run):
    with servers.Redis(run) as server:
        yield server


@pytest.fixture
def receiver(run):
    with servers.Receiver(run) as server:
        yield server


@pytest.fixture(scope="session")
def kafka_broker(session_run):
    with servers_kafka.Kafka(session_run) as server:
        yield server


@pytest.fixture
def kafka(kafka_broker):
    """The shared broker, without a topic; with them go the groups' offsets."""
    if not kafka_broker.running():
        kafka_broker.start()
    kafka_broker.delete(*kafka_broker.topics())
    return kafka_broker


@pytest.fixture(params=["log", "kafka"])
def stream(request):
    """For tests of what must be the same whatever the stream is: pytestmark = pytest.mark.usefixtures("stream"). In its
    second run seed.pipeline() makes a pipeline over Kafka."""
    if request.param == "kafka":
        seed.default_kafka = servers.Multisink.kafka = request.getfixturevalue("kafka")
    yield request.param
    seed.default_kafka = servers.Multisink.kafka = None


@pytest.fixture(scope="session")
def cassandra_node(session_run):
    with servers.Cassandra(session_run, commitlog="durable") as server:
        yield server


@pytest.fixture
def cassandra(cassandra_node):
    """The shared node with a fresh, empty engagement keyspace."""
    if not cassandra_node.running():
        cassandra_node.start()
    seed.make_cassandra(cassandra_node)
    return cassandra_node


@pytest.fixture
def start(run):
    """start(config) runs multisink on that pipeline and ends it after the test."""
    made = []

    def starter(config, wait=True, **kwargs):
        server = servers.Multisink(run, config, **kwargs)
        made.append(server)
        server.start(wait)
        return server

    yield starter
    for server in made:
        server.close()
