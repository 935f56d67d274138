"""What a batch reads: its steps, locked, and all they stand in; one function, one statement."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from db.bulk import array_literals, columns
from db.engine import Connection
from db.queries.journeys.rows import ActivityRow, ContactRow, Mark, NodeRow, StepRow, TenantRow
from db.statements import statement


def claim_steps(
    connection: Connection,
    batch_size: int,
    now: datetime | None = None,
    marks: Sequence[Mark] = (),
) -> list[StepRow]:
    """Lock up to ``batch_size`` due steps, shared among tenants by their weights.

    Args:
        connection: in a transaction; its end lets go of what is not moved on.
        batch_size: steps at most.
        now: the clock; None for the database's.
        marks: where to begin looking, of tenants for which that is known.
    """
    mark_tenants, mark_ats, mark_ids = columns(marks, 3)
    cursor = connection.execute(
        statement("journeys/claim_steps"),
        {
            "batch_size": batch_size,
            "now": now,
            "mark_tenants": mark_tenants,
            "mark_ats": mark_ats,
            "mark_ids": mark_ids,
        },
        binary=True,
    )
    return [StepRow(*row) for row in cursor.fetchall()]


def load_contacts(
    connection: Connection, keys: Sequence[tuple[UUID, UUID]]
) -> dict[tuple[UUID, UUID], ContactRow]:
    """Contacts by (tenant_id, contact_id)."""
    tenant_ids, contact_ids = array_literals(keys, 2)
    cursor = connection.execute(
        statement("journeys/load_contacts"),
        {"tenant_ids": tenant_ids, "contact_ids": contact_ids},
        binary=True,
    )
    # By number, so that no id is read or compared again: it is the key that came in.
    found = ((keys[number - 1], row) for number, *row in cursor.fetchall())
    return {key: ContactRow(*key, *row) for key, row in found}


def load_nodes(
    connection: Connection, keys: Sequence[tuple[UUID, UUID, int]]
) -> dict[tuple[UUID, UUID, int], list[NodeRow]]:
    """Nodes by (tenant_id, journey_id, version)."""
    tenant_ids, journey_ids, versions = columns(keys, 3)
    cursor = connection.execute(
        statement("journeys/load_nodes"),
        {"tenant_ids": tenant_ids, "journey_ids": journey_ids, "versions": versions},
    )
    nodes: dict[tuple[UUID, UUID, int], list[NodeRow]] = {}
    for row in map(NodeRow._make, cursor):
        nodes.setdefault((row.tenant_id, row.journey_id, row.version), []).append(row)
    return nodes


def load_tenants(connection: Connection, tenant_ids: Sequence[UUID]) -> list[TenantRow]:
    """Zone and execution rules of tenants."""
    cursor = connection.execute(
        statement("journeys/load_tenants"), {"tenant_ids": list(tenant_ids)}
    )
    return [TenantRow._make(row) for row in cursor]


def load_results(
    connection: Connection, asked: Sequence[tuple[StepRow, str, datetime | None]]
) -> dict[tuple[UUID, int], dict[str, dict[str, Any]]]:
    """How nodes were last left: (step, the node's name, nothing was written before).

    Returns:
        (tenant_id, journey_contact_id) → node's name → its result's fields, and the outcome.
    """
    cursor = connection.execute(
        statement("journeys/load_results"),
        {
            "tenant_ids": [step.tenant_id for step, *_ in asked],
            "journey_ids": [step.journey_id for step, *_ in asked],
            "journey_contact_ids": [step.journey_contact_id for step, *_ in asked],
            "keys": [key for _, key, _ in asked],
            "sinces": [since for *_, since in asked],
        },
    )
    results: dict[tuple[UUID, int], dict[str, dict[str, Any]]] = {}
    for tenant_id, enrollment, key, outcome, result in cursor:
        left = {**(result or {}), "outcome": outcome}
        results.setdefault((tenant_id, enrollment), {})[key] = left
    return results


def load_recent_executions(
    connection: Connection, steps: Sequence[StepRow], now: datetime
) -> dict[tuple[int, int], list[datetime]]:
    """When each step's node was last executed for its enrollment, up to three times a minute.

    Returns:
        (journey_contact_id, node_id) → moments, the latest first.
    """
    cursor = connection.execute(
        statement("journeys/load_recent_executions"),
        {
            "tenant_ids": [step.tenant_id for step in steps],
            "journey_contact_ids": [step.journey_contact_id for step in steps],
            "node_ids": [step.node_id for step in steps],
            "now": now,
        },
    )
    recent: dict[tuple[int, int], list[datetime]] = {}
    for enrollment, node_id, _, executed_at in cursor:
        recent.setdefault((enrollment, node_id), []).append(executed_at)
    return recent


def load_activity(
    connection: Connection,
    wanted: Sequence[tuple[UUID, UUID, datetime, datetime]],
    now: datetime,
) -> list[ActivityRow]:
    """What contacts got: (tenant_id, contact_id, its day's first moment, the next day's).

    A row for each journey that reached one, and one for a contact that nothing did; none for those
    that another transaction holds. The others are locked until this one ends.
    """
    tenant_ids, contact_ids, day_starts, day_ends = columns(wanted, 4)
    cursor = connection.execute(
        statement("journeys/load_activity"),
        {
            "tenant_ids": tenant_ids,
            "contact_ids": contact_ids,
            "day_starts": day_starts,
            "day_ends": day_ends,
            "now": now,
        },
    )
    return [ActivityRow._make(row) for row in cursor]
