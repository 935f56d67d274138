"""Contacts that changed, and their steps in journeys that have a goal or exits."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from db.bulk import array_literal, columns
from db.engine import Connection
from db.queries.journeys.rows import StepRow
from db.statements import statement


class ChangedContact(NamedTuple):
    """``share`` is how many notes its tenant could have had of those that were taken."""

    tenant_id: UUID
    contact_id: UUID
    share: int


def take_changed_contacts(connection: Connection, size: int) -> list[ChangedContact]:
    """Take up to ``size`` notes out of what is noted, each tenant its share; or a few more.

    A contact that was noted twice may be in it twice.
    """
    cursor = connection.execute(statement("journeys/take_changed_contacts"), {"size": size})
    return [ChangedContact._make(row) for row in cursor]


def lock_exit_steps(
    connection: Connection, contacts: Sequence[tuple[UUID, UUID]], now: datetime | None = None
) -> tuple[list[StepRow], bool]:
    """Lock the steps of contacts (tenant_id, contact_id), each given once.

    Returns:
        the steps, and whether all that were seen are ours: else others took their place meanwhile.
    """
    tenant_ids, contact_ids = columns(contacts, 2)
    rows = connection.execute(
        statement("journeys/lock_exit_steps"),
        {
            "tenant_ids": array_literal(tenant_ids),
            "contact_ids": array_literal(contact_ids),
            "now": now,
        },
        binary=True,
    ).fetchall()
    locked = [StepRow(*row) for row in rows if row[0] is not None]
    return locked, len(locked) == len(rows)


def note_contacts(connection: Connection, contacts: Sequence[tuple[UUID, UUID]]) -> None:
    """Note contacts (tenant_id, contact_id) as a change of theirs does."""
    tenant_ids, contact_ids = columns(contacts, 2)
    connection.execute(
        statement("journeys/note_contacts"),
        {"tenant_ids": array_literal(tenant_ids), "contact_ids": array_literal(contact_ids)},
    )


def note_enrolled(connection: Connection, tenant_id: UUID, journey_id: UUID) -> None:
    """Note all contacts in a journey."""
    connection.execute(
        statement("journeys/note_enrolled"), {"tenant_id": tenant_id, "journey_id": journey_id}
    )


def withdraw_leavers(
    connection: Connection, leavers: Sequence[tuple[UUID, UUID, int]], now: datetime
) -> None:
    """Cancel what has not gone out yet: (tenant_id, contact_id, enrollment) of those who left."""
    tenant_ids, contact_ids, ids = columns(leavers, 3)
    connection.execute(
        statement("journeys/withdraw_leavers"),
        {
            "tenant_ids": array_literal(tenant_ids),
            "contact_ids": array_literal(contact_ids),
            "ids": array_literal(ids),
            "now": now,
        },
    )
