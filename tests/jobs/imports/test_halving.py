from math import log2

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.imports.halving import write_in_halves


@pytest.fixture
def table(database):
    with database.transaction() as connection:
        connection.execute("CREATE TABLE numbers (n integer CHECK (n >= 0))")
    return database


@given(st.lists(st.integers(-3, 60), max_size=40))
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_all_good_rows_are_written_and_each_bad_one_is_named(table, rows):
    calls = []

    def write(some):
        calls.append(len(some))
        connection.execute("INSERT INTO numbers SELECT unnest(%s::int[])", [some])
        return len(some)

    with table.transaction() as connection:
        written, refused = write_in_halves(connection, rows, write)
        kept = connection.execute("SELECT n FROM numbers").fetchall()
        connection.execute("TRUNCATE numbers")
    good, bad = ([n for n in rows if (n >= 0) is wanted] for wanted in (True, False))
    assert [n for (n,) in kept] == good
    assert [n for n, _ in refused] == bad
    assert all('check constraint "numbers_n_check"' in why for _, why in refused)
    assert sum(written) == len(good)
    if rows:
        assert len(calls) <= 1 + 2 * len(bad) * max(1, -(-log2(len(rows)) // 1))


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("SELECT 1 FROM nowhere", psycopg.errors.UndefinedTable),
        ("SELECT pg_cancel_backend(pg_backend_pid())", psycopg.errors.QueryCanceled),
    ],
)
def test_what_has_nothing_to_do_with_the_rows_is_let_through(database, statement, error):
    calls = []

    def write(rows):
        calls.append(rows)
        connection.execute(statement)

    with pytest.raises(error), database.transaction() as connection:
        write_in_halves(connection, [1, 2], write)
    assert calls == [[1, 2]]


def test_a_parent_that_is_gone_is_no_rows_fault(table):
    with table.transaction() as connection:
        connection.execute("CREATE TABLE parents (n integer PRIMARY KEY)")
        connection.execute("CREATE TABLE children (n integer REFERENCES parents)")

    def write(rows):
        connection.execute("INSERT INTO children SELECT unnest(%s::int[])", [rows])

    with table.transaction() as connection, pytest.raises(psycopg.errors.ForeignKeyViolation):
        write_in_halves(connection, [1, 2], write)
