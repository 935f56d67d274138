"""Waiting for a run's end: the ledger is asked several times a second, a bar shows progress."""

import sys
import time
from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

import psycopg
import sqlalchemy.exc
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli.errors import CommandError
from cli.output import counts, print_json, say, tell
from cli.session import Session
from db.engine import DatabaseUnreachableError
from db.queries.runs import Run, get_run

T = TypeVar("T")

POLL_S = 0.15
_QUEUED_PATIENCE_S = 10.0
ENDED = frozenset({"succeeded", "failed", "cancelled"})


def finish_command(
    session: Session, tenant: str, run_id: UUID, *, as_json: bool, detach: bool
) -> None:
    """What a command does that has started a run: wait for it and show its result.

    Raises:
        CommandError: the run failed or was cancelled; its own error is the text.
    """
    if detach:
        leave(run_id, as_json=as_json)
        return
    run = wait_with_bar(session, tenant, run_id, show=not as_json)
    if as_json:
        print_json(run)
    insist_on_success(run)
    if not as_json:
        say(describe_result(run))


def leave(run_id: UUID, *, as_json: bool) -> None:
    """Print the id of a run that isn't waited for."""
    if as_json:
        print_json({"id": run_id, "state": "queued"})
    else:
        say(str(run_id))


def insist_on_success(run: Run) -> None:
    """Raises CommandError, with the run's own error as the text, if it failed or was cancelled."""
    if run.state != "succeeded":
        raise CommandError(f"run {run.id} {run.state}" + (f": {run.reason}" if run.reason else ""))


def wait_for_run(
    session: Session, tenant: str, run_id: UUID, on_look: Callable[[Run], None]
) -> Run:
    """Block until the run has ended; ``on_look`` sees it each time.

    A run that stays queued is told of once on stderr: probably no worker runs.

    Raises:
        CommandError: there is no such run.
        DatabaseUnreachableError: the database was away for ``db_wait_timeout_s``.
    """
    impatient_at = time.monotonic() + _QUEUED_PATIENCE_S
    while True:
        run = look_at(session, tenant, run_id)
        if run is None:
            raise CommandError(f"run {run_id} is gone")
        on_look(run)
        if run.state in ENDED:
            return run
        if run.state == "queued" and time.monotonic() > impatient_at:
            impatient_at = float("inf")
            reason = f"its last try failed: {run.reason}" if run.reason else "does a worker run?"
            tell(f"run {run_id} is still queued ({reason}); waiting on. `trunkline doctor` looks")
        time.sleep(POLL_S)


def patiently(look: Callable[[], T]) -> T:
    """What ``look`` returns; a connection lost in the middle is made anew.

    Raises:
        DatabaseUnreachableError: the database was away for ``db_wait_timeout_s``.
    """
    while True:
        try:
            return look()
        except (psycopg.OperationalError, sqlalchemy.exc.OperationalError):
            tell("the connection to the database is lost; trying again")


def look_at(session: Session, tenant: str, run_id: UUID) -> Run | None:
    """The run as it is now, asked for as ``patiently`` does."""

    def look() -> Run | None:
        with session.database.read() as connection:
            return get_run(connection, run_id, tenant)

    return patiently(look)


def describe_result(run: Run) -> str:
    """The run's result in one line."""
    took = ""
    if run.started_at and run.finished_at:
        took = f" in {(run.finished_at - run.started_at).total_seconds():.2f} s"
    result = run.result or {}
    figures = {name: n for name, n in sorted(result.items()) if isinstance(n, int) and n}
    rejected, others = (result.get(name) for name in ("rejected_reasons", "reasons"))
    parts = [
        counts({name: n}) + (_because(rejected) if name == "rejected" else "")
        for name, n in figures.items()
    ]
    said = ", ".join(parts) or "nothing to do"
    return f"{run.kind} {run.state}{took}: {said}{_because(others)}"


def _because(reasons: object) -> str:
    return f" ({counts(reasons)})" if isinstance(reasons, dict) and reasons else ""


def wait_with_bar(session: Session, tenant: str, run_id: UUID, *, show: bool) -> Run:
    """Wait for the run's end; ``show``: with a bar, if stderr is a terminal.

    Raises:
        as ``wait_for_run``.
    """
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[figures]}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not (show and sys.stderr.isatty()),
    )
    try:
        with bar:
            task = bar.add_task("queued", total=None, figures="")
            return wait_for_run(
                session,
                tenant,
                run_id,
                lambda run: bar.update(
                    task,
                    description=f"{run.kind} {run.state}",
                    completed=run.progress_done,
                    total=run.progress_total,
                    figures=describe_progress(run),
                ),
            )
    except (KeyboardInterrupt, DatabaseUnreachableError):
        tell(f"run {run_id} goes on: `trunkline jobs show {run_id}` tells how")
        raise


def describe_progress(run: Run) -> str:
    """Pace, time left and what became of the rows so far, as far as they are known."""
    parts = []
    if run.progress_done and run.rows_per_s:
        parts.append(f"{run.rows_per_s:,.0f}/s")
    if run.seconds_left is not None:
        parts.append(f"{run.seconds_left:,.0f} s left")
    shown = {name: f"{n:,}" for name, n in (run.counts or {}).items() if isinstance(n, int) and n}
    shown.pop("read", None)
    return ", ".join(parts + ([counts(shown)] if shown else []))
