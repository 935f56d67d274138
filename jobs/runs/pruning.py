"""Runs that ended long ago leave the ledger."""

from collections.abc import Iterable
from typing import Any

from config.settings import Settings
from db.engine import Connection
from db.queries import runs as queries
from jobs.runs.kinds import Kind

# At a time: each may take an error list of many rows with it.
_MOST_RUNS = 10_000


def prune_runs(
    connection: Connection, settings: Settings, kinds: Iterable[Kind[Any]] = ()
) -> dict[str, Any]:
    """Delete runs that ended ``run_retention_days`` ago, or as their kind says, and what they kept.

    Returns ``{"deleted": how many}``, at most ten thousand; the others go the next time. Files that
    imports kept are swept once their run is gone.
    """
    kept_days = [(kind.name, kind.retention_days) for kind in kinds if kind.retention_days]
    deleted = queries.prune_runs(
        connection, kept_days, other_days=settings.run_retention_days, size=_MOST_RUNS
    )
    return {"deleted": deleted}
