"""Contacts brought to a journey's current version, and steps given new times."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from psycopg.rows import dict_row

from db.cache.changes import note_change
from db.engine import Connection
from db.queries.journeys.lifecycle import Chunk
from db.queries.journeys.rows import NodeRow, StepRow
from db.statements import statement


class OldVersion(NamedTuple):
    """Contacts on an older version, by the node they stand at."""

    version: int
    node: str
    contacts: int
    movable: bool


class RuleChange(NamedTuple):
    """A change of a tenant's rules or zone; ``retimed_to``: the last enrollment looked at."""

    tenant_id: UUID
    id: int
    retimed_to: int


def migrate_steps(
    connection: Connection,
    tenant_id: UUID,
    journey_id: UUID,
    from_version: int | None,
    *,
    after: int,
    size: int,
) -> Chunk:
    """Move the next contacts to the current version where it has their node."""
    row = connection.execute(
        statement("journeys/migrate_steps"),
        {
            "tenant_id": tenant_id,
            "journey_id": journey_id,
            "from_version": from_version,
            "after": after,
            "size": size,
        },
    ).fetchone()
    moved, last = row  # type: ignore[misc]  # counts always make a row
    return Chunk(moved, last, moved)


def count_old_versions(
    connection: Connection, tenant_id: UUID, journey_id: UUID, from_version: int | None
) -> list[OldVersion]:
    rows = connection.execute(
        statement("journeys/count_old_versions"),
        {"tenant_id": tenant_id, "journey_id": journey_id, "from_version": from_version},
    )
    return [OldVersion._make(row) for row in rows]


def list_nodes(connection: Connection, tenant_id: UUID, journey_id: UUID | None) -> list[NodeRow]:
    """Nodes of all versions of a journey, or with None of all the tenant's, version by version."""
    rows = connection.execute(
        statement("journeys/list_nodes"), {"tenant_id": tenant_id, "journey_id": journey_id}
    )
    return [NodeRow(*row) for row in rows]


def pick_timed_steps(
    connection: Connection,
    tenant_id: UUID,
    timed_ids: Sequence[int],
    reaching_ids: Sequence[int],
    *,
    now: datetime,
    after: int,
    size: int,
) -> list[StepRow]:
    """Lock the next steps, in order of their enrollments: all at nodes ``timed_ids``.

    At nodes ``reaching_ids`` those that a rule put off.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            statement("journeys/pick_timed_steps"),
            {
                "tenant_id": tenant_id,
                "timed_ids": list(timed_ids),
                "reaching_ids": list(reaching_ids),
                "now": now,
                "after": after,
                "size": size,
            },
        )
        return [StepRow(**row) for row in cursor]


def retime_steps(connection: Connection, steps: Sequence[tuple[StepRow, datetime]]) -> int:
    """Give locked steps their new times; returns how many had another."""
    return connection.execute(
        statement("journeys/retime_steps"),
        {
            "ctids": [step.ctid for step, _ in steps],
            "ids": [step.id for step, _ in steps],
            "ats": [at for _, at in steps],
        },
    ).rowcount


def expire_hours(connection: Connection, tenant_id: UUID, now: datetime, size: int) -> int:
    """Have up to ``size`` queued messages, and calls, ask for their hours anew.

    Returns how many, of whichever were more.
    """
    row = connection.execute(
        statement("journeys/expire_hours"), {"tenant_id": tenant_id, "now": now, "size": size}
    ).fetchone()
    return int(row[0]) if row else 0


def next_rule_change(connection: Connection, age_s: float) -> RuleChange | None:
    """Lock the latest change of a tenant's rules or zone, of those ``age_s`` seconds old."""
    row = connection.execute(statement("journeys/next_rule_change"), {"age_s": age_s}).fetchone()
    return RuleChange._make(row) if row else None


def keep_rule_change(connection: Connection, change: RuleChange, retimed_to: int) -> None:
    """Note how far a change's steps have been looked at: up to this enrollment."""
    connection.execute(
        statement("journeys/keep_rule_change"), {**change._asdict(), "retimed_to": retimed_to}
    )


def forget_rule_changes(connection: Connection, change: RuleChange) -> None:
    """A change, and those before it, are done with."""
    connection.execute(statement("journeys/forget_rule_changes"), change._asdict())


def set_timezone(connection: Connection, tenant_id: UUID, timezone: str) -> bool:
    """Give the tenant its zone; False if it had that already."""
    note_change("tenants", tenant_id)
    cursor = connection.execute(
        statement("tenants/set_timezone"), {"tenant_id": tenant_id, "timezone": timezone}
    )
    return cursor.rowcount > 0
