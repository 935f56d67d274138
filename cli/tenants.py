"""``trunkline tenants``: whom contacts and journeys belong to."""

from typing import Annotated

import typer

from cli.options import AsJson
from cli.output import print_fields, print_json, print_table, say, tell
from cli.session import open_session, tenant_named
from db.queries.tenants import TenantRules, load_rules
from db.queries.tenants import list_tenants as read_tenants
from jobs.journeys.lifecycle.retiming import retime
from jobs.tenants import change_rules, change_webhooks, create_tenant
from jobs.tenants.rules import DAYS

app = typer.Typer(help="Make and list tenants.")


@app.command("create")
def create(
    slug: Annotated[str, typer.Argument(help="Short name: a-z, 0-9 and dashes.")],
    name: Annotated[str | None, typer.Option(help="For people; default: the slug.")] = None,
    region: Annotated[
        str, typer.Option(help="Country (ISO 3166) in whose format phone numbers are read.")
    ] = "US",
    timezone: Annotated[
        str, typer.Option(help="IANA zone, where a contact has none.")
    ] = "America/New_York",
    as_json: AsJson = False,
) -> None:
    """Make a tenant."""
    with open_session() as session, session.database.transaction() as connection:
        tenant = create_tenant(connection, slug, name=name, region=region, timezone=timezone)
    if as_json:
        print_json(tenant)
    else:
        say(f"tenant {tenant.slug} created: {tenant.id}")


@app.command("list")
def list_tenants(as_json: AsJson = False) -> None:
    """List all tenants."""
    with open_session() as session, session.database.read() as connection:
        tenants = read_tenants(connection)
    if as_json:
        print_json(tenants)
        return
    print_table(
        ("slug", "name", "status", "region", "timezone", "id"),
        [(t.slug, t.name, t.status, t.region, t.timezone, t.id) for t in tenants],
    )


@app.command("rules")
def rules(
    slug: Annotated[str, typer.Argument(help="The tenant.")],
    weekdays: Annotated[str | None, typer.Option(help="mon-fri, mon,wed or daily.")] = None,
    opens: Annotated[str | None, typer.Option(help="HH:MM in the tenant's zone.")] = None,
    closes: Annotated[
        str | None, typer.Option(help="HH:MM; before --opens: the next morning.")
    ] = None,
    outside: Annotated[
        str | None,
        typer.Option(
            help="What becomes of a step outside these hours: next_opening, next_business_day, "
            "same_time_next_day, skip, pause."
        ),
    ] = None,
    quiet: Annotated[
        str | None, typer.Option(help="21:00-08:00 in the contact's zone, or none.")
    ] = None,
    resubmission: Annotated[
        str | None,
        typer.Option(
            help="Where another journey reached the contact lately: "
            "skip, reschedule, pause, continue."
        ),
    ] = None,
    resubmission_hours: Annotated[str | None, typer.Option(help="How long lately is.")] = None,
    max_per_day: Annotated[
        str | None, typer.Option(help="Messages of a contact on one day of its zone, or none.")
    ] = None,
    call_gap_minutes: Annotated[
        str | None, typer.Option(help="Between two calls of a contact.")
    ] = None,
    sends_per_second: Annotated[
        str | None, typer.Option(help="Messages of the tenant a second, or none.")
    ] = None,
    burst: Annotated[
        str | None, typer.Option(help="Messages at once after a silence; none: a second's.")
    ] = None,
    calls_at_once: Annotated[
        str | None, typer.Option(help="Calls of the tenant at the same time; 0: none.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show when and how often a tenant may reach people; change what is named."""
    changes = {
        "weekdays": weekdays,
        "opens": opens,
        "closes": closes,
        "outside": outside,
        "quiet": quiet,
        "resubmission": resubmission,
        "resubmission_hours": resubmission_hours,
        "max_per_day": max_per_day,
        "call_gap_minutes": call_gap_minutes,
        "sends_per_second": sends_per_second,
        "burst": burst,
        "calls_at_once": calls_at_once,
    }
    with open_session() as session:
        tenant = tenant_named(session.database, slug)
        changed = any(value is not None for value in changes.values())
        with session.database.transaction() as connection:
            if changed:
                found = change_rules(connection, tenant.id, changes)
            else:
                found = load_rules(connection, tenant.id)
        if changed:
            retimed = retime(session.database, tenant.id, None)
            tell(f"{retimed:,} pending steps have another time now")
    if as_json:
        print_json(found._asdict())
    else:
        print_fields(_shown(found))


@app.command("webhooks")
def webhooks(
    slug: Annotated[str, typer.Argument(help="The tenant.")],
    allow_private: Annotated[
        bool | None,
        typer.Option(
            "--allow-private/--refuse-private",
            help="Whether they may call private and loopback addresses.",
        ),
    ] = None,
    new_secret: Annotated[
        bool, typer.Option("--new-secret", help="Sign with a new secret from now on.")
    ] = False,
    show_secret: Annotated[
        bool, typer.Option("--show-secret", help="Show the secret that signs the calls.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show where a tenant's webhooks may call and what signs them; change what is named."""
    with open_session() as session:
        tenant = tenant_named(session.database, slug)
        with session.database.transaction() as connection:
            found = change_webhooks(
                connection, tenant.id, allow_private=allow_private, new_secret=new_secret
            )
    secret = {"secret": found.secret} if show_secret else {}
    if as_json:
        print_json({"allow_private": found.allow_private, **secret})
    else:
        private = "allowed" if found.allow_private else "refused"
        print_fields({"private addresses": private, **secret})


def _shown(rules: TenantRules) -> dict[str, str]:
    """The rules by the names of their options."""
    quiet = f"{rules.quiet_starts_at}-{rules.quiet_ends_at}" if rules.quiet_starts_at else "none"
    return {
        "timezone": rules.timezone,
        "weekdays": ",".join(DAYS[day - 1] for day in rules.weekdays),
        "opens": rules.opens_at,
        "closes": rules.closes_at,
        "outside": rules.outside,
        "quiet": quiet,
        "resubmission": rules.resubmission,
        "resubmission-hours": str(rules.resubmission_hours),
        "max-per-day": str(rules.max_messages_per_day or "none"),
        "call-gap-minutes": str(rules.call_gap_minutes),
        "sends-per-second": f"{rules.sends_per_second:g}" if rules.sends_per_second else "none",
        "burst": str(rules.send_burst or "none"),
        "calls-at-once": str(rules.max_calls_at_once),
    }
