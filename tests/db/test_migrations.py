import threading

import psycopg
import pytest

from config.settings import load_settings
from db import migrations
from db.engine import DatabaseUnreachableError
from db.indexes import invalid_indexes, rebuild_invalid_indexes
from db.migrations import MigrationError, migrate, pending_migrations, rollback

ALL = sorted(
    path.name.removesuffix(".sql")
    for path in (migrations.SQL / "migrations").glob("*.sql")
    if ".rollback." not in path.name
)

# Everything a schema is made of, by what the server says of it.
SCHEMA = """
SELECT 'column', attrelid::regclass::text, attname, format_type(atttypid, atttypmod),
       attnotnull::text, pg_get_expr(adbin, adrelid)
FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace
                   AND relkind IN ('r', 'p')) AND attnum > 0 AND NOT attisdropped
UNION ALL
SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', ''
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL
SELECT 'index', indrelid::regclass::text, indexrelid::regclass::text, pg_get_indexdef(indexrelid),
       indisvalid::text, ''
FROM pg_index WHERE indrelid::regclass::text NOT LIKE 'pg_%' AND indexrelid IN
  (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
UNION ALL
SELECT 'function', proname, pg_get_functiondef(oid), '', '', ''
FROM pg_proc WHERE pronamespace = 'public'::regnamespace
ORDER BY 1, 2, 3, 4
"""


def schema(url):
    """What a database consists of, yoyo's own tables left out."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(SCHEMA).fetchall()
    return [row for row in rows if "yoyo" not in f"{row[1]}{row[2]}"]


@pytest.fixture
def fresh(empty_database_url):
    return load_settings(database_url=empty_database_url, lock_timeout_s=0.05)


def test_forward_back_and_forward_is_as_fresh(fresh, empty_database_url):
    before = schema(empty_database_url)
    assert pending_migrations(fresh) == ALL
    assert migrate(fresh).changed == ALL
    assert pending_migrations(fresh) == []
    made = schema(empty_database_url)
    assert {kind for kind, *_ in made} == {"column", "constraint", "index", "function"}
    assert migrate(fresh) == migrations.MigrationResult([], [])
    assert rollback(fresh).changed == ALL[-1:]
    assert migrate(fresh).changed == ALL[-1:]
    assert schema(empty_database_url) == made
    assert rollback(fresh, steps=len(ALL)).changed == ALL[::-1]
    assert schema(empty_database_url) == before
    assert migrate(fresh).changed == ALL
    assert schema(empty_database_url) == made


def test_every_migration_has_its_way_back():
    for name in ALL:
        assert (migrations.SQL / "migrations" / f"{name}.rollback.sql").is_file()


def test_two_at_once_are_refused(fresh):
    with migrations._alone(fresh):
        with pytest.raises(MigrationError, match="another `trunkline migrate` is running"):
            migrate(fresh)
        with pytest.raises(MigrationError, match="another `trunkline migrate` is running"):
            rollback(fresh)
        assert pending_migrations(fresh) == ALL
    assert migrate(fresh).changed == ALL


def test_an_invalid_index_is_built_again(database_url, settings):
    with psycopg.connect(database_url, autocommit=True) as connection:
        before = schema(database_url)
        connection.execute("DROP INDEX idx_contacts_created_at")
        # What a killed CREATE INDEX CONCURRENTLY leaves: here its statement times out.
        with psycopg.connect(database_url) as holder:
            holder.execute("LOCK TABLE contacts IN ROW EXCLUSIVE MODE")
            connection.execute("SET statement_timeout = 300")
            with pytest.raises(psycopg.errors.QueryCanceled):
                connection.execute(
                    "CREATE INDEX CONCURRENTLY idx_contacts_created_at ON contacts (created_at)"
                )
            connection.execute("RESET statement_timeout")
        assert invalid_indexes(connection) == ["idx_contacts_created_at"]
        result = migrate(settings)
        assert result == migrations.MigrationResult([], ["idx_contacts_created_at"])
        assert invalid_indexes(connection) == []
        assert rebuild_invalid_indexes(connection) == []
    assert schema(database_url) == before


def test_a_locked_table_is_waited_for_without_a_queue_behind(
    fresh, empty_database_url, monkeypatch
):
    migrate(fresh)
    last = len(ALL) - ALL.index("0003.messages")
    rollback(fresh, steps=last)
    stepped_aside = threading.Event()
    waits = []

    def pause(seconds):
        waits.append(seconds)
        stepped_aside.set()
        assert released.wait(20)

    released = threading.Event()
    monkeypatch.setattr(migrations.time, "sleep", pause)
    result = []
    with psycopg.connect(empty_database_url) as holder:
        # The foreign key of messages needs a lock on contacts that this one excludes.
        holder.execute("LOCK TABLE contacts IN ACCESS EXCLUSIVE MODE")
        worker = threading.Thread(target=lambda: result.append(migrate(fresh)))
        worker.start()
        try:
            assert stepped_aside.wait(20)
            with psycopg.connect(empty_database_url, autocommit=True) as other:
                waiting = other.execute(
                    "SELECT count(*) FROM pg_locks WHERE NOT granted"
                ).fetchone()
            assert waiting == (0,)
            holder.rollback()
        finally:
            released.set()
            worker.join(30)
    assert result[0].changed == ALL[-last:]
    assert waits == [0.1]


def test_a_table_that_stays_locked_is_named(fresh, empty_database_url, monkeypatch):
    migrate(fresh)
    rollback(fresh, steps=len(ALL) - ALL.index("0003.messages"))
    monkeypatch.setattr(migrations, "_TRIES", 2)
    with psycopg.connect(empty_database_url) as holder:
        holder.execute("LOCK TABLE contacts IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(MigrationError, match=r"0003\.messages: its table stayed locked"):
            migrate(fresh)
    assert pending_migrations(fresh)[0] == "0003.messages"
    assert migrate(fresh).changed[0] == "0003.messages"


def test_an_unreachable_database_is_one_line():
    settings = load_settings(
        database_url="postgresql://ann:opensesame@127.0.0.1:1/books", db_wait_timeout_s=2
    )
    for ask in (migrate, rollback, pending_migrations):
        with pytest.raises(DatabaseUnreachableError) as error:
            ask(settings)
        assert "opensesame" not in str(error.value)
