"""Statements of the scheduler and of the housekeeping it calls for."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from db import bulk
from db.engine import Connection
from db.queries.runs import KindLimits
from db.statements import statement

# Any number will do, if no other advisory lock of the database has it.
_LEADER_LOCK = 7_264_901_544_217
FIRING_BACKOFF_S = 10.0


class DueWork(NamedTuple):
    """``ledger``: steps, changes (of contacts), messages, webhooks, calls, runs, firings, numbers.

    ``kind`` None: no run, or one of a kind that nobody knows.
    """

    ledger: str
    kind: str | None
    due: int


class Firing(NamedTuple):
    schedule: str
    fire_at: datetime
    attempts: int


def count_due_work(
    connection: Connection,
    *,
    steps: int,
    messages: int,
    webhooks: int,
    webhooks_per_tenant: int,
    calls: int,
    runs: int,
    firings: int,
    kinds: Iterable[KindLimits],
    schedules: Sequence[str],
) -> list[DueWork]:
    """Count what waits for a worker, of each ledger no further than the number given.

    Of webhook calls of a tenant, as many as may begin beside those under way.
    """
    known_kinds, tenant_limits, total_limits, _ = bulk.columns(kinds, 4)
    with connection.cursor(row_factory=class_row(DueWork)) as cursor:
        return cursor.execute(
            statement("maintenance/count_due_work"),
            {
                "steps": steps,
                "messages": messages,
                "webhooks": webhooks,
                "webhooks_per_tenant": webhooks_per_tenant,
                "calls": calls,
                "runs": runs,
                "firings": firings,
                "known_kinds": known_kinds,
                "tenant_limits": tenant_limits,
                "total_limits": total_limits,
                "schedules": list(schedules),
                "firing_backoff_s": FIRING_BACKOFF_S,
            },
        ).fetchall()


def insert_firings(
    connection: Connection, firings: Iterable[tuple[str, datetime]]
) -> list[tuple[str, datetime]]:
    """Insert (schedule, fire_at); returns those that nobody had inserted before."""
    schedules, fire_ats = bulk.columns(firings, 2)
    rows = connection.execute(
        statement("maintenance/insert_firings"), {"schedules": schedules, "fire_ats": fire_ats}
    ).fetchall()
    return [(schedule, fire_at) for schedule, fire_at in rows]


def last_firings(connection: Connection, schedules: Sequence[str]) -> dict[str, datetime]:
    """Schedule → when it fired last; one that never did is left out."""
    rows = connection.execute(
        statement("maintenance/last_firings"), {"schedules": list(schedules)}
    ).fetchall()
    return dict(rows)


def claim_firing(connection: Connection, schedules: Sequence[str]) -> Firing | None:
    """Lock a firing of one of these schedules that is due and not done."""
    with connection.cursor(row_factory=class_row(Firing)) as cursor:
        return cursor.execute(
            statement("maintenance/claim_firing"),
            {"schedules": list(schedules), "firing_backoff_s": FIRING_BACKOFF_S},
        ).fetchone()


def close_firing(
    connection: Connection,
    firing: Firing,
    *,
    finished: bool,
    result: dict[str, Any] | None = None,
    error: str | None = None,
) -> None:
    connection.execute(
        statement("maintenance/close_firing"),
        {
            "schedule": firing.schedule,
            "fire_at": firing.fire_at,
            "finished": finished,
            "result": None if result is None else Jsonb(result),
            "error": error,
        },
    )


def extend_partitions(connection: Connection, *, months_ahead: int, lock_timeout_s: float) -> int:
    """Make the monthly partitions that are missing; returns how many were.

    Raises:
        psycopg.errors.LockNotAvailable: others held the table; they are not made to wait longer.
    """
    connection.execute(f"SET LOCAL lock_timeout = {int(lock_timeout_s * 1000)}")
    row = connection.execute("SELECT trunkline_extend_partitions(%s)", [months_ahead]).fetchone()
    return int(row[0]) if row else 0


def expect_answers(connection: Connection, *, silence_s: float) -> None:
    """Have the server drop this session, and its lock, when nothing is heard of it any more.

    Some seconds after its machine is gone; after ``silence_s`` if its machine answers, but it
    doesn't.
    """
    connection.execute(
        "SELECT set_config('tcp_keepalives_idle', '2', false),"
        " set_config('tcp_keepalives_interval', '1', false),"
        " set_config('tcp_keepalives_count', '3', false),"
        " set_config('idle_session_timeout', %s, false)",
        [f"{silence_s * 1000:.0f}ms"],
    )


def try_to_lead(connection: Connection) -> bool:
    """Take the leader's lock if it is free; it falls with the connection, a direct one."""
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", [_LEADER_LOCK]).fetchone()
    return bool(row and row[0])


def listen(connection: Connection) -> None:
    """Have the news of every ledger notified on this connection, a direct one."""
    connection.execute("LISTEN trunkline")


def show_life(connection: Connection) -> None:
    """Ask the server for nothing; notifications come with the answer.

    Raises:
        psycopg.OperationalError: the connection, and any lock it held, is gone.
    """
    connection.execute("SELECT 1")
