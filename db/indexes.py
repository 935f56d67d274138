"""Building indexes beside traffic: CONCURRENTLY, and again where a build was cut off.

CREATE INDEX CONCURRENTLY waits for every transaction older than itself, however long that takes (a
dump, a report), and stops no reader or writer meanwhile: so it waits without a limit. What ends it
all the same leaves an INVALID index under its name, unused but paid for by every write.
"""

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import psycopg
import structlog
from psycopg import sql
from psycopg.rows import TupleRow

from db.engine import Connection

log = structlog.get_logger(__name__)

_COMMENT = re.compile(r"--[^\n]*")
_CONCURRENT = re.compile(
    r"\s*(?:CREATE\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\s+(?:IF\s+NOT\s+EXISTS\s+)?(?P<built>\w+)"
    r"|DROP\s+INDEX\s+CONCURRENTLY)\b",
    re.IGNORECASE,
)
# What a REINDEX CONCURRENTLY that was cut off leaves beside the index it was to replace.
_REINDEX_REMAINS = re.compile(r"_cc(?:new|old)\d*$")


class IndexCursor(psycopg.Cursor[TupleRow]):
    """Runs migrations: CONCURRENTLY outwaits everybody, and never trips over its own remains."""

    def execute(self, query: Any, *arguments: Any, **options: Any) -> "IndexCursor":
        text = query if isinstance(query, str) else ""
        found = _CONCURRENT.match(_COMMENT.sub("", text))
        if not found:
            super().execute(query, *arguments, **options)
            return self
        with _patience(self.connection):
            if (name := found["built"]) and name in invalid_indexes(self.connection):
                _drop(self.connection, name)
            super().execute(query, *arguments, **options)
        return self


def invalid_indexes(connection: Connection) -> list[str]:
    """Names of indexes that a build which was cut off left behind, unused but paid for."""
    rows = _execute(
        connection,
        "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        " WHERE NOT i.indisvalid AND c.relnamespace = current_schema()::regnamespace"
        " AND c.relkind = 'i' ORDER BY c.relname",
    ).fetchall()
    return [name for (name,) in rows]


def rebuild_invalid_indexes(connection: Connection) -> list[str]:
    """Build each INVALID index again, in place, beside readers and writers; returns their names.

    By REINDEX, which keeps the definition in the database whatever happens half way. ``connection``
    must be in autocommit mode: CONCURRENTLY runs outside transactions.
    """
    rebuilt = []
    with _patience(connection):
        for name in invalid_indexes(connection):
            if _REINDEX_REMAINS.search(name):
                _drop(connection, name)
                continue
            log.info("index_rebuilding", index=name)
            _execute(
                connection,
                sql.SQL("REINDEX INDEX CONCURRENTLY {}").format(sql.Identifier(name)),
            )
            rebuilt.append(name)
    return rebuilt


def _drop(connection: Connection, name: str) -> None:
    log.info("index_remains_dropped", index=name)
    _execute(
        connection, sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.Identifier(name))
    )


@contextlib.contextmanager
def _patience(connection: Connection) -> Iterator[None]:
    """No limit on waits and statements within the block."""
    names = ("lock_timeout", "statement_timeout")
    before = [_execute(connection, f"SHOW {name}").fetchone() for name in names]
    for name in names:
        _execute(connection, f"SET {name} = 0")
    try:
        yield
    finally:
        if not connection.closed:
            for name, row in zip(names, before, strict=True):
                _execute(connection, "SELECT set_config(%s, %s, false)", [name, row and row[0]])


def _execute(
    connection: Connection, query: Any, parameters: list[Any] | None = None
) -> psycopg.Cursor[TupleRow]:
    """Past the connection's own cursors, of which some are ours."""
    return psycopg.Cursor(connection).execute(query, parameters)
