"""Runs that come in, and what is asked of those that are there. One statement each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from db import bulk
from db.engine import Connection
from db.statements import statement


class NewRun(NamedTuple):
    """``run_at`` None: now."""

    args: Mapping[str, Any]
    unique_key: str | None
    run_at: datetime | None
    priority: int


class EnqueuedRow(NamedTuple):
    """``item``: its place among those given, from 1; ``run_id`` None and an ``error``: refused."""

    item: int
    run_id: UUID | None
    outcome: str
    error: str | None


@dataclass(frozen=True)
class RunFilter:
    """Which ended runs are meant; None is any. ``error``: a part of it; ``since``: they ended."""

    tenant_id: UUID | None = None
    run_id: UUID | None = None
    kind: str | None = None
    states: Sequence[str] = ("failed",)
    error: str | None = None
    since: datetime | None = None


class KindRow(NamedTuple):
    """Names of the arguments that a kind must have, and of all that it may have; None: any."""

    kind: str
    required: list[str]
    allowed: list[str] | None


def enqueue_runs(
    connection: Connection,
    tenant_id: UUID,
    kind: str,
    runs: Sequence[NewRun],
    *,
    how: str,
    period_s: float | None,
    max_wait_s: float | None,
) -> list[EnqueuedRow]:
    args, keys, run_ats, priorities = bulk.columns(runs, 4)
    with connection.cursor(row_factory=class_row(EnqueuedRow)) as cursor:
        return cursor.execute(
            statement("runs/enqueue_runs"),
            {
                "tenant_id": tenant_id,
                "kind": kind,
                "args": bulk.array_literal([Jsonb(given) for given in args]),
                "unique_keys": keys,
                "run_ats": run_ats,
                "priorities": priorities,
                "how": how,
                "period_s": period_s,
                "max_wait_s": max_wait_s,
            },
        ).fetchall()


def publish_kinds(connection: Connection, kinds: Iterable[KindRow]) -> None:
    """Tell the door for SQL what there is."""
    rows = [row._asdict() for row in kinds]
    connection.execute(statement("runs/publish_kinds"), {"kinds": Jsonb(rows)})


def prune_runs(
    connection: Connection, kinds: Iterable[tuple[str, int]], *, other_days: int, size: int
) -> int:
    """Delete at most ``size`` runs that ended long ago; returns how many.

    ``kinds``: for how many days each is kept; ``other_days``: those that aren't named.
    """
    names, days = bulk.columns(kinds, 2)
    return connection.execute(
        statement("runs/prune_runs"),
        {"kinds": names, "days": days, "other_days": other_days, "size": size},
    ).rowcount


def retry_runs(
    connection: Connection, which: RunFilter, *, spacing_s: float, at_most: int
) -> list[UUID]:
    """Queue failed and cancelled runs again; returns their ids in the order of their starts."""
    rows = connection.execute(
        statement("runs/retry_runs"),
        asdict(which) | {"states": list(which.states), "spacing_s": spacing_s, "at_most": at_most},
    )
    return [run_id for run_id, _ in rows]


def cancel_run(connection: Connection, tenant_id: UUID, run_id: UUID) -> bool:
    """Cancel a run that has not ended; False if it had."""
    row = connection.execute(
        statement("runs/cancel_run"), {"tenant_id": tenant_id, "id": run_id}
    ).fetchone()
    return row is not None


def notify(connection: Connection, ledger: str) -> None:
    """Tell listeners, once this transaction commits, that ``ledger`` has news."""
    connection.execute(statement("runs/notify_listeners"), {"ledger": ledger})
