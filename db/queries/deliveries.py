"""Statements on messages that are to be sent."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from psycopg.rows import class_row

from db import bulk
from db.engine import Connection
from db.statements import statement


class ClaimedMessage(NamedTuple):
    """A message the claim touched; only one that is ``SENDING`` may be sent.

    ``attempts`` counts the try that now begins. ``more_due`` says that its tenant had at least its
    full share of messages due. ``stale`` says that its hours are over: it waits for its next,
    to be found by its contact's ``timezone`` (None: the tenant's).
    """

    tenant_id: UUID
    id: UUID
    status: str
    to_number: str
    from_number: str | None
    body: str
    attempts: int
    more_due: bool
    stale: bool
    timezone: str | None
    now: datetime


class MessageHours(NamedTuple):
    """When a message may go: from ``due_at`` until ``sendable_until``, None: without end."""

    tenant_id: UUID
    id: UUID
    due_at: datetime
    sendable_until: datetime | None


class SendResult(NamedTuple):
    """What becomes of a message: ``status`` SENT, FAILED or, to be tried again, QUEUED.

    ``wait_s`` is the time until the next try in seconds; ``unsent`` 1 gives the attempt back.
    """

    tenant_id: UUID
    id: UUID
    status: str
    provider_id: str | None
    error: str | None
    wait_s: float
    unsent: int


def claim_messages(
    connection: Connection,
    *,
    batch_size: int,
    max_attempts: int,
    lease_token: UUID,
    lease_s: float,
    paused_wait_s: float,
    now: datetime | None = None,
) -> list[ClaimedMessage]:
    """Lease due messages, up to ``batch_size`` and as many whose sender is gone; one statement.

    ``now`` None: the database's clock.
    """
    with connection.cursor(row_factory=class_row(ClaimedMessage)) as cursor:
        return cursor.execute(
            statement("deliveries/claim_messages"),
            {
                "batch_size": batch_size,
                "max_attempts": max_attempts,
                "lease_token": lease_token,
                "lease_s": lease_s,
                "paused_wait_s": paused_wait_s,
                "now": now,
            },
        ).fetchall()


def find_withdrawn(
    connection: Connection,
    lease_token: UUID,
    keys: Sequence[tuple[UUID, UUID]],
    now: datetime | None = None,
) -> list[UUID]:
    """Ids of those claimed messages, of (tenant_id, id), that must not be sent any more."""
    tenant_ids, ids = bulk.columns(keys, 2)
    rows = connection.execute(
        statement("deliveries/find_withdrawn"),
        {"lease_token": lease_token, "now": now, "tenant_ids": tenant_ids, "ids": ids},
    ).fetchall()
    return [row[0] for row in rows]


def apply_results(
    connection: Connection,
    lease_token: UUID,
    results: Sequence[SendResult],
    now: datetime | None = None,
) -> dict[UUID, str]:
    """Write the results whose lease still holds, in one statement; returns id → status of those."""
    names = ("tenant_ids", "ids", "statuses", "provider_ids", "errors", "waits_s", "unsent")
    arrays = dict(zip(names, bulk.columns(results, len(names)), strict=True))
    rows = connection.execute(
        statement("deliveries/apply_results"), {"lease_token": lease_token, "now": now, **arrays}
    ).fetchall()
    return {message_id: status for message_id, status in rows}  # noqa: C416 - rows are tuples of any


def retime_messages(connection: Connection, hours: Sequence[MessageHours]) -> None:
    """Give queued messages other hours, in one statement."""
    tenant_ids, ids, due_ats, untils = bulk.columns(hours, 4)
    connection.execute(
        statement("deliveries/retime_messages"),
        {"tenant_ids": tenant_ids, "ids": ids, "due_ats": due_ats, "sendable_untils": untils},
    )
