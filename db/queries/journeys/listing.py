"""Journeys as people list them."""

from dataclasses import dataclass
from uuid import UUID

from psycopg.rows import class_row

from db.engine import Connection
from db.statements import statement


@dataclass(frozen=True)
class ListedJourney:
    """``active_contacts``: enrollments in flight, whatever version they entered."""

    tenant: str
    id: UUID
    key: str
    name: str
    status: str
    version: int
    active_contacts: int


def list_journeys(connection: Connection, tenant_slug: str | None) -> list[ListedJourney]:
    """By tenant and key; None: of every tenant."""
    with connection.cursor(row_factory=class_row(ListedJourney)) as cursor:
        return cursor.execute(
            statement("journeys/list_journeys"), {"tenant_slug": tenant_slug}
        ).fetchall()
