"""From a due run to its end."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
import structlog
from pydantic import ValidationError

from config.settings import Settings
from config.tracebacks import error_line
from db.counter import count_statements
from db.engine import Database, DatabaseUnreachableError
from jobs.runs import ledger
from jobs.runs.errors import (
    DefiniteError,
    LeaseLostError,
    RunCancelledError,
    StopRequestedError,
)
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
    others = [k.name for k in kinds.values() if queue not in (None, k.queue) and run_id is None]
    claim = ledger.claim_run(database, settings, run_id, other_kinds=others, stopping=stopping)
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
    try:
        kind = kinds.get(run.kind)
        if kind is None:
            raise DefiniteError(f"unknown kind {run.kind!r}")  # noqa: TRY301 - one way to end
        result = kind.run(database, settings, run, _arguments(kind, run))
        ledger.succeed(database, run, result)
    except DefiniteError as error:
        log.warning("run_refused", error=str(error))
        return ledger.fail(database, settings, run, str(error), definite=True)
    except _PASSED_ON:
        raise
    except Exception as error:
        log.exception("run_attempt_failed", attempt=run.attempts)
        return ledger.fail(database, settings, run, _one_line(error))
    return "succeeded"


def _arguments(kind: Kind[Any], run: ClaimedRun) -> Any:
    try:
        return kind.arguments.model_validate(run.args)
    except ValidationError as error:
        problems = "; ".join(_problem(details) for details in error.errors())
        raise DefiniteError(f"bad arguments: {problems}") from None


def _problem(details: Any) -> str:
    place = ".".join(map(str, details["loc"]))
    text = str(details["msg"]).removeprefix("Value error, ")
    return f"{place}: {text}" if place else text


def _one_line(error: Exception) -> str:
    """What went wrong, without the values of a row, which Postgres puts on lines of their own."""
    if isinstance(error, psycopg.Error) and error.diag.message_primary:
        return error.diag.message_primary
    first = error_line(error).partition("\n")[0]
    if isinstance(error, DatabaseUnreachableError):
        return first
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
