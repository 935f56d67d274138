import psycopg
import pytest
from sqlalchemy import text

from config.settings import load_settings
from db.engine import Database, DatabaseUnreachableError, connect_directly, describe, open_database


def kill(settings, pid):
    with psycopg.connect(settings.require("database_url"), autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(%s)", (pid,))


def pid_of(connection):
    return connection.execute("SELECT pg_backend_pid()").fetchone()[0]


def test_a_block_commits_and_an_error_rolls_back(database):
    insert = "INSERT INTO tenants (slug, name, region, timezone) VALUES (%s, 'x', 'US', 'UTC')"
    with database.transaction() as connection:
        connection.execute(insert, ("kept",))
    with pytest.raises(psycopg.errors.UniqueViolation), database.transaction() as connection:
        connection.execute(insert, ("kept",))
    with database.transaction() as connection:
        connection.execute(insert, ("gone",))
        raise psycopg.Rollback
    with database.read() as connection:
        assert connection.execute(text("SELECT slug FROM tenants")).scalars().all() == ["kept"]


def test_what_a_read_writes_is_not_kept(database):
    with database.read() as connection:
        connection.execute(
            text(
                "INSERT INTO tenants (slug, name, region, timezone) VALUES ('a', 'x', 'US', 'UTC')"
            )
        )
    with database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM tenants")).scalar() == 0


@pytest.mark.parametrize("way", ["transaction", "read"])
def test_every_transaction_has_its_limits_and_leaves_no_session_state(database, settings, way):
    query = (
        "SELECT current_setting('statement_timeout'),"
        " current_setting('idle_in_transaction_session_timeout')"
    )
    with getattr(database, way)() as connection:
        found = connection.execute(query if way == "transaction" else text(query)).fetchone()
    assert tuple(found) == ("1min", "15s")
    with database.pool.connection() as connection:
        assert connection.execute("SHOW statement_timeout").fetchone() != ("1min",)


def test_a_statement_over_the_limit_is_cancelled(settings):
    hasty = Database(
        settings.model_copy(update={"statement_timeout_s": 0.05}), min_size=1, max_size=1
    )
    try:
        with pytest.raises(psycopg.errors.QueryCanceled), hasty.transaction() as connection:
            connection.execute("SELECT pg_sleep(30)")
    finally:
        hasty.close()


def test_a_frozen_worker_is_cut_off(settings):
    frozen = Database(
        settings.model_copy(update={"idle_in_transaction_timeout_s": 0.05}), min_size=1, max_size=1
    )
    try:
        with pytest.raises(psycopg.OperationalError), frozen.transaction() as connection:  # noqa: PT012
            list(connection.notifies(timeout=20))  # does nothing until the server hangs up
            connection.execute("SELECT 1")
        with frozen.transaction() as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        frozen.close()


@pytest.mark.parametrize("way", ["transaction", "read"])
def test_a_pool_whose_connections_were_killed_goes_on(settings, way):
    database = Database(settings, min_size=1, max_size=1)
    try:
        with database.transaction() as connection:
            pid = pid_of(connection)
        kill(settings, pid)
        with getattr(database, way)() as connection:
            query = "SELECT pg_backend_pid()"
            new = connection.execute(query if way == "transaction" else text(query)).fetchone()[0]
        assert new != pid
    finally:
        database.close()


def test_a_connection_killed_in_a_transaction_is_replaced(settings):
    database = Database(settings, min_size=1, max_size=1)
    try:
        with pytest.raises(psycopg.OperationalError), database.transaction() as connection:  # noqa: PT012
            kill(settings, pid_of(connection))
            connection.execute("SELECT 1")
        with database.transaction() as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        database.close()


@pytest.mark.parametrize("way", ["transaction", "read"])
def test_an_unreachable_database_is_named_without_its_password(way):
    settings = load_settings(
        database_url="postgresql://ann:opensesame@127.0.0.1:1/books", db_wait_timeout_s=0.2
    )
    database = Database(settings, min_size=1, max_size=1)
    try:
        with pytest.raises(DatabaseUnreachableError) as error, getattr(database, way)():
            pytest.fail("it was reached")
    finally:
        database.close()
    assert str(error.value).startswith("database 127.0.0.1:1/books: ")
    assert "opensesame" not in str(error.value)
    assert "\n" not in str(error.value)


def test_a_direct_connection_to_nowhere_is_named_without_its_password():
    settings = load_settings(
        database_url="postgresql://ann:opensesame@127.0.0.1:1/books", db_wait_timeout_s=2
    )
    with pytest.raises(DatabaseUnreachableError) as error:
        connect_directly(settings)
    assert str(error.value).startswith("database 127.0.0.1:1/books: ")
    assert "opensesame" not in str(error.value)
    assert "\n" not in str(error.value)


def test_where_a_url_leads():
    assert describe("postgresql://ann:secret@db.example/books") == "database db.example:5432/books"
    assert describe("mysql://ann:secret@db/books") == "DATABASE_URL is not a Postgres URL"


def test_a_process_takes_its_share(settings):
    stack = settings.model_copy(update={"worker_processes": 4})
    database = open_database(stack)
    try:
        assert (database.pool.min_size, database.pool.max_size) == stack.pool_share() == (1, 9)
    finally:
        database.close()


def test_pool_and_reads_share_the_same_connections(settings):
    database = Database(settings, min_size=1, max_size=1)
    try:
        with database.transaction() as connection:
            pid = pid_of(connection)
        with database.read() as connection:
            assert connection.execute(text("SELECT pg_backend_pid()")).scalar() == pid
    finally:
        database.close()
