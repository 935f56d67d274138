"""Pausing, resuming, archiving: commands of ``trunkline journeys`` and ``trunkline tenants``."""

from typing import Annotated

import typer

from cli.options import AsJson, TenantSlug
from cli.output import print_json, say
from cli.session import open_session, tenant_named
from jobs.journeys.lifecycle import journeys as lives
from jobs.journeys.lifecycle.journeys import StatusChanged
from jobs.journeys.lifecycle.migration import migrate_journey
from jobs.journeys.lifecycle.overdue import Overdue
from jobs.journeys.lifecycle.retiming import change_timezone

JourneyKey = Annotated[str, typer.Argument(metavar="KEY", help="The journey's key.")]
HowOverdue = Annotated[
    str | None,
    typer.Option(
        "--overdue",
        metavar="run|spread:MINUTES|skip",
        help="What becomes of steps whose time has passed: all at once, evenly over so many "
        "minutes, or recorded as skipped. Must be said where there are any.",
    ),
]


def overdue_named(text: str | None) -> Overdue | None:
    return None if text is None else Overdue.parse(text)


def add_journey_commands(app: typer.Typer) -> None:
    app.command("pause")(pause)
    app.command("resume")(resume)
    app.command("archive")(archive)
    app.command("migrate")(migrate)


def add_tenant_commands(app: typer.Typer) -> None:
    app.command("suspend")(suspend)
    app.command("resume")(resume_tenant)
    app.command("set")(set_tenant)


def pause(key: JourneyKey, tenant: TenantSlug, as_json: AsJson = False) -> None:
    """Stop a journey: nothing of it runs or is sent until it is resumed."""
    with open_session() as session:
        owner = tenant_named(session.database, tenant)
        done = lives.pause_journey(session.database, owner.id, key)
    _show(f"journey {key}", done, as_json=as_json)


def resume(
    key: JourneyKey, tenant: TenantSlug, overdue: HowOverdue = None, as_json: AsJson = False
) -> None:
    """Let a paused or archived journey go on."""
    way = overdue_named(overdue)
    with open_session() as session:
        owner = tenant_named(session.database, tenant)
        done = lives.resume_journey(session.database, owner.id, key, way)
    _show(f"journey {key}", done, as_json=as_json)


def archive(key: JourneyKey, tenant: TenantSlug, as_json: AsJson = False) -> None:
    """Stop a journey for good and cancel its unsent messages."""
    with open_session() as session:
        owner = tenant_named(session.database, tenant)
        done = lives.archive_journey(session.database, owner.id, key)
    _show(f"journey {key}", done, as_json=as_json)


def migrate(
    key: JourneyKey,
    tenant: TenantSlug,
    from_version: Annotated[
        int | None, typer.Option("--from", min=1, help="Only contacts on this version.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Move contacts in flight to the current version, where it still has their node."""
    with open_session() as session:
        owner = tenant_named(session.database, tenant)
        done = migrate_journey(session.database, owner.id, key, from_version)
    if as_json:
        print_json({**vars(done), "left": [line._asdict() for line in done.left]})
        return
    say(f"journey {key}: {done.moved:,} contacts moved to version {done.version}")
    for line in done.left:
        why = "its node is gone" if not line.movable else "it moved meanwhile; try again"
        say(f"{line.contacts:,} stay on version {line.version} at {line.node}: {why}")


Slug = Annotated[str, typer.Argument(metavar="SLUG", help="The tenant.")]


def suspend(slug: Slug, as_json: AsJson = False) -> None:
    """Stop all of a tenant's work: steps, messages, imports, enrollments."""
    with open_session() as session:
        owner = tenant_named(session.database, slug)
        done = lives.suspend_tenant(session.database, owner.id)
    _show(f"tenant {slug}", done, as_json=as_json)


def resume_tenant(slug: Slug, overdue: HowOverdue = None, as_json: AsJson = False) -> None:
    """Let a suspended tenant go on."""
    way = overdue_named(overdue)
    with open_session() as session:
        owner = tenant_named(session.database, slug)
        done = lives.resume_tenant(session.database, owner.id, way)
    _show(f"tenant {slug}", done, as_json=as_json)


def set_tenant(
    slug: Slug,
    timezone: Annotated[str, typer.Option(help="IANA zone, where a contact has none.")],
    as_json: AsJson = False,
) -> None:
    """Change a tenant's zone; steps that wait for a local time are re-timed."""
    with open_session() as session:
        owner = tenant_named(session.database, slug)
        retimed = change_timezone(session.database, owner.id, timezone)
    if as_json:
        print_json({"timezone": timezone, "retimed": retimed})
    else:
        say(f"tenant {slug} is in {timezone}: {retimed:,} steps re-timed")


def _show(what: str, done: StatusChanged, *, as_json: bool) -> None:
    if as_json:
        print_json(done)
        return
    figures = {
        "steps held": done.held,
        "steps released": done.released,
        "overdue": done.overdue,
        "messages cancelled": done.cancelled,
    }
    told = ", ".join(f"{n:,} {name}" for name, n in figures.items() if n)
    is_now = f"is {'now' if done.changed else 'already'} {done.status}"
    say(f"{what} {is_now}" + (f": {told}" if told else ""))
