"""Drafted replies that people look at before they go; one function, one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from psycopg.rows import class_row

from db.bulk import columns
from db.engine import Connection
from db.statements import statement

WAIT_KEY = "#approval:"
"""What a step waits for that has put a draft before a person, with the step's id.

No event of a journey's own can have that name.
"""


def wait_key(execution_id: int) -> str:
    """What the step waits for that put the draft before people."""
    return f"{WAIT_KEY}{execution_id}"


class AskingStep(NamedTuple):
    """A step that puts a draft before a person; ``group`` is the index of the draft."""

    tenant_id: UUID
    contact_id: UUID
    journey_id: UUID
    journey_contact_id: int
    execution_id: int
    group: int


class Draft(NamedTuple):
    """A draft; the highest ``priority`` is looked at first. ``expires_at`` None: never."""

    body: str
    priority: int
    assigned_to: str | None
    expires_at: datetime | None


class LeavingStep(NamedTuple):
    """A step that leaves without a decision; ``status``: EXPIRED or CANCELLED."""

    tenant_id: UUID
    journey_contact_id: int
    execution_id: int
    status: str


class DecisionRow(NamedTuple):
    """A decision; ``status``: APPROVED, EDITED or REJECTED; ``text`` of EDITED ones."""

    tenant_id: UUID
    id: UUID
    status: str
    by: str
    text: str | None


class DecidedRow(NamedTuple):
    """How a request stands; ``changed``: it was decided just now.

    ``execution_id`` is the step that asked, ``text`` what may be sent; both of changed ones.
    """

    tenant_id: UUID
    id: UUID
    changed: bool
    status: str
    decided_by: str | None
    decided_at: datetime | None
    contact_id: UUID
    execution_id: int | None
    text: str | None


@dataclass(frozen=True)
class PendingApproval:
    """A draft that is before people now; ``contact`` is the name, ``journey`` the key."""

    id: UUID
    priority: int
    assigned_to: str | None
    contact_id: UUID
    phone: str
    contact: str | None
    journey: str | None
    lead_id: UUID | None
    body: str
    created_at: datetime
    expires_at: datetime | None


def request_approvals(
    connection: Connection, steps: Sequence[AskingStep], drafts: Sequence[Draft], now: datetime
) -> None:
    """Put drafts before people, each with the lead that its contact brought last."""
    tenants, contacts, journeys, enrollments, executions, groups = columns(steps, 6)
    bodies, priorities, assigned_tos, expire_ats = columns(drafts, 4)
    connection.execute(
        statement("approvals/request_approvals"),
        {
            "tenant_ids": tenants,
            "contact_ids": contacts,
            "journey_ids": journeys,
            "journey_contact_ids": enrollments,
            "execution_ids": executions,
            "groups": groups,
            "group_nos": list(range(len(drafts))),
            "bodies": bodies,
            "priorities": priorities,
            "assigned_tos": assigned_tos,
            "expire_ats": expire_ats,
            "now": now,
        },
    )


def close_requests(connection: Connection, steps: Sequence[LeavingStep], now: datetime) -> None:
    """Take back the requests of steps that this transaction has locked."""
    tenant_ids, enrollments, executions, statuses = columns(steps, 4)
    connection.execute(
        statement("approvals/close_requests"),
        {
            "tenant_ids": tenant_ids,
            "journey_contact_ids": enrollments,
            "execution_ids": executions,
            "statuses": statuses,
            "now": now,
        },
    )


def lock_waiting_steps(connection: Connection, keys: Sequence[tuple[UUID, UUID]]) -> None:
    """Wait for the batches that hold the steps of these requests (tenant_id, id)."""
    tenant_ids, ids = columns(keys, 2)
    connection.execute(
        statement("approvals/lock_waiting_steps"), {"tenant_ids": tenant_ids, "ids": ids}
    )


def decide_requests(
    connection: Connection, decisions: Sequence[DecisionRow], now: datetime | None
) -> list[DecidedRow]:
    """Decide what is pending, each request given once; how all those that exist stand now."""
    tenant_ids, ids, statuses, bys, texts = columns(decisions, 5)
    rows = connection.execute(
        statement("approvals/decide_requests"),
        {
            "tenant_ids": tenant_ids,
            "ids": ids,
            "statuses": statuses,
            "bys": bys,
            "texts": texts,
            "now": now,
        },
    )
    return [DecidedRow._make(row) for row in rows]


def cancel_journey_requests(
    connection: Connection, tenant_id: UUID, journey_id: UUID, size: int
) -> int:
    """Take back open requests of a journey, ``size`` at most; returns how many."""
    return connection.execute(
        statement("approvals/cancel_journey_requests"),
        {"tenant_id": tenant_id, "journey_id": journey_id, "size": size},
    ).rowcount


def list_pending(connection: Connection, tenant_id: UUID, size: int) -> list[PendingApproval]:
    """What is before people of a tenant now, the most urgent first."""
    with connection.cursor(row_factory=class_row(PendingApproval)) as cursor:
        cursor.execute(statement("approvals/list_pending"), {"tenant_id": tenant_id, "size": size})
        return cursor.fetchall()


def find_request(connection: Connection, approval_id: UUID) -> UUID | None:
    """The tenant that has the request; None if nobody has."""
    row = connection.execute(statement("approvals/find_request"), {"id": approval_id}).fetchone()
    return row[0] if row else None
