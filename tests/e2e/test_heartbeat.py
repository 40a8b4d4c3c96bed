# SPDX-License-Identifier: Apache-2.0
"""The heartbeat: a statement of the user's that is run in the source now and then."""
import pytest

import seed
from servers import wait_until

pytestmark = pytest.mark.usefixtures("stream")


def source(pg, query):
    return {"postgres": {**seed.source_config(pg)["postgres"], "heartbeat": {"query": query, "interval": "1s"}}}


def test_a_heartbeat_beats_while_nothing_comes(pg, redis, start):
    pg.execute("CREATE TABLE beat (id int PRIMARY KEY, n int)")
    start(seed.pipeline(pg, seed.redis_sink(redis), source=source(
        pg, "INSERT INTO public.beat VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET n = beat.n + 1")))
    wait_until(lambda: pg.execute("SELECT n FROM beat WHERE n >= 3"), 30, "three beats")


def test_a_query_that_is_refused_is_said_once_and_harms_nothing(pg, redis, start):
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis), source=source(pg, "INSERT INTO public.beat VALUES (1)")))
    wait_until(lambda: "the heartbeat's query" in multisink.log_text(), 20, "it is said")
    seed.Writer(pg).write(20)
    multisink.wait_caught_up(pg)
    pg.execute("CREATE TABLE beat (n int)")
    wait_until(lambda: "works again" in multisink.log_text(), 20, "it works again")
    assert multisink.log_text().count("E0408") == 1
    assert pg.value("SELECT count(*) FROM beat") > 0
