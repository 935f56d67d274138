"""Leads and what tenants sell; one function, one statement."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from db.bulk import array_literal, columns
from db.engine import Connection
from db.queries.journeys.rows import LeadRow
from db.statements import statement


class ServiceRow(NamedTuple):
    """A service that a tenant sells; ``currency`` is ISO 4217."""

    tenant_id: UUID
    category: str | None
    price: Decimal
    currency: str
    keywords: list[str]


class ScoredLead(NamedTuple):
    """A lead's score (0–100), and the status of one that was NEW."""

    tenant_id: UUID
    id: UUID
    score: int
    status: str


def load_leads(
    connection: Connection, keys: Sequence[tuple[UUID, UUID]]
) -> dict[tuple[UUID, UUID], LeadRow]:
    """The latest NEW lead by (tenant_id, contact_id), of contacts that have one."""
    tenant_ids, contact_ids = columns(keys, 2)
    cursor = connection.execute(
        statement("leads/load_leads"),
        {"tenant_ids": array_literal(tenant_ids), "contact_ids": array_literal(contact_ids)},
        binary=True,
    )
    return {(row[0], row[1]): LeadRow._make(row[2:]) for row in cursor}


def load_services(connection: Connection, tenant_ids: Sequence[UUID]) -> list[ServiceRow]:
    """Active services of tenants."""
    cursor = connection.execute(statement("leads/load_services"), {"tenant_ids": list(tenant_ids)})
    return [ServiceRow._make(row) for row in cursor]


def score_leads(connection: Connection, leads: Sequence[ScoredLead], now: datetime) -> None:
    """Write scores; each lead is given once."""
    tenant_ids, ids, scores, statuses = columns(leads, 4)
    connection.execute(
        statement("leads/score_leads"),
        {
            "tenant_ids": tenant_ids,
            "ids": ids,
            "scores": scores,
            "statuses": statuses,
            "now": now,
        },
    )
