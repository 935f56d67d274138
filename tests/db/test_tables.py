from sqlalchemy import inspect
from sqlalchemy.dialects import postgresql

from db.tables import metadata


def test_what_reads_expect_is_what_migrations_make(database):
    with database.read() as connection:
        schema = inspect(connection)
        for table in metadata.sorted_tables:
            there = {column["name"]: column for column in schema.get_columns(table.name)}
            for column in table.columns:
                found = there[column.name]
                expected = column.type.compile(postgresql.dialect())
                assert found["type"].compile(postgresql.dialect()) == expected, column
                assert found["nullable"] == column.nullable, column
            key = schema.get_pk_constraint(table.name)["constrained_columns"]
            assert key == [column.name for column in table.primary_key]
