"""The questions of sql/monitoring: one read-only statement each, without parameters."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from psycopg.rows import class_row

from db.engine import Connection
from db.statements import SQL


@dataclass(frozen=True)
class LeadingScheduler:
    pid: int
    application_name: str
    client_addr: Any
    backend_start: datetime


class Late(NamedTuple):
    """The longest waiting piece of a tenant's work, with what waits beside it and what is done.

    ``waiting`` and ``done_last_minute`` are None where they aren't counted.
    """

    tenant: str
    late_s: int
    waiting: int | None = None
    done_last_minute: int | None = None


def leading_scheduler(connection: Connection) -> LeadingScheduler | None:
    """The database connection that holds the leader's lock."""
    with connection.cursor(row_factory=class_row(LeadingScheduler)) as cursor:
        return cursor.execute(_question("leader")).fetchone()


def late_work(connection: Connection, ledger: str) -> list[Late]:
    """What is due in one of ``sql/monitoring/due_….sql``, the longest waiting first."""
    cursor = connection.execute(_question(ledger))
    counted = ledger in {"due_steps", "due_messages", "due_calls"}
    return [
        Late(tenant, int(late_s), *(map(int, more[:2]) if counted else ()))
        for tenant, _, late_s, *more in cursor
    ]


def months_ahead(connection: Connection) -> int:
    """Months after this one, up to 12, that have their partition of the history."""
    row = connection.execute(_question("partitions")).fetchone()
    return int(row[0]) if row else 0


def _question(name: str) -> str:
    return (SQL / "monitoring" / f"{name}.sql").read_text(encoding="utf-8")
