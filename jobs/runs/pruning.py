"""Runs that ended long ago leave the ledger."""

from typing import Any

from config.settings import Settings
from db.engine import Connection
from db.queries import runs as queries

# At a time: each may take an error list of many rows with it.
_MOST_RUNS = 1000


def prune_runs(connection: Connection, settings: Settings) -> dict[str, Any]:
    """Delete runs that ended ``run_retention_days`` ago, and all that is kept with them.

    Returns ``{"deleted": how many}``, at most a thousand; the others go the next time. Files that
    imports kept are swept once their run is gone.
    """
    return {
        "deleted": queries.prune_runs(connection, days=settings.run_retention_days, size=_MOST_RUNS)
    }
