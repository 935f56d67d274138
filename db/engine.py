"""One pool of connections for psycopg and SQLAlchemy alike."""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import psycopg
import structlog
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool, PoolTimeout
from sqlalchemy import Connection as ReadConnection
from sqlalchemy import create_engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from config.settings import Settings
from db.cache.changes import told_when_over
from db.cache.registry import Caches
from db.counter import CountingCursor, uncounted

log = structlog.get_logger(__name__)

Connection = psycopg.Connection[TupleRow]

# A server that went away without a word is noticed after some seconds, not after hours.
_PROMPT_DEATH: dict[str, Any] = {
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 5000,
}


class DatabaseUnreachableError(Exception):
    """No connection could be had in time; the text says to where and why, without a password."""


class Database:
    """The pool of one process. Open it after a fork, never before: children would share sockets.

    No statement is prepared on the server and no session state is kept, so PgBouncer in
    transaction mode may stand between, and every plan is made for the values at hand: a generic
    plan of the batch statements was seen to take 270 times as long.
    """

    def __init__(self, settings: Settings, *, min_size: int, max_size: int) -> None:
        self._settings = settings
        self.caches = Caches()
        """What this process remembers of the database."""
        self._url = settings.require("database_url")
        counting = type(
            "CountingCursor",
            (CountingCursor,),
            {"slow_statement_ms": settings.slow_statement_ms},
        )
        self.pool = ConnectionPool(
            self._url,
            min_size=min_size,
            max_size=max_size,
            max_idle=settings.db_idle_timeout_s,
            timeout=settings.db_wait_timeout_s,
            kwargs={
                "cursor_factory": counting,
                "prepare_threshold": None,
                "connect_timeout": max(2, int(settings.db_wait_timeout_s)),
                "application_name": f"trunkline-{os.getpid()}",
            },
            check=_check,
            close_returns=True,
            open=True,
        )
        self._engine = create_engine(
            "postgresql+psycopg://", creator=self.pool.getconn, poolclass=NullPool
        )
        event.listen(self._engine, "begin", self._begin_read)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A connection in a transaction, committed at the block's end, rolled back if it raises.

        Raises:
            DatabaseUnreachableError: no connection could be had in ``db_wait_timeout_s``.
        """
        with (
            self._connection() as connection,
            told_when_over(self.caches),
            connection.transaction(),
        ):
            _set_timeouts(connection, self._settings)
            yield connection

    @contextlib.contextmanager
    def read(self) -> Iterator[ReadConnection]:
        """A SQLAlchemy connection for reads; nothing it does is kept.

        Raises:
            DatabaseUnreachableError: no connection could be had in ``db_wait_timeout_s``.
        """
        try:
            with uncounted():  # SQLAlchemy's first connection asks the server who it is
                connection = self._engine.connect()
        except OperationalError as error:  # what SQLAlchemy makes of the pool's own
            if not isinstance(error.orig, PoolTimeout):
                raise
            raise self._unreachable(error.orig) from error
        with connection:
            yield connection

    def _begin_read(self, connection: ReadConnection) -> None:
        driver: Any = connection.connection.driver_connection
        _set_timeouts(driver, self._settings)

    def close(self) -> None:
        """Close the pool's connections; one that is in use is closed when it comes back."""
        self._engine.dispose()
        self.pool.close()

    @contextlib.contextmanager
    def _connection(self) -> Iterator[Connection]:
        try:
            connection = self.pool.getconn()
        except PoolTimeout as error:
            raise self._unreachable(error) from error
        try:
            yield connection
        finally:
            self.pool.putconn(connection)

    def _unreachable(self, error: Exception) -> DatabaseUnreachableError:
        return DatabaseUnreachableError(f"{describe(self._url)}: {error}")


def open_database(settings: Settings) -> Database:
    """Open this process's share of the stack's connections; returns before they are made."""
    min_size, max_size = settings.pool_share()
    return Database(settings, min_size=min_size, max_size=max_size)


def connect_directly(settings: Settings, *, application_name: str = "trunkline") -> Connection:
    """One autocommit connection beside the pool, for session state: advisory locks and LISTEN.

    Raises:
        DatabaseUnreachableError: the server doesn't answer or refuses.
    """
    url = settings.direct_url
    try:
        return psycopg.connect(
            url,
            autocommit=True,
            connect_timeout=max(2, int(settings.db_wait_timeout_s)),
            application_name=application_name,
            **_PROMPT_DEATH,
        )
    except psycopg.OperationalError as error:
        reason = " ".join(str(error).split())
        raise DatabaseUnreachableError(f"{describe(url)}: {reason}") from error


def describe(url: str) -> str:
    """Where a database URL leads, without its password: ``host:port/name``."""
    try:
        parts: dict[str, Any] = psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        return "DATABASE_URL is not a Postgres URL"
    host, port = parts.get("host", "local socket"), parts.get("port", 5432)
    return f"database {host}:{port}/{parts.get('dbname', '')}"


def _check(connection: Connection) -> None:
    """Raise if the server is gone, so that the pool gives out another connection; not counted."""
    connection.autocommit = True
    psycopg.Cursor(connection).execute("")
    connection.autocommit = False


def _set_timeouts(connection: Connection, settings: Settings) -> None:
    """Per transaction, because a session's own settings don't survive PgBouncer.

    One round trip, and not one of the work's statements: a plain cursor doesn't count it. The
    check of the client lets go of what a killed process held even while its statement runs. The
    page cost is that of memory and solid disks: with the default, made for spinning ones, a batch
    that looks up 500 contacts of 30,000 reads them all (37 ms, else 1).
    """
    psycopg.Cursor(connection).execute(
        "SET LOCAL client_connection_check_interval = 1000;"
        "SET LOCAL random_page_cost = 1.1;"
        f"SET LOCAL statement_timeout = {int(settings.statement_timeout_s * 1000)};"
        f"SET LOCAL idle_in_transaction_session_timeout = "
        f"{int(settings.idle_in_transaction_timeout_s * 1000)}"
    )
