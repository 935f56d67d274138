"""Bring a database to the schema of sql/migrations, or back.

Plain SQL files in yoyo's form: ``NNNN.name.sql`` with ``NNNN.name.rollback.sql`` beside it. Each
statement waits for its table no longer than ``lock_timeout_s``, then steps aside for the queries
behind it and tries again later, so a migration on a live database never holds a queue up. Indexes
built CONCURRENTLY hold nobody up and wait as long as it takes; see db/indexes.py.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
import structlog
from yoyo import read_migrations
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.connections import parse_uri
from yoyo.migrations import default_migration_table

from config.settings import Settings
from db.engine import Connection, DatabaseUnreachableError, connect_directly, describe
from db.indexes import IndexCursor, rebuild_invalid_indexes
from db.statements import SQL

log = structlog.get_logger(__name__)

# Any number that no other program on the database takes: "trunkmig" in ASCII.
_MIGRATION_LOCK = 0x7472756E6B6D6967
_TRIES = 20


class _Backend(PostgresqlPsycopgBackend):  # type: ignore[misc] # yoyo has no types
    """yoyo's own, with the cursors that indexes are built with."""

    def connect(self, dburi: Any) -> Any:
        connection = super().connect(dburi)
        connection.cursor_factory = IndexCursor
        return connection


class MigrationError(Exception):
    """The schema could not be brought to where it should be; the text says why."""


@dataclass(frozen=True)
class MigrationResult:
    """Names of the migrations applied or rolled back, and of the indexes built again."""

    changed: list[str]
    rebuilt: list[str]


def migrate(settings: Settings) -> MigrationResult:
    """Apply what is missing, then build INVALID indexes again. Running it twice changes nothing.

    Raises:
        MigrationError: another migration runs, or a table stayed locked.
        DatabaseUnreachableError: the server doesn't answer.
        psycopg.Error: a migration is refused; those before it stay applied.
    """
    with _alone(settings) as connection:
        with _backend(settings) as backend:
            wanted = backend.to_apply(_all_migrations())
            changed = [migration.id for migration in wanted]
            for migration in wanted:
                _insist(lambda m=migration: backend.apply_one(m), migration.id)  # type: ignore[misc]
        return MigrationResult(changed, rebuild_invalid_indexes(connection))


def rollback(settings: Settings, *, steps: int = 1) -> MigrationResult:
    """Take back the last ``steps`` migrations, the latest first. Raises as ``migrate``."""
    with _alone(settings), _backend(settings) as backend:
        wanted = list(backend.to_rollback(_all_migrations()))[:steps]
        for migration in wanted:
            _insist(lambda m=migration: backend.rollback_one(m), migration.id)  # type: ignore[misc]
        return MigrationResult([migration.id for migration in wanted], [])


def pending_migrations(settings: Settings) -> list[str]:
    """Names of the migrations that the database lacks."""
    with _backend(settings) as backend:
        return [migration.id for migration in backend.to_apply(_all_migrations())]


@contextlib.contextmanager
def _alone(settings: Settings) -> Iterator[Connection]:
    """Hold the lock that makes this the only migration, on a connection with lock_timeout set."""
    with connect_directly(settings, application_name="trunkline-migrate") as connection:
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", (_MIGRATION_LOCK,)).fetchone()
        if row != (True,):
            raise MigrationError("another `trunkline migrate` is running on this database")
        connection.execute(f"SET lock_timeout = {int(settings.lock_timeout_s * 1000)}")
        yield connection


@contextlib.contextmanager
def _backend(settings: Settings) -> Iterator[Any]:
    parts = psycopg.conninfo.conninfo_to_dict(settings.direct_url)
    host, port = parts.pop("host", "localhost"), parts.pop("port", 5432)
    login = quote(str(parts.pop("user", "")), safe="")
    if "password" in parts:
        login += ":" + quote(str(parts.pop("password")), safe="")
    database = quote(str(parts.pop("dbname", "")), safe="")
    parts["options"] = (
        f"{parts.get('options', '')} -c lock_timeout={int(settings.lock_timeout_s * 1000)}"
        # A build goes on without its client otherwise, and the next migration meets it half done.
        " -c client_connection_check_interval=1000"
    ).strip()
    url = (
        f"postgresql+psycopg://{login}@{host}:{port}/{database}?{urlencode(parts, quote_via=quote)}"
    )
    try:
        backend = _Backend(parse_uri(url), default_migration_table)
        backend.init_database()
    except psycopg.OperationalError as error:
        reason = " ".join(str(error).split())
        raise DatabaseUnreachableError(f"{describe(settings.direct_url)}: {reason}") from error
    try:
        yield backend
    finally:
        backend.connection.close()


def _all_migrations() -> Any:
    return read_migrations(str(SQL / "migrations"))


def _insist(step: Callable[[], object], name: str) -> None:
    """Try again while others hold the table, each time after the queue behind us has passed."""
    for attempt in range(1, _TRIES + 1):
        try:
            step()
        except psycopg.errors.LockNotAvailable as error:
            log.info("migration_waits_for_lock", migration=name, attempt=attempt)
            if attempt == _TRIES:
                raise MigrationError(f"{name}: its table stayed locked by others") from error
            time.sleep(min(attempt * 0.1, 1.0))
        else:
            return
