"""Runs of the ledger, done in this process as a worker does them."""

import time
from typing import Any
from uuid import UUID

from config.settings import Settings
from db.engine import Database
from jobs.runs import enqueue, run_next
from workers.kinds import KINDS


def seconds_of_run(
    database: Database, settings: Settings, tenant_id: UUID, kind: str, arguments: dict[str, Any]
) -> tuple[float, dict[str, Any]]:
    """Enqueue a run and do it; how long it took from claim to end, and its result.

    Raises:
        RuntimeError: it did not succeed.
    """
    with database.transaction() as connection:
        run_id = enqueue(connection, tenant_id, kind, arguments)
    started = time.perf_counter()
    run_next(database, settings, KINDS, run_id)
    elapsed_s = time.perf_counter() - started
    with database.transaction() as connection:
        state, result, error = connection.execute(
            "SELECT state, result, error FROM job_runs WHERE id = %s", (run_id,)
        ).fetchone() or (None, None, None)
    if state != "succeeded":
        raise RuntimeError(f"{kind} ended as {state}: {error}")
    return elapsed_s, result
