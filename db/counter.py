"""Every statement is counted where it leaves for the server: in the driver's cursor.

SQLAlchemy's events don't see COPY, and plain psycopg code doesn't pass SQLAlchemy; the cursor sees
both. BEGIN, COMMIT and SAVEPOINT don't go through cursors and are not counted. ``executemany``
counts once a row, because that is what it costs.
"""

import contextlib
import time
from collections.abc import Generator, Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Self

import psycopg
import structlog
from psycopg import Copy
from psycopg.abc import Params, Query
from psycopg.rows import Row

log = structlog.get_logger(__name__)

_SHOWN_CHARACTERS = 120


@dataclass
class StatementCount:
    """What one block of work asked of the database.

    ``texts`` holds the first line or so of each statement, in order, for tests and logs.
    """

    statements: int = 0
    rows: int = 0
    duration_ms: float = 0.0
    slow: int = 0
    texts: list[str] = field(default_factory=list)


_counts: ContextVar[tuple[StatementCount, ...]] = ContextVar("statement_counts", default=())
_paused: ContextVar[bool] = ContextVar("statement_counts_paused", default=False)


@contextlib.contextmanager
def count_statements() -> Iterator[StatementCount]:
    """Count what the block sends, on every connection; blocks nest, and each counts for itself.

    Threads started inside the block don't count into it.
    """
    count = StatementCount()
    token = _counts.set((*_counts.get(), count))
    try:
        yield count
    finally:
        _counts.reset(token)


@contextlib.contextmanager
def uncounted() -> Iterator[None]:
    """For the ledger's own start, progress and end, which no budget counts."""
    token = _paused.set(True)
    try:
        yield
    finally:
        _paused.reset(token)


class CountingCursor(psycopg.Cursor[Row]):
    """The cursor of every pooled connection.

    ``slow_statement_ms`` is set on a subclass by the pool; a slower statement is logged without
    its parameters.
    """

    slow_statement_ms: float = 100.0

    def execute(
        self,
        query: Query,
        params: Params | None = None,
        *,
        prepare: bool | None = None,
        binary: bool | None = None,
    ) -> Self:
        started = time.perf_counter()
        try:
            return super().execute(query, params, prepare=prepare, binary=binary)  # type: ignore[misc,arg-type]
        finally:
            self._record(query, started, 1)

    def executemany(
        self, query: Query, params_seq: Iterable[Params], *, returning: bool = False
    ) -> None:
        rows = list(params_seq)
        started = time.perf_counter()
        try:
            super().executemany(query, rows, returning=returning)
        finally:
            self._record(query, started, len(rows))

    @contextlib.contextmanager
    def copy(
        self, statement: Query, params: Params | None = None, *, writer: Any = None
    ) -> Generator[Copy, None, None]:
        started = time.perf_counter()
        try:
            with super().copy(statement, params, writer=writer) as copy:
                yield copy
        finally:
            self._record(statement, started, 1)

    def _record(self, query: Query, started: float, statements: int) -> None:
        duration_ms = (time.perf_counter() - started) * 1000
        slow = duration_ms > self.slow_statement_ms
        text = _shown(query, self)
        if slow:
            log.warning("slow_statement", duration_ms=round(duration_ms), statement=text)
        if _paused.get():
            return
        for count in _counts.get():
            count.statements += statements
            count.rows += max(self.rowcount, 0)
            count.duration_ms += duration_ms
            count.slow += slow
            count.texts.append(text)


def _shown(query: Query, cursor: psycopg.Cursor[Any]) -> str:
    if isinstance(query, bytes):
        query = query.decode(errors="replace")
    text = query if isinstance(query, str) else query.as_string(cursor)  # type: ignore[union-attr]
    lines = (line for line in text.splitlines() if line.strip() and not line.startswith("--"))
    return " ".join(" ".join(lines).split())[:_SHOWN_CHARACTERS]
