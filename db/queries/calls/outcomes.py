"""Statements on calls that are under way and on how they end; one function, one statement."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.rows import class_row

from db.bulk import columns
from db.engine import Connection
from db.queries.calls.keys import CallKey
from db.statements import statement


class EndedCall(NamedTuple):
    """A call under way that ends; ``refused``: it never rang."""

    tenant_id: UUID
    id: UUID
    channel_id: str
    outcome: str
    error: str | None
    refused: bool


class FinishedCall(NamedTuple):
    """A call as it stands now; ``state`` QUEUED: its contact is dialed again later."""

    tenant_id: UUID
    id: UUID
    contact_id: UUID
    campaign_id: UUID | None
    journey_contact_id: int | None
    execution_id: int | None
    state: str
    outcome: str
    attempts: int


class SilentCall(NamedTuple):
    """A call of which no outcome came in time; ``goes_on`` and what follows are the log's."""

    tenant_id: UUID
    id: UUID
    channel_id: str
    goes_on: bool
    disposition: str | None
    transfer_number: str | None
    user_events: Sequence[Mapping[str, Any]] | None
    billable_seconds: int | None


class QueuedCallRow(NamedTuple):
    """What a call that we dialed is about."""

    tenant_id: UUID
    id: UUID
    campaign_id: UUID | None
    contact_id: UUID
    journey_id: UUID | None
    journey_contact_id: int | None
    execution_id: int | None
    to_number: str
    from_number: str | None


def finish_calls(
    connection: Connection, calls: Sequence[EndedCall], now: datetime | None = None
) -> list[FinishedCall]:
    """End calls; those returned were under way, the others had their outcome before."""
    names = ("tenant_ids", "ids", "channel_ids", "outcomes", "errors", "refused")
    arrays = dict(zip(names, columns(calls, len(names)), strict=True))
    with connection.cursor(row_factory=class_row(FinishedCall)) as cursor:
        return cursor.execute(statement("calls/finish_calls"), {"now": now, **arrays}).fetchall()


def note_outcomes(connection: Connection, calls: Sequence[FinishedCall]) -> None:
    """Write what became of the contacts' last calls; of several of one, the last given."""
    last = {(call.tenant_id, call.contact_id): call.outcome for call in calls}
    tenant_ids, contact_ids = columns(list(last), 2)
    connection.execute(
        statement("calls/note_outcomes"),
        {
            "tenant_ids": tenant_ids,
            "contact_ids": contact_ids,
            "outcomes": list(last.values()),
        },
    )


def find_silent_calls(
    connection: Connection, batch_size: int, now: datetime | None = None
) -> list[SilentCall]:
    """Lock calls under way whose outcome is overdue."""
    with connection.cursor(row_factory=class_row(SilentCall)) as cursor:
        return cursor.execute(
            statement("calls/find_silent_calls"), {"batch_size": batch_size, "now": now}
        ).fetchall()


def extend_leases(
    connection: Connection,
    keys: Sequence[tuple[UUID, UUID]],
    outcome_s: float,
    now: datetime | None = None,
) -> None:
    """Wait on for the outcome of calls: (tenant_id, id)."""
    tenant_ids, ids = columns(keys, 2)
    connection.execute(
        statement("calls/extend_leases"),
        {"tenant_ids": tenant_ids, "ids": ids, "outcome_s": outcome_s, "now": now},
    )


def find_queued_calls(
    connection: Connection, keys: Sequence[CallKey]
) -> dict[tuple[UUID, UUID], QueuedCallRow]:
    """What calls that we dialed are about, by (tenant_id, id)."""
    tenant_ids, ids, _ = columns(keys, 3)
    with connection.cursor(row_factory=class_row(QueuedCallRow)) as cursor:
        rows = cursor.execute(
            statement("calls/find_queued_calls"), {"tenant_ids": tenant_ids, "ids": ids}
        ).fetchall()
    return {(row.tenant_id, row.id): row for row in rows}
