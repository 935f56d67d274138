"""Calls and appointments of contacts, as nodes may look at them; one function, one statement."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from db.bulk import columns
from db.engine import Connection
from db.queries.journeys.rows import AppointmentFacts, CallFacts
from db.statements import statement


def load_calls(
    connection: Connection, keys: Sequence[tuple[UUID, UUID]]
) -> dict[tuple[UUID, UUID], CallFacts]:
    """What the log has of calls with contacts, by (tenant_id, contact_id)."""
    tenant_ids, contact_ids = columns(keys, 2)
    cursor = connection.execute(
        statement("journeys/load_calls"), {"tenant_ids": tenant_ids, "contact_ids": contact_ids}
    )
    return {(row[0], row[1]): CallFacts(*row[2:]) for row in cursor}


def load_appointments(
    connection: Connection, keys: Sequence[tuple[UUID, UUID]], now: datetime
) -> dict[tuple[UUID, UUID], AppointmentFacts]:
    """Appointments of contacts as of a moment, by (tenant_id, contact_id)."""
    tenant_ids, contact_ids = columns(keys, 2)
    cursor = connection.execute(
        statement("journeys/load_appointments"),
        {"tenant_ids": tenant_ids, "contact_ids": contact_ids, "now": now},
    )
    return {(row[0], row[1]): AppointmentFacts(*row[2:]) for row in cursor}
