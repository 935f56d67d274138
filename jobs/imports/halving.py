"""One bad row is one bad row: what the database refuses is halved until it stands alone."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import psycopg

from db.engine import Connection

Row = TypeVar("Row")
Result = TypeVar("Result")

# What a row's own values bring about: by a check, a type, a limit, or a trigger that raises.
_REFUSALS = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.errors.RaiseException,
    psycopg.errors.ProgramLimitExceeded,
)


def write_in_halves(
    connection: Connection, rows: Sequence[Row], write: Callable[[Sequence[Row]], Result]
) -> tuple[list[Result], list[tuple[Row, str]]]:
    """Write rows together; where the database refuses, each half by itself.

    ``write`` runs inside a savepoint. Returns what it returned, in order, and the rows that were
    refused alone, each with the database's reason. With k bad rows of n it is called about
    2k·log2(n) times more.

    Raises:
        psycopg.errors.ForeignKeyViolation: what all rows belong to, such as the campaign, is gone.
        psycopg.Error: whatever has nothing to do with the rows.
    """
    if not rows:
        return [], []
    try:
        with connection.transaction():
            return [write(rows)], []
    except psycopg.errors.ForeignKeyViolation:
        raise
    except _REFUSALS as error:
        if len(rows) == 1:
            return [], [(rows[0], error.diag.message_primary or type(error).__name__)]
    middle = len(rows) // 2
    written, refused = write_in_halves(connection, rows[:middle], write)
    others_written, others_refused = write_in_halves(connection, rows[middle:], write)
    return written + others_written, refused + others_refused
