"""Statements by which queued calls are dialed; one function, one statement."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from psycopg.rows import class_row

from db.bulk import columns
from db.engine import Connection
from db.statements import statement


class ClaimedCall(NamedTuple):
    """A call the claim touched; only one whose verdict is ``DIALING`` may be dialed.

    ``CANCELLED`` has ended, for ``reason``; ``PAUSED`` and ``APART`` wait; ``STALE`` waits for its
    next hours, to be found by its contact's ``timezone`` (None: the tenant's). ``attempts`` counts
    the try that now begins. ``free`` lines its tenant had; ``full_share``: it got what it could.
    """

    tenant_id: UUID
    id: UUID
    verdict: str
    reason: str | None
    contact_id: UUID
    execution_id: int | None
    to_number: str
    from_number: str | None
    extension: str
    variables: dict[str, str]
    ring_timeout_s: int
    channel_id: str | None
    attempts: int
    free: int
    full_share: bool
    timezone: str | None
    now: datetime


class CallHours(NamedTuple):
    """When a call may be made: from ``due_at`` until ``callable_until``, None: without end."""

    tenant_id: UUID
    id: UUID
    due_at: datetime
    callable_until: datetime | None


class DialedCall(NamedTuple):
    """What became of a claimed call: ``dialed`` or, if not, to be tried again after ``wait_s``."""

    tenant_id: UUID
    id: UUID
    channel_id: str
    pbx: str | None
    dialed: bool
    error: str | None
    wait_s: float


def lock_lines(connection: Connection, batch_size: int, now: datetime | None = None) -> list[UUID]:
    """Hold the lines of tenants that have some free and calls to make; ids of the tenants."""
    rows = connection.execute(
        statement("calls/lock_lines"), {"batch_size": batch_size, "now": now}
    ).fetchall()
    return [row[0] for row in rows]


def claim_calls(
    connection: Connection,
    tenant_ids: Sequence[UUID],
    *,
    batch_size: int,
    lease_token: UUID,
    outcome_s: float,
    paused_wait_s: float,
    now: datetime | None = None,
) -> list[ClaimedCall]:
    """Lease due calls of tenants whose lines are held; ``now`` None: the database's clock."""
    with connection.cursor(row_factory=class_row(ClaimedCall)) as cursor:
        return cursor.execute(
            statement("calls/claim_calls"),
            {
                "tenant_ids": list(tenant_ids),
                "batch_size": batch_size,
                "lease_token": lease_token,
                "outcome_s": outcome_s,
                "paused_wait_s": paused_wait_s,
                "now": now,
            },
        ).fetchall()


def retime_calls(connection: Connection, hours: Sequence[CallHours]) -> None:
    """Give queued calls other hours."""
    tenant_ids, ids, due_ats, untils = columns(hours, 4)
    connection.execute(
        statement("calls/retime_calls"),
        {"tenant_ids": tenant_ids, "ids": ids, "due_ats": due_ats, "callable_untils": untils},
    )


def apply_dials(
    connection: Connection,
    lease_token: UUID,
    calls: Sequence[DialedCall],
    now: datetime | None = None,
) -> None:
    """Write what became of claimed calls, and when their contacts were called."""
    names = ("tenant_ids", "ids", "channel_ids", "pbxs", "dialed", "errors", "waits_s")
    arrays = dict(zip(names, columns(calls, len(names)), strict=True))
    connection.execute(
        statement("calls/apply_dials"), {"lease_token": lease_token, "now": now, **arrays}
    )
