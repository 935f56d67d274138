"""Errors as logs and ledgers show them.

Postgres quotes the row it refuses, and SQLAlchemy the parameters: people's names and messages. Of a
database error nothing is shown but its class, its primary message and the constraint.
"""

import textwrap
import traceback
from collections.abc import Iterator
from types import TracebackType

import psycopg

_CAUSED = "\nThe above exception was the direct cause of the following exception:\n\n"
_DURING = "\nDuring handling of the above exception, another exception occurred:\n\n"


def error_line(error: BaseException) -> str:
    """What the error says, without its class; empty if that can't be shown."""
    if isinstance(error, psycopg.Error):
        return _database_line(error)
    wrapped = _wrapped(error)
    return str(error).strip() if wrapped is None else error_line(wrapped)


def error_text(
    exc_info: tuple[type[BaseException], BaseException, TracebackType | None],
) -> str:
    """The traceback as Python writes it, causes and groups included."""
    return "".join(_chain(exc_info[1], set())).rstrip("\n")


def named_error(error: BaseException) -> str:
    """Class and what the error says, as the last line of a traceback has them."""
    kind = type(error)
    name = kind.__qualname__
    if kind.__module__ not in ("builtins", "__main__"):
        name = f"{kind.__module__}.{name}"
    line = error_line(error)
    return f"{name}: {line}" if line else name


def _database_line(error: psycopg.Error) -> str:
    line = error.diag.message_primary
    if line is None:
        # Of the driver's own errors, those of a connection tell where it led; the others may quote
        # a value.
        broken = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
        return str(error).strip().partition("\n")[0] if broken else ""
    constraint = error.diag.constraint_name
    return f"{line} ({constraint})" if constraint and constraint not in line else line


def _wrapped(error: BaseException) -> BaseException | None:
    """The driver's error inside SQLAlchemy's, which quotes statement and parameters."""
    inner = getattr(error, "orig", None)
    return inner if isinstance(inner, BaseException) else None


def _chain(error: BaseException, seen: set[int]) -> Iterator[str]:
    seen.add(id(error))
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None and id(before) not in seen:
        yield from _chain(before, seen)
        yield _CAUSED if error.__cause__ else _DURING
    if error.__traceback__ is not None:
        yield "Traceback (most recent call last):\n"
        yield from traceback.format_tb(error.__traceback__)
    yield from _last_lines(error, seen)


def _last_lines(error: BaseException, seen: set[int]) -> Iterator[str]:
    if isinstance(error, BaseExceptionGroup):
        yield f"{named_error(error)}\n"
        for inner in error.exceptions:
            yield textwrap.indent("".join(_chain(inner, seen)), "  | ")
    elif isinstance(error, psycopg.Error) or _wrapped(error) is not None:
        yield f"{named_error(error)}\n"
    else:
        yield from traceback.format_exception_only(error)
