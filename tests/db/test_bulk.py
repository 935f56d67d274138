from datetime import UTC

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from db.bulk import array_literal, columns, copy_rows
from db.counter import count_statements
from tests.factories import make_tenant


def test_rows_are_copied_in_one_statement(database):
    tenant_id = make_tenant(database)
    rows = [(tenant_id, f"list {n}\t\\N") for n in range(1000)]
    with count_statements() as count, database.transaction() as connection:
        assert copy_rows(connection, "campaigns", ("tenant_id", "name"), iter(rows)) == 1000
    assert (count.statements, count.rows) == (1, 1000)
    with database.transaction() as connection:
        names = connection.execute("SELECT name FROM campaigns").fetchall()
    assert {name for (name,) in names} == {name for _, name in rows}


def test_a_refused_row_keeps_all_out(database):
    tenant_id = make_tenant(database)
    rows = [(tenant_id, "a"), (tenant_id, "a")]
    with pytest.raises(psycopg.errors.UniqueViolation), database.transaction() as connection:
        copy_rows(connection, "campaigns", ("tenant_id", "name"), rows)
    with database.transaction() as connection:
        assert connection.execute("SELECT count(*) FROM campaigns").fetchone() == (0,)


def test_rows_become_columns():
    assert columns([(1, "a"), (2, "b")], 2) == [[1, 2], ["a", "b"]]
    assert columns([], 3) == [[], [], []]
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        columns([(1, "a"), (2,)], 2)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("bigint", st.integers(-(2**63), 2**63 - 1)),
        ("uuid", st.uuids()),
        ("boolean", st.booleans()),
        ("double precision", st.floats(allow_nan=False)),
        ("timestamptz", st.datetimes(timezones=st.just(UTC))),
        ("text", st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))),
        ("text", st.text('\\"{},NULL ')),
        ("jsonb", st.dictionaries(st.text('\\"{}', max_size=3), st.integers(0, 9)).map(Jsonb)),
    ],
)
def test_an_array_literal_is_read_as_what_it_was(database, kind, values):
    with database.transaction() as connection:

        @given(st.lists(st.none() | values, max_size=5))
        def same(sent):
            [(read,)] = connection.execute(f"SELECT %s::{kind}[]", [array_literal(sent)])
            assert read == [v.obj if isinstance(v, Jsonb) else v for v in sent]

        same()


def test_an_array_is_of_one_type():
    with pytest.raises(TypeError, match="an array of int and str"):
        array_literal([1, "a"])


@pytest.mark.parametrize("text", ["a\0b", "half \ud83d"])
def test_texts_that_no_database_takes_are_refused_as_ever(database, text):
    with pytest.raises((psycopg.DataError, UnicodeError)), database.transaction() as connection:
        connection.execute("SELECT %s::text[]", [array_literal([text])])
