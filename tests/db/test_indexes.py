"""Indexes are built beside traffic, whoever is slow and whatever was cut off before."""

import contextlib
import threading

import psycopg
import pytest

from config.settings import load_settings
from db import migrations
from db.indexes import invalid_indexes, rebuild_invalid_indexes
from db.migrations import migrate, pending_migrations, rollback
from tests.waiting import wait_until

ALL = sorted(
    path.name.removesuffix(".sql")
    for path in (migrations.SQL / "migrations").glob("*.sql")
    if ".rollback." not in path.name
)
LONG_WAIT = """
SELECT wait_event FROM pg_stat_activity
WHERE datname = current_database() AND query ~ 'INDEX.* CONCURRENTLY' AND wait_event_type = 'Lock'
  AND now() - query_start > interval '1 s'
"""


@pytest.fixture
def hasty(database_url):
    """Settings with which any wait for a lock is over long before ``LONG_WAIT`` sees it."""
    return load_settings(database_url=database_url, lock_timeout_s=0.05)


@pytest.fixture
def psql(database_url):
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@contextlib.contextmanager
def old_snapshot(database_url):
    """A report on another table that has begun, and ends with the block."""
    with psycopg.connect(database_url) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SELECT count(*) FROM tenants")
        yield
        connection.rollback()


def in_thread(work):
    """Start it; returns a function that waits for its end: what it returned, or its exception."""
    outcome = []

    def run():
        try:
            outcome.append(work())
        except Exception as error:  # noqa: BLE001 - handed over to the test
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()

    def end():
        thread.join(60)
        return outcome[0]

    end.over = lambda: not thread.is_alive()
    return end


def make_invalid(psql, name):
    """What a build that was cut off leaves."""
    psql.execute(
        "UPDATE pg_index SET indisvalid = false, indisready = false"
        " WHERE indexrelid = %s::regclass",
        [name],
    )


def migrated_past_a_snapshot(settings, psql, database_url):
    """What ``migrate`` returns while a report runs, which ends once somebody waited for it."""
    with old_snapshot(database_url):
        end = in_thread(lambda: migrate(settings))
        wait_until(lambda: end.over() or psql.execute(LONG_WAIT).fetchall())
        psql.execute("SET statement_timeout = '2 s'")
        psql.execute("UPDATE contacts SET updated_at = now()")  # nobody queues behind the build
        psql.execute("UPDATE pending_executions SET attempts = 1")
        assert not end.over(), end()
    return end()


def test_an_invalid_index_is_built_again_past_an_old_snapshot(hasty, psql, database_url):
    make_invalid(psql, "idx_contacts_created_at")

    result = migrated_past_a_snapshot(hasty, psql, database_url)

    assert result == migrations.MigrationResult([], ["idx_contacts_created_at"])
    assert invalid_indexes(psql) == []


def test_a_migration_builds_its_indexes_past_an_old_snapshot(hasty, psql, database_url):
    last = ALL[ALL.index("0010.engine_indexes") :]
    rollback(hasty, steps=len(last))

    result = migrated_past_a_snapshot(hasty, psql, database_url)

    assert result == migrations.MigrationResult(last, [])
    assert invalid_indexes(psql) == []


@pytest.mark.parametrize(
    ("migration", "index", "on"),
    [
        # The statement after this one makes it the primary key, which an INVALID one can't be.
        (
            "0007.lifecycle",
            "pending_executions_by_enrollment",
            "pending_executions (tenant_id, journey_contact_id, id)",
        ),
        (
            "0010.engine_indexes",
            "idx_pending_executions_waiting",
            "pending_executions (tenant_id, journey_contact_id)",
        ),
    ],
)
def test_a_migration_that_was_cut_off_is_taken_up_again(hasty, psql, migration, index, on):
    rollback(hasty, steps=len(ALL) - ALL.index(migration))
    psql.execute(f"CREATE UNIQUE INDEX {index} ON {on}")
    make_invalid(psql, index)

    result = migrate(hasty)

    assert result == migrations.MigrationResult(ALL[ALL.index(migration) :], [])
    assert pending_migrations(hasty) == invalid_indexes(psql) == []


def test_remains_of_a_rebuild_are_dropped(psql):
    psql.execute("CREATE INDEX idx_contacts_created_at_ccnew ON contacts (created_at)")
    make_invalid(psql, "idx_contacts_created_at_ccnew")
    make_invalid(psql, "idx_contacts_created_at")

    assert rebuild_invalid_indexes(psql) == ["idx_contacts_created_at"]

    left = psql.execute(
        "SELECT indexrelid::regclass::text, indisvalid FROM pg_index"
        " WHERE indexrelid::regclass::text LIKE 'idx_contacts_created_at%'"
    ).fetchall()
    assert left == [("idx_contacts_created_at", True)]


def test_limits_of_the_session_are_as_before(psql):
    psql.execute("SET lock_timeout = '70 ms'")
    psql.execute("SET statement_timeout = '9 s'")
    make_invalid(psql, "idx_contacts_created_at")

    rebuild_invalid_indexes(psql)

    assert psql.execute("SHOW lock_timeout").fetchone() == ("70ms",)
    assert psql.execute("SHOW statement_timeout").fetchone() == ("9s",)
