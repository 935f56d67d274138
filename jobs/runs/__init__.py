"""The ledger of user-visible jobs; the packages of kinds stand on it."""

from jobs.runs.errors import (
    DefiniteError,
    LeaseLostError,
    RunCancelledError,
    StopRequestedError,
)
from jobs.runs.execution import RunOutcome, run_next
from jobs.runs.kinds import ClaimedRun, Kind
from jobs.runs.ledger import (
    Claim,
    cancel,
    checkpoint,
    chunk,
    claim_run,
    enqueue,
    fail,
    lease_keeper,
    release,
    renew,
    succeed,
)

__all__ = [
    "Claim",
    "ClaimedRun",
    "DefiniteError",
    "Kind",
    "LeaseLostError",
    "RunCancelledError",
    "RunOutcome",
    "StopRequestedError",
    "cancel",
    "checkpoint",
    "chunk",
    "claim_run",
    "enqueue",
    "fail",
    "lease_keeper",
    "release",
    "renew",
    "run_next",
    "succeed",
]
