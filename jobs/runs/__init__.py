"""The ledger of user-visible jobs; the packages of kinds stand on it."""

from db.queries.runs import RunFilter
from jobs.runs.doors import (
    Enqueued,
    Item,
    cancel,
    enqueue,
    enqueue_many,
    publish_kinds,
    retry,
)
from jobs.runs.errors import (
    BadArgumentsError,
    DefiniteError,
    LeaseLostError,
    RunCancelledError,
    RunTimedOutError,
    StopRequestedError,
)
from jobs.runs.execution import RunOutcome, run_next
from jobs.runs.keys import Debounce, KeepLast, KeyRule, Throttle, Unique
from jobs.runs.kinds import ClaimedRun, Kind
from jobs.runs.ledger import (
    Claim,
    checkpoint,
    chunk,
    claim_run,
    fail,
    lease_keeper,
    release,
    renew,
    succeed,
)

__all__ = [
    "BadArgumentsError",
    "Claim",
    "ClaimedRun",
    "Debounce",
    "DefiniteError",
    "Enqueued",
    "Item",
    "KeepLast",
    "KeyRule",
    "Kind",
    "LeaseLostError",
    "RunCancelledError",
    "RunFilter",
    "RunOutcome",
    "RunTimedOutError",
    "StopRequestedError",
    "Throttle",
    "Unique",
    "cancel",
    "checkpoint",
    "chunk",
    "claim_run",
    "enqueue",
    "enqueue_many",
    "fail",
    "lease_keeper",
    "publish_kinds",
    "release",
    "renew",
    "retry",
    "run_next",
    "succeed",
]
