"""The ledger of runs."""

from db.queries.runs.doors import (
    EnqueuedRow,
    KindRow,
    NewRun,
    cancel_run,
    enqueue_runs,
    notify,
    prune_runs,
    publish_kinds,
)
from db.queries.runs.leases import (
    ClaimedRow,
    KindLimits,
    checkpoint_run,
    claim_run,
    fail_run,
    hold_run,
    ready_runs,
    release_run,
    renew_lease,
    rescue_runs,
    succeed_run,
    take_turn,
)
from db.queries.runs.reads import Run, get_cursor, get_run, list_runs

__all__ = [
    "ClaimedRow",
    "EnqueuedRow",
    "KindLimits",
    "KindRow",
    "NewRun",
    "Run",
    "cancel_run",
    "checkpoint_run",
    "claim_run",
    "enqueue_runs",
    "fail_run",
    "get_cursor",
    "get_run",
    "hold_run",
    "list_runs",
    "notify",
    "prune_runs",
    "publish_kinds",
    "ready_runs",
    "release_run",
    "renew_lease",
    "rescue_runs",
    "succeed_run",
    "take_turn",
]
