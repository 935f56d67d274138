"""``trunkline jobs enqueue``: a run of any kind."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from cli.errors import BAD_INPUT, CommandError
from cli.options import AsJson, TenantSlug
from cli.output import print_json, say
from cli.session import open_session, tenant_named
from jobs.runs import BadArgumentsError, Debounce, KeepLast, KeyRule, Throttle, Unique, enqueue
from workers.kinds import KINDS


def enqueue_job(
    kind: Annotated[str, typer.Argument(help=f"One of {', '.join(sorted(KINDS))}.")],
    tenant: TenantSlug,
    args: Annotated[str, typer.Option(help="Its arguments, a JSON object.")] = "{}",
    key: Annotated[str | None, typer.Option(help="Its unique key.")] = None,
    how: Annotated[
        str, typer.Option(help="With --key: unique, throttle, debounce or keep_last.")
    ] = "unique",
    period: Annotated[
        float | None, typer.Option(min=0.001, help="With --how: the period or wait, seconds.")
    ] = None,
    max_wait: Annotated[
        float | None, typer.Option(min=0.001, help="With --how debounce: at most, seconds.")
    ] = None,
    run_at: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%dT%H:%M:%S"], help="Earliest start, UTC.")
    ] = None,
    priority: Annotated[int, typer.Option(help="The highest goes first.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Write a run into the ledger and print its id."""
    if kind not in KINDS:
        raise CommandError(f"unknown kind {kind!r}: {', '.join(sorted(KINDS))}", BAD_INPUT)
    rule, arguments = _rule(how, period, max_wait), _arguments(args)
    with open_session() as session:
        owner = tenant_named(session.database, tenant)
        try:
            with session.database.transaction() as connection:
                run_id = enqueue(
                    connection,
                    owner.id,
                    KINDS[kind],
                    arguments,
                    unique_key=key,
                    run_at=run_at.replace(tzinfo=UTC) if run_at else None,
                    priority=priority,
                    rule=rule,
                )
        except BadArgumentsError as error:
            raise CommandError(f"{kind}: {error}", BAD_INPUT) from None
    if as_json:
        print_json({"run_id": run_id})
    else:
        say(str(run_id))


def _rule(how: str, period_s: float | None, max_wait_s: float | None) -> KeyRule:
    if max_wait_s is not None and how != "debounce":
        raise CommandError("--max-wait goes with --how debounce", BAD_INPUT)
    match how, period_s:
        case "unique", _:
            return Unique(period_s)
        case "keep_last", None:
            return KeepLast()
        case "throttle", float():
            return Throttle(period_s)
        case "debounce", float():
            return Debounce(period_s, max_wait_s)
        case (("throttle" | "debounce"), None):
            raise CommandError(f"--how {how} needs a --period", BAD_INPUT)
        case "keep_last", _:
            raise CommandError("--period doesn't go with --how keep_last", BAD_INPUT)
    raise CommandError(f"--how {how!r} is none of unique, throttle, debounce, keep_last", BAD_INPUT)


def _arguments(text: str) -> dict[str, Any]:
    try:
        arguments = json.loads(text)
    except ValueError as error:
        raise CommandError(f"--args is no JSON: {error}", BAD_INPUT) from None
    if not isinstance(arguments, dict):
        raise CommandError("--args is no JSON object", BAD_INPUT)
    return arguments
