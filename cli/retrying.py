"""``trunkline jobs retry``: one run, or all that match."""

from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

import typer

from cli.errors import BAD_INPUT, CommandError
from cli.options import AnyTenantSlug, AsJson
from cli.output import print_json, say
from cli.session import Session, open_session, parse_id, tenant_named
from db.queries.runs import get_run
from jobs.runs import RunFilter, retry
from jobs.runs.doors import MOST_RETRIED

ENDED = ("failed", "cancelled")


def retry_jobs(
    run_id: Annotated[str | None, typer.Argument(metavar="[ID]")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="All that match, instead of one by its ID.")
    ] = False,
    tenant: AnyTenantSlug = None,
    kind: Annotated[str | None, typer.Option(help="With --all: of this kind.")] = None,
    state: Annotated[str, typer.Option(help="With --all: failed or cancelled.")] = "failed",
    error: Annotated[
        str | None, typer.Option(help="With --all: with this text in their error.")
    ] = None,
    hours: Annotated[
        float | None, typer.Option(min=0, help="With --all: that ended in the last HOURS.")
    ] = None,
    per_minute: Annotated[
        float | None, typer.Option(min=0.001, help="With --all: start so many a minute.")
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=MOST_RETRIED, help="With --all: so many at most.")
    ] = MOST_RETRIED,
    as_json: AsJson = False,
) -> None:
    """Queue failed or cancelled runs again; they go on where they stopped.

    One whose unique key another run has by now stays ended.
    """
    if (run_id is None) != every:
        raise CommandError("give the ID of a run, or --all", BAD_INPUT)
    if state not in ENDED:
        raise CommandError(f"--state {state!r} is none of {', '.join(ENDED)}", BAD_INPUT)
    with open_session() as session:
        owner = tenant_named(session.database, tenant).id if tenant is not None else None
        if run_id is not None:
            wanted = parse_id(run_id, "run")
            _insist(session, wanted, tenant)
            which = RunFilter(tenant_id=owner, run_id=wanted, states=ENDED)
        else:
            since = datetime.now(UTC) - timedelta(hours=hours) if hours is not None else None
            which = RunFilter(owner, None, kind, (state,), error, since)
        with session.database.transaction() as connection:
            retried = retry(connection, which, per_minute=per_minute, at_most=limit)
    if run_id is not None and not retried:
        raise CommandError(f"run {run_id} stays as it is: another one has its unique key")
    if as_json:
        print_json({"retried": retried})
    else:
        say(f"{len(retried):,} runs queued again" if every else f"run {run_id} queued again")


def _insist(session: Session, run_id: UUID, tenant: str | None) -> None:
    with session.database.read() as connection:
        run = get_run(connection, run_id, tenant)
    if run is None:
        raise CommandError(f"there is no run {run_id}", BAD_INPUT)
    if run.state not in ENDED:
        raise CommandError(f"run {run_id} is {run.state}: only what failed or was cancelled")
