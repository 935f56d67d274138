"""Rows travel as COPY or as arrays, never one by one."""

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import sql
from psycopg.types.json import Jsonb

from db.engine import Connection

Element = int | float | str | UUID | datetime | Jsonb | None


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


def array_literals(rows: Iterable[Sequence[Element]], width: int) -> list[str]:
    """``columns``, each as an ``array_literal``."""
    return [array_literal(column) for column in columns(rows, width)]


def array_literal(values: Sequence[Element]) -> str:
    """Values as the text of a Postgres array, ``{1,NULL,3}``, to be cast where it is used.

    The driver's own arrays cost a look at every value: a third of a batch's time.
    """
    types = set(map(type, values))
    nulls = type(None) in types
    kinds = types - {type(None)}
    if not kinds:
        return "{" + ",".join(["NULL"] * len(values)) + "}"
    if len(kinds) > 1:
        raise TypeError(f"an array of {' and '.join(sorted(kind.__name__ for kind in kinds))}")
    write = _WRITERS[kinds.pop()]
    if nulls:
        return "{" + ",".join(["NULL" if v is None else write(v) for v in values]) + "}"
    return "{" + ",".join(map(write, values)) + "}"


def _quoted(text: str) -> str:
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


_WRITERS: dict[type, Callable[[Any], str]] = {
    int: str,
    bool: str,
    float: repr,
    str: _quoted,
    # What str() makes of it costs twice the time; Postgres doesn't ask for the dashes.
    UUID: lambda value: f"{value.int:032x}",
    datetime: lambda value: f'"{value.isoformat()}"',
    Jsonb: lambda value: _quoted(json.dumps(value.obj)),
}
