"""Contacts' enrollments that are ended, paused or taken up again; one statement each."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from db.engine import Connection
from db.statements import statement


class LockedEnrollments(NamedTuple):
    """``ids``: enrollments in flight. ``all_locked``: each step that was seen is ours now."""

    ids: list[int]
    all_locked: bool


class Removed(NamedTuple):
    """How many enrollments and steps were ended, and messages and calls cancelled."""

    enrollments: int
    steps: int
    messages: int
    calls: int = 0


def lock_enrollment_steps(
    connection: Connection, tenant_id: UUID, contact_ids: Sequence[UUID], journey_id: UUID | None
) -> LockedEnrollments:
    """Lock the steps of contacts' enrollments in one journey, or with None in all."""
    row = connection.execute(
        statement("journeys/lock_enrollment_steps"),
        {"tenant_id": tenant_id, "contact_ids": list(contact_ids), "journey_id": journey_id},
    ).fetchone()
    return LockedEnrollments._make(row)  # type: ignore[arg-type]  # always a row


def remove_enrollments(
    connection: Connection,
    tenant_id: UUID,
    ids: Sequence[int],
    contact_ids: Sequence[UUID],
    journey_id: UUID | None,
    *,
    status: str,
    reason: str,
) -> Removed:
    """End enrollments whose steps are locked, and cancel what the contacts have not been sent."""
    row = connection.execute(
        statement("journeys/remove_enrollments"),
        {
            "tenant_id": tenant_id,
            "ids": list(ids),
            "contact_ids": list(contact_ids),
            "journey_id": journey_id,
            "status": status,
            "reason": reason,
        },
    ).fetchone()
    return Removed._make(row)  # type: ignore[arg-type]  # always a row


def pause_enrollments(connection: Connection, tenant_id: UUID, ids: Sequence[int]) -> int:
    return _counted(connection, "journeys/pause_enrollments", tenant_id, ids)


def resume_enrollments(connection: Connection, tenant_id: UUID, ids: Sequence[int]) -> int:
    return _counted(connection, "journeys/resume_enrollments", tenant_id, ids)


def forbid_contacts(
    connection: Connection, tenant_id: UUID, contact_ids: Sequence[UUID], *, forbidden: bool
) -> int:
    """Set or lift do-not-contact; returns how many were changed."""
    return connection.execute(
        statement("journeys/forbid_contacts"),
        {"tenant_id": tenant_id, "contact_ids": list(contact_ids), "forbidden": forbidden},
    ).rowcount


def find_contacts(
    connection: Connection, tenant_id: UUID, phones: Sequence[str], ids: Sequence[UUID]
) -> list[tuple[UUID, str]]:
    """(id, phone) of the tenant's contacts that have one of these phones (E.164) or ids."""
    return connection.execute(
        statement("journeys/find_contacts"),
        {"tenant_id": tenant_id, "phones": list(phones), "ids": list(ids)},
    ).fetchall()


def _counted(connection: Connection, name: str, tenant_id: UUID, ids: Sequence[int]) -> int:
    row = connection.execute(statement(name), {"tenant_id": tenant_id, "ids": list(ids)}).fetchone()
    return int(row[0]) if row else 0
