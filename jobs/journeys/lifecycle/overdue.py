"""What becomes of steps whose time passed while they were held back."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from db.engine import Connection, Database
from db.queries.journeys import overdue as queries
from db.queries.journeys.lifecycle import Chunk
from jobs.journeys.lifecycle.settling import CHUNK
from jobs.runs import DefiniteError

_WAYS = "run, skip, or spread:MINUTES such as spread:30"
_LONGEST_MIN = 60 * 24 * 31


@dataclass(frozen=True)
class Overdue:
    """``run`` them at once, ``spread`` them over ``minutes``, or ``skip`` them."""

    way: Literal["run", "spread", "skip"]
    minutes: float = 0

    @classmethod
    def parse(cls, text: str) -> "Overdue":
        """``run``, ``skip`` or ``spread:30``.

        Raises:
            DefiniteError: it is none of them.
        """
        if text == "run":
            return cls("run")
        if text == "skip":
            return cls("skip")
        spread = re.fullmatch(r"spread:([0-9]+(?:\.[0-9]+)?)", text)
        if spread and 0 < float(spread[1]) <= _LONGEST_MIN:
            return cls("spread", float(spread[1]))
        raise DefiniteError(f"{text!r} is no way with overdue steps: {_WAYS}")


class OverdueError(DefiniteError):
    """There are overdue steps, and nobody has said what to do with them."""

    def __init__(self, what: str, count: int) -> None:
        super().__init__(f"{what} has {count:,} overdue steps: say what to do with them, {_WAYS}")


def decide_overdue(
    database: Database,
    tenant_id: UUID,
    journey_id: UUID | None,
    overdue: Overdue | None,
    *,
    what: str,
    now: datetime,
    before: datetime,
    size: int = CHUNK,
) -> int:
    """Do with overdue steps what was asked, before what holds them is lifted; returns their number.

    In chunks, each its own transaction; killed, what holds them still stands, and asking again does
    the rest. ``before``: since when they have been held.

    Raises:
        OverdueError: there are some, and ``overdue`` is None.
    """
    with database.transaction() as connection:
        total = queries.count_overdue_steps(connection, tenant_id, journey_id, now)
    if not total or (overdue and overdue.way == "run"):
        return total
    if overdue is None:
        raise OverdueError(what, total)
    after = done = 0
    while True:
        picked = queries.picked_in_order(
            tenant_id, journey_id, now=now, before=before, after=after, size=size
        )
        with database.transaction() as connection:
            chunk = apply_overdue(connection, overdue, picked, done=done, total=total)
        done += chunk.rows
        if chunk.last is None or chunk.rows < size:
            return total
        after = chunk.last


def apply_overdue(
    connection: Connection, overdue: Overdue, picked: dict[str, Any], *, done: int, total: int
) -> Chunk:
    """Spread or skip the picked steps."""
    if overdue.way == "skip":
        return queries.skip_steps(connection, picked)
    return queries.spread_steps(
        connection, picked, spread_s=overdue.minutes * 60, done=done, total=total
    )
