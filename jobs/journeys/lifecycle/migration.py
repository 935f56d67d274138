"""Contacts in flight brought to their journey's current version."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from db.engine import Connection, Database
from db.queries.journeys import retiming as queries
from db.queries.journeys.lifecycle import Chunk
from db.queries.journeys.retiming import OldVersion
from jobs.journeys.lifecycle.journeys import journey_named
from jobs.journeys.lifecycle.retiming import retime
from jobs.journeys.lifecycle.settling import in_chunks

_PASSES = 20


@dataclass(frozen=True)
class Migrated:
    """``moved`` contacts are on ``version`` now, ``retimed`` of them at another time.

    ``left`` are those whose node is gone, by version and node: they finish on their version.
    """

    version: int
    moved: int
    retimed: int
    left: list[OldVersion]


def migrate_journey(
    database: Database,
    tenant_id: UUID,
    key: str,
    from_version: int | None = None,
    now: datetime | None = None,
) -> Migrated:
    """Move contacts to the current version where it has the node they stand at, by its key.

    In chunks, each its own transaction; a step that a batch holds is waited for, and where the
    contact went is looked for in another pass.

    Raises:
        DefiniteError: there is no such journey.
    """
    journey = journey_named(database, tenant_id, key)
    moved = 0
    for _ in range(_PASSES):
        moved += in_chunks(database, partial(_move, tenant_id, journey.id, from_version))
        with database.transaction() as connection:
            left = queries.count_old_versions(connection, tenant_id, journey.id, from_version)
        if not any(line.movable for line in left):
            break
    retimed = retime(database, tenant_id, journey.id, now) if moved else 0
    return Migrated(journey.version, moved, retimed, left)


def _move(
    tenant_id: UUID,
    journey_id: UUID,
    from_version: int | None,
    connection: Connection,
    after: int,
    size: int,
) -> Chunk:
    return queries.migrate_steps(
        connection, tenant_id, journey_id, from_version, after=after, size=size
    )
