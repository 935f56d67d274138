import psycopg
import pytest

from db.bulk import columns, copy_rows
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
