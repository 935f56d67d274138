import threading

import psycopg
import pytest
import structlog
from sqlalchemy import text

from db.counter import count_statements, uncounted
from db.engine import Database


def test_every_way_to_the_server_is_seen(database):
    with count_statements() as count:
        with database.transaction() as connection:
            connection.execute("CREATE TEMP TABLE t (n integer) ON COMMIT DROP")
            with connection.cursor() as cursor:
                cursor.executemany("INSERT INTO t VALUES (%s)", [(1,), (2,), (3,)])
                with cursor.copy("COPY t FROM STDIN") as copy:
                    copy.write_row((4,))
            with connection.transaction():  # a savepoint
                assert len(connection.execute("SELECT n FROM t").fetchall()) == 4
        with database.read() as connection:
            connection.execute(text("SELECT 1"))
    assert count.statements == 1 + 3 + 1 + 1 + 1, count.texts
    assert count.texts[2:] == ["COPY t FROM STDIN", "SELECT n FROM t", "SELECT 1"]
    assert count.duration_ms > 0


def test_the_server_agrees_with_the_count(database, settings):
    with psycopg.connect(settings.require("database_url"), autocommit=True) as connection:
        try:
            connection.execute("CREATE EXTENSION pg_stat_statements")
            connection.execute(
                "SELECT pg_stat_statements_reset(0, oid, 0) FROM pg_database"
                " WHERE datname = current_database()"
            )
        except psycopg.Error:
            pytest.skip("the server has no pg_stat_statements")
    with count_statements() as count, database.transaction() as connection:
        for number in range(5):
            connection.execute("SELECT %s::int", (number,))
    with psycopg.connect(settings.require("database_url")) as connection:
        [(calls,)] = connection.execute(
            "SELECT sum(calls)::int FROM pg_stat_statements s"
            " JOIN pg_database d ON d.oid = s.dbid AND d.datname = current_database()"
            " WHERE query LIKE 'SELECT $1::int%%'"
        ).fetchall()
    assert count.statements == calls == 5


def test_blocks_nest_and_the_ledgers_own_is_left_out(database):
    with count_statements() as outer, database.transaction() as connection:
        connection.execute("SELECT 1")
        with count_statements() as inner:
            connection.execute("SELECT 2")
            with uncounted():
                connection.execute("SELECT 3")
    assert inner.texts == ["SELECT 2"]
    assert outer.texts == ["SELECT 1", "SELECT 2"]


def test_a_statement_that_fails_counts(database):
    with (
        count_statements() as count,
        pytest.raises(psycopg.errors.DivisionByZero),
        database.transaction() as connection,
    ):
        connection.execute("SELECT 1 / 0")
    assert count.statements == 1


def test_threads_count_for_themselves(database):
    def elsewhere():
        with database.transaction() as connection:
            connection.execute("SELECT 1")

    with count_statements() as count:
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    assert count.statements == 0


def test_a_slow_statement_is_logged_without_its_parameters(settings):
    slow = Database(settings.model_copy(update={"slow_statement_ms": 1e-9}), min_size=1, max_size=2)
    try:
        with (
            structlog.testing.capture_logs() as logs,
            count_statements() as count,
            slow.transaction() as connection,
        ):
            connection.execute("SELECT %s::text", ("+12125550100",))
    finally:
        slow.close()
    assert count.slow == 1
    [line] = [entry for entry in logs if entry["event"] == "slow_statement"]
    assert line["statement"] == "SELECT %s::text"
    assert "2125550100" not in str(line)
