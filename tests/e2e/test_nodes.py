# SPDX-License-Identifier: Apache-2.0
"""Three Cassandra nodes: each row goes to the node that owns it, and a node that is killed holds nothing up."""
import bisect
import contextlib
import os
import time

import pytest

import checker
import seed
from servers import Cassandra, Run, wait_until

pytestmark = [pytest.mark.skipif(not os.environ.get("MULTISINK_LONG"), reason="three JVMs: MULTISINK_LONG=1"),
              pytest.mark.timeout(900)]

ADDRESSES = ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
TOKENS = [-6148914691236517206, 0, 6148914691236517206]


@pytest.fixture(scope="module")
def nodes():
    with Run("multisink-nodes-") as run, contextlib.ExitStack() as stack:
        made = []
        for number, (address, token) in enumerate(zip(ADDRESSES, TOKENS), 1):
            extra = f"initial_token: {token}\nauto_bootstrap: false\n"
            made.append(stack.enter_context(Cassandra(run, label=f"node-{number}", heap="640m", commitlog="durable",
                                                      yaml_extra=extra, address=address,
                                                      first=made[0] if made else None)))
        wait_until(lambda: all(len(n.execute("SELECT peer FROM system.peers_v2")) == 2 for n in made), 60, "they meet")
        yield made


def make_keyspace(node, keyspace, replicas):
    node.execute(f"DROP KEYSPACE IF EXISTS {keyspace}",
                 f"CREATE KEYSPACE {keyspace} WITH replication = "
                 f"{{'class': 'SimpleStrategy', 'replication_factor': {replicas}}}",
                 seed.TABLE_CQL.format(keyspace=keyspace))


def sink(nodes, keyspace, **more):
    points = [f"{n.address}:{n.port}" for n in nodes]
    return seed.cassandra_sink(nodes[0], keyspace, name=keyspace, contact_points=points, **more)


def requests_taken(node):
    """How many requests of the program this node has answered so far."""
    rows = node.execute("SELECT driver_name, request_count FROM system_views.clients")
    return sum(row.request_count for row in rows if "multisink" in (row.driver_name or ""))


def test_each_row_goes_to_the_node_that_owns_it(nodes, pg, start):
    make_keyspace(nodes[0], "single", 1)
    multisink = start(seed.pipeline(pg, sink(nodes, "single")))
    pg.execute("INSERT INTO engagement_events (event_ts) VALUES (now())")
    multisink.wait_caught_up(pg)
    before = [requests_taken(n) for n in nodes]
    pg.execute("INSERT INTO engagement_events (event_ts) SELECT now() FROM generate_series(1, 900)")
    multisink.wait_caught_up(pg)
    taken = [requests_taken(n) - b for n, b in zip(nodes, before)]
    owned = [0, 0, 0]
    for (token,) in nodes[0].execute("SELECT token(id) FROM single.engagement_events WHERE id > 1 ALLOW FILTERING"):
        owned[bisect.bisect_left(TOKENS, token) % 3] += 1
    assert sum(owned) == 900 and min(owned) > 200
    assert all(own <= took <= own + 10 for own, took in zip(owned, taken)), (owned, taken)


@pytest.mark.parametrize("victim", [2, 0])
def test_a_node_killed_under_load_and_back_leaves_all_replicas_exact(victim, nodes, pg, start):
    make_keyspace(nodes[1], "two", 2)
    make_keyspace(nodes[1], "three", 3)
    multisink = start(seed.pipeline(pg, sink(nodes, "two", consistency="LOCAL_ONE"),
                                    sink(nodes, "three", consistency="LOCAL_QUORUM")))
    with seed.Load(pg, rate=400):
        time.sleep(1.5)
        nodes[victim].kill()
        time.sleep(3)
        for name in ("two", "three"):  # the others take the rows meanwhile
            multisink.wait_sink(name, lambda s: (s["lag_seconds"] or 0) < 2, 30, f"{name} goes on without the node")
        time.sleep(1)
        nodes[victim].start()
        time.sleep(2)
    multisink.wait_caught_up(pg)
    reader = nodes[1]
    reader.consistency = "ALL"
    try:
        for keyspace in ("two", "three"):
            assert checker.settle(lambda k=keyspace: check(pg, reader, k)) == []
    finally:
        del reader.consistency


def check(pg, node, keyspace):
    from cassandra import ReadTimeout, Unavailable
    from cassandra.cluster import NoHostAvailable
    try:
        return checker.check_cassandra(pg, node, keyspace)
    except (NoHostAvailable, ReadTimeout, Unavailable) as fault:  # the node is not yet known to be back
        return [str(fault)]
