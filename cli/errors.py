"""What can go wrong with a command, as lines for a person and an exit code for a script.

====  ======================================================================================
0     done
1     the work failed: a run, a check of ``doctor``, the demo's count
2     bad usage or input: an option, a setting, an unknown tenant, a journey file with mistakes
3     a server can't be reached, the local ones can't be started, or the schema isn't migrated
130   interrupted by Ctrl-C; a run that was started goes on
====  ======================================================================================
"""

from collections.abc import Callable
from typing import TypeAlias

import psycopg
import redis
import sqlalchemy.exc
import typer
from pydantic import ValidationError
from typer.exceptions import TyperException

from config.settings import ConfigError
from db.engine import DatabaseUnreachableError
from db.migrations import MigrationError
from jobs.journeys.definition import DefinitionError
from jobs.runs import DefiniteError
from jobs.tenants import TenantError
from standalone.state import StandaloneError

FAILED = 1
BAD_INPUT = 2
UNREACHABLE = 3
INTERRUPTED = 130

_Kinds: TypeAlias = type[BaseException] | tuple[type[BaseException], ...]

_NOT_MIGRATED = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedColumn,
    psycopg.errors.UndefinedFunction,
)


class CommandError(Exception):
    """Ends the command with one line on stderr and an exit code."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code


def _cause(error: BaseException) -> BaseException:
    """The driver's exception inside SQLAlchemy's."""
    if isinstance(error, sqlalchemy.exc.DBAPIError) and error.orig is not None:
        return error.orig
    return error


def _one_line(text: str) -> str:
    return " ".join(text.split())


def exit_code(error: BaseException) -> int:
    """The exit code that an exception which ended a command stands for."""
    error = _cause(error)
    if isinstance(error, CommandError):
        return error.code
    if isinstance(error, typer.Exit):
        return error.exit_code
    return next((code for kinds, code, _ in _KNOWN if isinstance(error, kinds)), FAILED)


def lines(error: BaseException) -> list[str]:
    """What to say of it: one line, or one for each mistake of a journey file."""
    error = _cause(error)
    if isinstance(error, typer.Exit):
        return []
    if isinstance(error, DefinitionError):
        return [f"{error.source}: {problem}" for problem in error.problems]
    describe = next((text for kinds, _, text in _KNOWN if isinstance(error, kinds)), _unexpected)
    return [_one_line(describe(error))]


def _primary(error: BaseException) -> str:
    """The server's first line: its details quote rows, and so people's data."""
    found = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return found or str(error)


def _problems(error: BaseException) -> str:
    details = error.errors() if isinstance(error, ValidationError) else []
    return "; ".join(str(problem["msg"]).removeprefix("Value error, ") for problem in details)


def _usage(error: BaseException) -> str:
    text = error.format_message() if isinstance(error, TyperException) else str(error)
    return f"{text} (--help shows what there is)"


def _unexpected(error: BaseException) -> str:
    return f"{type(error).__name__}: {error} (--debug shows where)"


# Looked through in order: the first kind that fits speaks.
_KNOWN: tuple[tuple[_Kinds, int, Callable[[BaseException], str]], ...] = (
    (CommandError, FAILED, str),
    ((KeyboardInterrupt, typer.Abort), INTERRUPTED, lambda _: "interrupted"),
    (TyperException, BAD_INPUT, _usage),
    (ValidationError, BAD_INPUT, _problems),
    ((ConfigError, DefinitionError, DefiniteError, TenantError), BAD_INPUT, str),
    ((DatabaseUnreachableError, StandaloneError), UNREACHABLE, str),
    (
        _NOT_MIGRATED,
        UNREACHABLE,
        lambda e: f"the schema is not up to date ({_primary(e)}): run `trunkline migrate`",
    ),
    (psycopg.OperationalError, UNREACHABLE, lambda e: f"the database is gone: {_primary(e)}"),
    (psycopg.Error, FAILED, lambda e: f"the database refuses: {_primary(e)}"),
    ((redis.ConnectionError, redis.TimeoutError), UNREACHABLE, lambda e: f"Redis: {e}"),
    (MigrationError, FAILED, str),
)
