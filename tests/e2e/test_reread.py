# SPDX-License-Identifier: Apache-2.0
"""A value that PostgreSQL does not send (a key change leaves a TOAST value alone) is read again from the table. The
commit may reach us before other sessions see the row."""
import threading

from servers import wait_until
from test_postgres import BIG, Table


def test_a_row_that_is_not_yet_visible_is_waited_for(empty_pg, start):
    pg = empty_pg
    with Table(pg, start, "CREATE TABLE t (id int PRIMARY KEY, n int, big text)") as t:
        t.after(f"INSERT INTO t VALUES (1, 1, {BIG}), (2, 2, repeat('old', 2000))")
        big = pg.value("SELECT big FROM t WHERE id = 1")
        # A commit waits, unseen by others, for a standby that does not exist; its WAL is sent meanwhile.
        pg.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        pg.execute("SELECT pg_reload_conf()")
        wait_until(lambda: pg.value("SHOW synchronous_standby_names") == "nobody", 10, "the setting holds")
        # The new key was that of another row, which is what others still see.
        both = threading.Thread(target=pg.execute, args=("DO $$BEGIN DELETE FROM t WHERE id = 2; "
                                                         "UPDATE t SET id = 2 WHERE id = 1; END$$",))
        both.start()
        wait_until(lambda: pg.execute("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'"), 10, "it waits")
        wait_until(lambda: pg.execute("SELECT 1 FROM pg_stat_activity WHERE query LIKE '%%pg_visible_in_snapshot%%' "
                                      "AND pid <> pg_backend_pid()"), 10, "the row is asked for")
        assert len(t.endpoint.requests) == 2
        pg.execute("ALTER SYSTEM RESET synchronous_standby_names")
        pg.execute("SELECT pg_reload_conf()")
        both.join(20)
        t.multisink.wait_caught_up(pg, 30)
        assert t.endpoint.events()[-1]["body"] == {"id": 2, "n": 1, "big": big}
