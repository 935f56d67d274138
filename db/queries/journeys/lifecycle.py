"""Statuses of tenants and journeys, and the pending steps they hold back; one statement each."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from db.engine import Connection
from db.statements import statement


class Chunk(NamedTuple):
    """``rows`` looked at, the last of their enrollments, and how many of them were changed."""

    rows: int
    last: int | None
    changed: int


class StatusChange(NamedTuple):
    """A change of status whose steps are not settled; ``journey_id`` None is the tenant's own."""

    tenant_id: UUID
    journey_id: UUID | None
    id: int


@dataclass(frozen=True)
class Journey:
    """A journey of a tenant, by its key."""

    id: UUID
    key: str
    version: int
    status: str
    updated_at: datetime


def find_journey(connection: Connection, tenant_id: UUID, key: str) -> Journey | None:
    row = connection.execute(
        statement("journeys/find_journey"), {"tenant_id": tenant_id, "key": key}
    ).fetchone()
    return Journey(*row) if row else None


def open_gate(connection: Connection, tenant_id: UUID, open_s: float) -> UUID:
    """Keep claims out of the tenant for ``open_s`` seconds at most; returns the gate's id."""
    row = connection.execute(
        statement("journeys/open_gate"), {"tenant_id": tenant_id, "open_s": open_s}
    ).fetchone()
    return row[0]  # type: ignore[index,no-any-return]  # an insert returns its row


def close_gate(connection: Connection, tenant_id: UUID, gate_id: UUID) -> None:
    connection.execute(statement("journeys/close_gate"), {"tenant_id": tenant_id, "id": gate_id})


def set_status(
    connection: Connection, tenant_id: UUID, journey_id: UUID | None, status: str
) -> bool:
    """Give a journey, or with None the tenant, its status; False if it had that already."""
    name = "journeys/set_tenant_status" if journey_id is None else "journeys/set_journey_status"
    cursor = connection.execute(
        statement(name),
        {"tenant_id": tenant_id, "journey_id": journey_id, "status": status},
    )
    return cursor.rowcount > 0


def hold_steps(
    connection: Connection, tenant_id: UUID, journey_id: UUID | None, *, after: int, size: int
) -> Chunk:
    return _chunk(
        connection, "journeys/hold_idle_steps", tenant_id, journey_id, after=after, size=size
    )


def release_steps(
    connection: Connection, tenant_id: UUID, journey_id: UUID | None, *, after: int, size: int
) -> Chunk:
    return _chunk(
        connection, "journeys/release_steps", tenant_id, journey_id, after=after, size=size
    )


def _chunk(
    connection: Connection,
    name: str,
    tenant_id: UUID,
    journey_id: UUID | None,
    *,
    after: int,
    size: int,
) -> Chunk:
    row = connection.execute(
        statement(name),
        {"tenant_id": tenant_id, "journey_id": journey_id, "after": after, "size": size},
    ).fetchone()
    rows, last = row  # type: ignore[misc]  # counts always make a row
    return Chunk(rows, last, rows)


def next_status_change(
    connection: Connection, tenant_id: UUID | None, journey_id: UUID | None
) -> StatusChange | None:
    """The oldest unsettled change, of this tenant and journey or, with None, of any."""
    row = connection.execute(
        statement("journeys/next_status_change"),
        {"tenant_id": tenant_id, "journey_id": journey_id},
    ).fetchone()
    return StatusChange._make(row) if row else None


def forget_status_changes(connection: Connection, change: StatusChange) -> None:
    connection.execute(statement("journeys/forget_status_changes"), change._asdict())


def cancel_journey_messages(
    connection: Connection, tenant_id: UUID, journey_id: UUID, size: int
) -> int:
    return connection.execute(
        statement("journeys/cancel_journey_messages"),
        {"tenant_id": tenant_id, "journey_id": journey_id, "size": size},
    ).rowcount


def cancel_journey_calls(
    connection: Connection, tenant_id: UUID, journey_id: UUID, size: int
) -> list[tuple[UUID, int]]:
    """Cancel the journey's undialed calls; (contact_id, execution_id) of each."""
    return connection.execute(
        statement("journeys/cancel_journey_calls"),
        {"tenant_id": tenant_id, "journey_id": journey_id, "size": size},
    ).fetchall()


def find_suspension(connection: Connection, tenant_id: UUID) -> datetime | None:
    """Since when the tenant is suspended; None if it isn't."""
    row = connection.execute(
        statement("journeys/find_suspension"), {"tenant_id": tenant_id}
    ).fetchone()
    return row[0] if row else None
