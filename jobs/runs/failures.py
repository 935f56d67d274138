"""What the ledger says of an exception: its message, then where it came from.

No values: of a database error Postgres' own first line, of the code files and lines alone.
"""

import traceback
from pathlib import Path

import psycopg

from config.logging import mask_phone
from config.tracebacks import error_line
from db.engine import DatabaseUnreachableError

_ROOT = Path(__file__).resolve().parents[2]
_SHOWN_FRAMES = 4
_SHOWN_CHARACTERS = 500


def failure_text(error: BaseException) -> str:
    """``ValueError: no such thing`` and, a line each, the innermost places of its traceback."""
    frames = traceback.extract_tb(error.__traceback__)[-_SHOWN_FRAMES:]
    places = [f"  at {_short(frame.filename)}:{frame.lineno} in {frame.name}" for frame in frames]
    return "\n".join([mask_phone(_message(error))[:_SHOWN_CHARACTERS], *reversed(places)])


def _message(error: BaseException) -> str:
    """Without the values of a row, which Postgres puts on lines of their own."""
    if isinstance(error, psycopg.Error) and error.diag.message_primary:
        return error.diag.message_primary
    first = error_line(error).partition("\n")[0]
    if isinstance(error, DatabaseUnreachableError):
        return first
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def _short(filename: str) -> str:
    path = Path(filename)
    return str(path.relative_to(_ROOT)) if path.is_relative_to(_ROOT) else path.name
