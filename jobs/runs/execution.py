"""From a due run to its end."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
import structlog

from config.settings import Settings
from db.counter import count_statements
from db.engine import Database
from jobs.runs import ledger
from jobs.runs.errors import (
    DefiniteError,
    LeaseLostError,
    RunCancelledError,
    StopRequestedError,
)
from jobs.runs.failures import failure_text
from jobs.runs.kinds import ClaimedRun, Kind

log = structlog.get_logger(__name__)

# The run is this worker's no more, or not for its own sake.
_PASSED_ON = (
    LeaseLostError,
    RunCancelledError,
    StopRequestedError,
    psycopg.errors.DeadlockDetected,
)


@dataclass(frozen=True)
class RunOutcome:
    """``worked``: a run was taken up, however it ended. ``more``: another was due as well."""

    worked: bool
    more: bool


def run_next(
    database: Database,
    settings: Settings,
    kinds: Mapping[str, Kind[Any]],
    run_id: UUID | None = None,
    *,
    queue: str | None = None,
    stopping: threading.Event | None = None,
) -> RunOutcome:
    """Take up the next due run, do it to its end and write down how it ended.

    ``kinds`` are all there are: a run of any other kind ends as failed, so that it doesn't wait
    for ever. With ``queue``, kinds that other queues serve are left to them; with ``run_id``, only
    that run is taken up. Once ``stopping`` is set, no run is taken up, and the one under way is
    handed back between two chunks. Errors of a run end in the ledger, not here.

    Raises:
        DatabaseUnreachableError, psycopg.OperationalError: there is no ledger to write to; the
            run, if one was taken up, is taken up again when its lease ends.
    """
    if stopping is not None and stopping.is_set():
        return RunOutcome(worked=False, more=False)
    claim = ledger.claim_run(
        database, settings, run_id, kinds=kinds, queue=queue, stopping=stopping
    )
    if claim is None:
        return RunOutcome(worked=False, more=False)
    run = claim.run
    with structlog.contextvars.bound_contextvars(tenant_id=str(run.tenant_id), run_id=str(run.id)):
        _work(database, settings, kinds, run)
    return RunOutcome(worked=True, more=claim.more)


def _work(
    database: Database, settings: Settings, kinds: Mapping[str, Kind[Any]], run: ClaimedRun
) -> None:
    started = time.monotonic()
    log.info("run_started", kind=run.kind, attempt=run.attempts, resumed=run.cursor is not None)
    with count_statements() as count:
        try:
            state = _attempt(database, settings, kinds, run)
        except LeaseLostError:
            state = "taken up elsewhere"
        except RunCancelledError:
            state = "cancelled"
        except (StopRequestedError, psycopg.errors.DeadlockDetected) as reason:
            ledger.release(database, run)
            state = "queued"
            log.info("run_released", kind=run.kind, reason=type(reason).__name__)
    log.info(
        "run_ended",
        kind=run.kind,
        state=state,
        statements=count.statements,
        rows=count.rows,
        slow_statements=count.slow,
        duration_ms=round((time.monotonic() - started) * 1000),
    )


def _attempt(
    database: Database, settings: Settings, kinds: Mapping[str, Kind[Any]], run: ClaimedRun
) -> str:
    kind = kinds.get(run.kind)
    try:
        if kind is None:
            raise DefiniteError(f"unknown kind {run.kind!r}")  # noqa: TRY301 - one way to end
        result = kind.run(database, settings, run, kind.check(run.args))
        ledger.succeed(database, run, result)
    except DefiniteError as error:
        log.warning("run_refused", error=str(error))
        return ledger.fail(database, settings, run, str(error), definite=True)
    except _PASSED_ON:
        raise
    except Exception as error:
        log.exception("run_attempt_failed", attempt=run.attempts)
        backoff_s = kind.backoff_s if kind else None
        return ledger.fail(database, settings, run, failure_text(error), backoff_s=backoff_s)
    return "succeeded"
