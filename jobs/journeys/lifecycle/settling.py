"""Held where something isn't active, due where all is: pending steps follow the statuses.

Nothing of it is urgent, as claims look at the statuses themselves: it keeps what can't run from
lying in the way of what can. So it goes in chunks, each a transaction of its own, may be killed and
taken up by anybody: a change of status is noted by a trigger, and forgotten when it is settled.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from config.settings import Settings
from db.engine import Connection, Database
from db.queries.journeys import lifecycle as queries
from db.queries.journeys.lifecycle import Chunk, StatusChange

CHUNK = 10_000
_SWEEP_S = 5.0

Step = Callable[[Connection, int, int], Chunk]
"""(connection, the enrollment after which to begin, size) → what one chunk did."""


@dataclass(frozen=True)
class Settled:
    """Steps taken out of the due index, and put back."""

    held: int = 0
    released: int = 0


def settle(
    database: Database, tenant_id: UUID, journey_id: UUID | None, *, size: int = CHUNK
) -> Settled:
    """Hold and release the steps of a journey, or with None of a tenant, as their statuses say."""
    held = released = 0
    while True:
        with database.transaction() as connection:
            change = queries.next_status_change(connection, tenant_id, journey_id)
        if change is None:
            return Settled(held, released)
        held += in_chunks(database, partial(_hold, change), size)
        released += in_chunks(database, partial(_release, change), size)
        with database.transaction() as connection:
            queries.forget_status_changes(connection, change)


def in_chunks(database: Database, step: Step, size: int = CHUNK) -> int:
    """Go through enrollments in order, each chunk its own transaction; returns what was changed."""
    changed = after = 0
    while True:
        with database.transaction() as connection:
            chunk = step(connection, after, size)
        changed += chunk.changed
        if chunk.last is None or chunk.rows < size:
            return changed
        after = chunk.last


def sweep(connection: Connection, settings: Settings) -> dict[str, Any]:
    """Settle what others left: a command that was killed, a status changed by SQL.

    In the caller's transaction and for some seconds at most; the next sweep goes on.
    """
    del settings
    held = released = 0
    deadline = time.monotonic() + _SWEEP_S
    while time.monotonic() < deadline:
        change = queries.next_status_change(connection, None, None)
        if change is None:
            break
        more_held, holding = _until(deadline, connection, partial(_hold, change))
        more_released, releasing = _until(deadline, connection, partial(_release, change))
        held += more_held
        released += more_released
        if holding and releasing:
            queries.forget_status_changes(connection, change)
    return {"held": held, "released": released}


def _until(deadline: float, connection: Connection, step: Step) -> tuple[int, bool]:
    """(steps changed, whether all are done) by chunks until the deadline."""
    changed = after = 0
    while time.monotonic() < deadline:
        chunk = step(connection, after, CHUNK)
        changed += chunk.changed
        if chunk.last is None or chunk.rows < CHUNK:
            return changed, True
        after = chunk.last
    return changed, False


def _hold(change: StatusChange, connection: Connection, after: int, size: int) -> Chunk:
    return queries.hold_steps(
        connection, change.tenant_id, change.journey_id, after=after, size=size
    )


def _release(change: StatusChange, connection: Connection, after: int, size: int) -> Chunk:
    return queries.release_steps(
        connection, change.tenant_id, change.journey_id, after=after, size=size
    )
