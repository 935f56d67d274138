"""Steps whose time passed while they were held back; one statement each."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from db.engine import Connection
from db.queries.journeys.lifecycle import Chunk
from db.statements import statement


def count_overdue_steps(
    connection: Connection, tenant_id: UUID, journey_id: UUID | None, now: datetime
) -> int:
    """Of a journey, or with None of all that the tenant's resume brings back."""
    row = connection.execute(
        statement("journeys/count_overdue_steps"),
        {"tenant_id": tenant_id, "journey_id": journey_id, "now": now},
    ).fetchone()
    return int(row[0]) if row else 0


def count_overdue_enrollments(
    connection: Connection, tenant_id: UUID, ids: Sequence[int], now: datetime
) -> int:
    """Of the paused among these enrollments."""
    row = connection.execute(
        statement("journeys/count_overdue_enrollments"),
        {"tenant_id": tenant_id, "ids": list(ids), "now": now},
    ).fetchone()
    return int(row[0]) if row else 0


def spread_steps(
    connection: Connection, picked: dict[str, Any], *, spread_s: float, done: int, total: int
) -> Chunk:
    """Spread the picked steps over ``spread_s``; ``done`` of ``total`` came before them."""
    return _changed(
        connection,
        "journeys/spread_steps",
        {**picked, "spread_s": spread_s, "done": done, "total": total},
    )


def skip_steps(connection: Connection, picked: dict[str, Any]) -> Chunk:
    """Record the picked steps as skipped and bring their contacts to the next nodes."""
    return _changed(connection, "journeys/skip_steps", picked)


def picked_in_order(
    tenant_id: UUID,
    journey_id: UUID | None,
    *,
    now: datetime,
    before: datetime,
    after: int,
    size: int,
) -> dict[str, Any]:
    """The next overdue steps of a journey or a tenant, in order of their enrollments."""
    return {
        "pick": "journeys/pick_overdue_steps",
        "tenant_id": tenant_id,
        "journey_id": journey_id,
        "now": now,
        "before": before,
        "after": after,
        "size": size,
    }


def picked_by_enrollment(tenant_id: UUID, ids: Sequence[int], now: datetime) -> dict[str, Any]:
    """The overdue steps of enrollments that this transaction has locked."""
    return {
        "pick": "journeys/pick_overdue_enrollments",
        "tenant_id": tenant_id,
        "ids": list(ids),
        "now": now,
    }


def _changed(connection: Connection, name: str, parameters: dict[str, Any]) -> Chunk:
    pick = statement(parameters["pick"])
    row = connection.execute(pick + statement(name), parameters).fetchone()
    return Chunk._make(row)  # type: ignore[arg-type]  # counts always make a row
