"""The ledger of runs: work taken up, how far it came, how it ended.

A run reaches outside one transaction, so it is held by a stored lease: attempts, token and
lease_until are committed before it starts, and every later write shows the token.
"""

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

import structlog

from config.settings import Settings
from db.counter import uncounted
from db.engine import Connection, Database
from db.queries import runs as queries
from jobs.runs.errors import (
    LeaseLostError,
    RunCancelledError,
    RunTimedOutError,
    StopRequestedError,
)
from jobs.runs.kinds import ClaimedRun, Kind

log = structlog.get_logger(__name__)

# The part of a lease after which it is renewed.
_RENEW_AFTER = 1 / 3
_NO_KINDS: Mapping[str, Kind[Any]] = MappingProxyType({})


class Claim(NamedTuple):
    """``more``: another run was due that no other worker was about to take up."""

    run: ClaimedRun
    more: bool


def claim_run(
    database: Database,
    settings: Settings,
    run_id: UUID | None = None,
    *,
    kinds: Mapping[str, Kind[Any]] = _NO_KINDS,
    queue: str | None = None,
    stopping: threading.Event | None = None,
) -> Claim | None:
    """Take up one due run of an ACTIVE tenant, committed before this returns; None if none waits.

    Due is what is queued and not in the future. Runs whose lease has ended are queued again first,
    or end as failed if their worker died at their last attempt. Tenants take turns, and the limits
    of ``kinds`` hold. With ``queue``, kinds that other queues serve are left to other workers; with
    ``run_id``, only that run will do. Once ``stopping`` is set, the run goes no further than its
    chunk.
    """
    others = [kind.name for kind in kinds.values() if queue not in (None, kind.queue)]
    with uncounted(), database.transaction() as connection:
        after = queries.take_turn(connection, queue or "")
        for tenant_id, dead_id in queries.rescue_runs(connection, settings.run_max_attempts):
            log.error("run_buried", tenant_id=str(tenant_id), run_id=str(dead_id))
        queries.ready_runs(connection)
        row = queries.claim_run(
            connection,
            run_id,
            queue=queue or "",
            after=after,
            other_kinds=() if run_id else others,
            limits=[kind.limits for kind in kinds.values()],
            lease_s=settings.run_lease_s,
        )
    if row is None:
        return None
    timeout_s = kinds[row.kind].timeout_s if row.kind in kinds else math.inf
    run = ClaimedRun(
        *row[:-1],
        stopping or threading.Event(),
        timeout_s=timeout_s,
        deadline=time.monotonic() + timeout_s,
    )
    return Claim(run, row.more)


@contextlib.contextmanager
def chunk(database: Database, run: ClaimedRun) -> Iterator[Connection]:
    """A transaction for one chunk of the run, in which nobody else can take the run up.

    End it with ``checkpoint``, so that what was done and how far it came are committed together.

    Raises:
        LeaseLostError, RunCancelledError, RunTimedOutError, StopRequestedError: nothing of the
            chunk is kept.
    """
    _check_stop(run)
    with database.transaction() as connection:
        with uncounted():
            state = queries.hold_run(connection, run.tenant_id, run.id, run.token)
        _check(state)
        yield connection


def checkpoint(
    connection: Connection,
    settings: Settings,
    run: ClaimedRun,
    cursor: Mapping[str, Any],
    *,
    done: int,
    total: int | None = None,
) -> None:
    """Save cursor and progress and renew the lease, in the chunk's own transaction.

    Raises:
        LeaseLostError, RunCancelledError: let it through, and the chunk is rolled back.
    """
    with uncounted():
        state = queries.checkpoint_run(
            connection,
            run.tenant_id,
            run.id,
            run.token,
            attempts=run.attempts,
            cursor=cursor,
            done=done,
            total=total,
            lease_s=settings.run_lease_s,
        )
    _check(state)


def renew(database: Database, settings: Settings, run: ClaimedRun) -> None:
    """Keep the lease while nothing is written, such as on the way to where a file was left.

    Raises:
        LeaseLostError, RunCancelledError, RunTimedOutError, StopRequestedError: stop.
    """
    _check_stop(run)
    with uncounted(), database.transaction() as connection:
        _check(
            queries.renew_lease(connection, run.tenant_id, run.id, run.token, settings.run_lease_s)
        )


def lease_keeper(database: Database, settings: Settings, run: ClaimedRun) -> Callable[[], None]:
    """A function to call as often as one likes while there is nothing to commit.

    It renews the lease in time and raises what ``renew`` raises.
    """
    renewed_at = time.monotonic()

    def keep() -> None:
        nonlocal renewed_at
        _check_stop(run)
        if time.monotonic() - renewed_at > settings.run_lease_s * _RENEW_AFTER:
            renew(database, settings, run)
            renewed_at = time.monotonic()

    return keep


def succeed(database: Database, run: ClaimedRun, result: Mapping[str, Any]) -> None:
    """End the run as succeeded.

    Raises:
        LeaseLostError, RunCancelledError: it is no longer this worker's to end.
    """
    with uncounted(), database.transaction() as connection:
        ended = queries.succeed_run(
            connection, run.tenant_id, run.id, run.token, attempts=run.attempts, result=result
        )
        if ended is None:
            raise _taken_away(connection, run)


def fail(
    database: Database,
    settings: Settings,
    run: ClaimedRun,
    error: str,
    *,
    definite: bool = False,
    backoff_s: float | None = None,
) -> str:
    """Queue the run again after a backoff; end it as failed if ``definite`` or at its last attempt.

    ``backoff_s`` None: what the settings say. Returns the state it came to, ``queued`` or
    ``failed``.

    Raises:
        LeaseLostError, RunCancelledError: it is no longer this worker's to end.
    """
    with uncounted(), database.transaction() as connection:
        state = queries.fail_run(
            connection,
            run.tenant_id,
            run.id,
            run.token,
            attempts=run.attempts,
            error=error.replace("\0", "␀"),  # Postgres has no place for NUL
            definite=definite,
            max_attempts=settings.run_max_attempts,
            backoff_s=settings.run_backoff_s if backoff_s is None else backoff_s,
        )
        if state is None:
            raise _taken_away(connection, run)
    return state


def release(database: Database, run: ClaimedRun) -> None:
    """Hand the run back, to be taken up again at once; this start is not counted."""
    with uncounted(), database.transaction() as connection:
        queries.release_run(connection, run.tenant_id, run.id, run.token, attempts=run.attempts)


def _check_stop(run: ClaimedRun) -> None:
    if run.stopping.is_set():
        raise StopRequestedError
    if time.monotonic() > run.deadline:
        raise RunTimedOutError(f"timed out after {run.timeout_s:,.0f} s")


def _taken_away(connection: Connection, run: ClaimedRun) -> Exception:
    state = queries.hold_run(connection, run.tenant_id, run.id, run.token)
    return RunCancelledError() if state == "cancelled" else LeaseLostError()


def _check(state: str | None) -> None:
    if state == "cancelled":
        raise RunCancelledError
    if state != "running":
        raise LeaseLostError
