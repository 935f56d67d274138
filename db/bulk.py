"""Rows travel as COPY or as arrays, never one by one."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from psycopg import sql

from db.engine import Connection


def copy_rows(
    connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> int:
    """COPY rows into a table in one statement; returns how many.

    Raises:
        psycopg.DataError, psycopg.IntegrityError: the table refuses a row; none is kept.
    """
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    copied = 0
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
            copied += 1
    return copied


def columns(rows: Iterable[Sequence[Any]], width: int) -> list[list[Any]]:
    """Turn rows into ``width`` lists, one a column, for ``unnest``; of no rows, empty lists."""
    lists = [list(column) for column in zip(*rows, strict=True)]
    return lists or [[] for _ in range(width)]


def array_literal(values: Iterable[int | UUID | str]) -> str:
    """Values as the text of a Postgres array, ``{1,2,3}``, to be cast where it is used.

    For numbers, ids and places (``(0,1)``), which need no escaping: the driver's own arrays cost
    a look at every value, a third of a batch's time.
    """
    return "{" + ",".join([f'"{v}"' if isinstance(v, str) else str(v) for v in values]) + "}"
