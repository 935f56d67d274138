"""Journeys and their versions, as journey files bring them; one function, one statement."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from db.bulk import columns
from db.cache.changes import note_change
from db.engine import Connection
from db.queries.journeys.rows import JourneyRow, NewNode, NodeFigures
from db.statements import statement


def lock_journey(
    connection: Connection, tenant_id: UUID, key: str, definition: Mapping[str, Any]
) -> JourneyRow | None:
    """The tenant's journey of that key, locked; None if there is none."""
    row = connection.execute(
        statement("journeys/lock_journey"),
        {"tenant_id": tenant_id, "key": key, "definition": Jsonb(definition)},
    ).fetchone()
    return JourneyRow._make(row) if row else None


def save_journey(
    connection: Connection,
    tenant_id: UUID,
    key: str,
    name: str,
    definition: Mapping[str, Any],
    reentry: str,
) -> tuple[UUID, int]:
    """Insert the journey or raise its version; returns (id, version)."""
    note_change("journeys", tenant_id)
    row = connection.execute(
        statement("journeys/save_journey"),
        {
            "tenant_id": tenant_id,
            "key": key,
            "name": name,
            "definition": Jsonb(definition),
            "reentry": reentry,
        },
    ).fetchone()
    if row is None:
        raise LookupError(key)
    return row[0], row[1]


def save_nodes(
    connection: Connection,
    tenant_id: UUID,
    journey_id: UUID,
    version: int,
    start: str,
    nodes: Sequence[NewNode],
) -> None:
    """Insert the nodes of a version: (key, type, config, edges)."""
    note_change("journey_nodes", tenant_id)
    keys, types, configs, edges, on_cycles = columns(nodes, 5)
    connection.execute(
        statement("journeys/save_nodes"),
        {
            "tenant_id": tenant_id,
            "journey_id": journey_id,
            "version": version,
            "start": start,
            "keys": keys,
            "types": types,
            "configs": list(map(Jsonb, configs)),
            "edges": list(map(Jsonb, edges)),
            "on_cycles": on_cycles,
        },
    )


def ensure_campaigns(connection: Connection, tenant_id: UUID, names: Sequence[str]) -> None:
    """Make the tenant's campaigns of these names, where they are missing."""
    connection.execute(
        statement("journeys/ensure_campaigns"), {"tenant_id": tenant_id, "names": list(names)}
    )


def count_nodes(connection: Connection, tenant_id: UUID, journey_id: UUID) -> list[NodeFigures]:
    """The figures of a journey's nodes, version by version; right after every batch."""
    cursor = connection.execute(
        statement("journeys/count_nodes"), {"tenant_id": tenant_id, "journey_id": journey_id}
    )
    return [NodeFigures._make(row) for row in cursor]
