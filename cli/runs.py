"""``trunkline jobs``: what the ledger says of runs."""

from typing import Annotated

import typer

from cli.enqueueing import enqueue_job
from cli.errors import BAD_INPUT, CommandError
from cli.options import AnyTenantSlug, AsJson
from cli.output import print_fields, print_json, print_table, say
from cli.retrying import retry_jobs
from cli.session import open_session, parse_id, tenant_named
from cli.waiting import describe_progress
from db.queries.runs import get_run, list_runs
from jobs.runs import cancel

STATES = ("queued", "running", "succeeded", "failed", "cancelled")

app = typer.Typer(help="Look at runs: imports, enrollments and whatever other services enqueued.")


@app.command("list")
def list_jobs(
    tenant: AnyTenantSlug = None,
    state: Annotated[str | None, typer.Option(help=f"One of {', '.join(STATES)}.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only runs of this kind.")] = None,
    key: Annotated[str | None, typer.Option(help="Only runs with this unique key.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="So many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List runs, the newest first."""
    if state is not None and state not in STATES:
        raise CommandError(f"--state {state!r} is none of {', '.join(STATES)}", BAD_INPUT)
    with open_session() as session:
        if tenant is not None:
            tenant_named(session.database, tenant)
        with session.database.read() as connection:
            runs = list_runs(connection, tenant, state, limit, kind=kind, unique_key=key)
    if as_json:
        print_json(runs)
        return
    print_table(
        ("id", "tenant", "kind", "state", "done", "tries", "created", "error"),
        [
            (
                run.id,
                run.tenant,
                run.kind,
                run.state,
                _progress(run.progress_done, run.progress_total),
                run.attempts,
                run.created_at,
                run.reason,
            )
            for run in runs
        ],
    )


@app.command("show")
def show_job(
    run_id: Annotated[str, typer.Argument(metavar="ID")],
    tenant: AnyTenantSlug = None,
    as_json: AsJson = False,
) -> None:
    """Show one run with its arguments, its result or its error."""
    wanted = parse_id(run_id, "run")
    with open_session() as session, session.database.read() as connection:
        run = get_run(connection, wanted, tenant)
    if run is None:
        raise CommandError(f"there is no run {wanted}", BAD_INPUT)
    if as_json:
        print_json(run)
        return
    print_fields(
        {
            "id": run.id,
            "tenant": run.tenant,
            "kind": run.kind,
            "state": run.state,
            "progress": _progress(run.progress_done, run.progress_total),
            "pace": describe_progress(run) or None,
            "tries": run.attempts,
            "args": run.args,
            "unique key": run.unique_key,
            "priority": run.priority or None,
            "run at": run.run_at,
            "created": run.created_at,
            "started": run.started_at,
            "finished": run.finished_at,
            "result": run.result,
            "error": run.error,
        }
    )


@app.command("cancel")
def cancel_job(
    run_id: Annotated[str, typer.Argument(metavar="ID")],
    tenant: AnyTenantSlug = None,
    as_json: AsJson = False,
) -> None:
    """Cancel a run: one that waits never begins, one under way ends after its chunk.

    What was committed stays. A run that was cancelled already is no mistake.
    """
    wanted = parse_id(run_id, "run")
    with open_session() as session:
        with session.database.read() as connection:
            run = get_run(connection, wanted, tenant)
        if run is None:
            raise CommandError(f"there is no run {wanted}", BAD_INPUT)
        owner = tenant_named(session.database, run.tenant)
        with session.database.transaction() as connection:
            cancel(connection, owner.id, wanted)
        with session.database.read() as connection:
            run = get_run(connection, wanted, tenant) or run
    if as_json:
        print_json(run)
    if run.state != "cancelled":
        raise CommandError(f"run {wanted} has {run.state} already")
    if not as_json:
        say(f"run {wanted} cancelled")


app.command("retry")(retry_jobs)
app.command("enqueue")(enqueue_job)


def _progress(done: int, total: int | None) -> str:
    return f"{done:,}" if total is None else f"{done:,} of {total:,}"
