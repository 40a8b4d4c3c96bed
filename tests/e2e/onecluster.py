# SPDX-License-Identifier: Apache-2.0
"""Fixtures for files with many short tests: one PostgreSQL for all of them, and a database of its own for each. A file
takes them in place of those of conftest.py by importing cluster, pg and empty_pg."""
import contextlib
import itertools

import pytest

import seed
from servers import Postgres, wait_until

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def cluster(session_run):
    with Postgres(session_run) as server:
        yield server


def clean(server, database):
    """Drops what a test left: its database with all who are in it, its slots and its roles."""
    import psycopg
    server.database = "postgres"
    server.execute(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS false')

    def dropped():
        with contextlib.suppress(psycopg.Error):
            server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                           " AND (backend_type = 'walsender' OR datname <> 'postgres')")
            server.execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")
            server.execute(f'DROP DATABASE "{database}" WITH (FORCE)')
            return True
        return False

    wait_until(dropped, 20, "the database is dropped")
    for name, in server.execute("SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres'"):
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    for name, in server.execute("SELECT rolname FROM pg_roles WHERE rolname NOT LIKE 'pg\\_%%' AND NOT rolsuper"):
        server.execute(f'DROP ROLE "{name}"')


@pytest.fixture
def empty_pg(cluster):
    database = f"engagement_{next(_numbers)}"
    cluster.database = "postgres"
    cluster.execute(f'CREATE DATABASE "{database}"')
    cluster.database = database
    yield cluster
    clean(cluster, database)


@pytest.fixture
def pg(empty_pg):
    """With the seed's tables, REPLICA IDENTITY FULL, publication and slot."""
    seed.make_source(empty_pg)
    return empty_pg
