"""``trunkline contacts``: people who shall get no more, or nothing for a while."""

from typing import Annotated
from uuid import UUID

import typer

from cli.errors import BAD_INPUT, CommandError
from cli.lifecycle import HowOverdue, overdue_named
from cli.options import AsJson, TenantSlug
from cli.output import print_json, say
from cli.session import Session, open_session, tenant_named
from db.queries.journeys.removal import Removed, find_contacts
from jobs.journeys.lifecycle import contacts as lives
from jobs.journeys.lifecycle.journeys import journey_named

app = typer.Typer(help="Take contacts out of journeys, pause them, or never contact them again.")

People = Annotated[
    list[str], typer.Argument(metavar="WHO…", help="Phones such as +15551234567, or ids.")
]
OneJourney = Annotated[
    str | None, typer.Option("--journey", metavar="KEY", help="Only in this one; default: in all.")
]


@app.command("remove")
def remove(
    who: People, tenant: TenantSlug, journey: OneJourney = None, as_json: AsJson = False
) -> None:
    """Take contacts out of journeys: no step of theirs runs, what is unsent is cancelled."""
    with open_session() as session:
        tenant_id, ids, journey_id = _meant(session, tenant, who, journey)
        done = lives.remove_contacts(session.database, tenant_id, ids, journey_id)
    _show_removed(done, as_json=as_json)


@app.command("do-not-contact")
def do_not_contact(
    who: People,
    tenant: TenantSlug,
    lift: Annotated[
        bool, typer.Option("--lift", help="They may be contacted again, in new journeys.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Never contact these people again, whatever journey or import they come by."""
    with open_session() as session:
        tenant_id, ids, _ = _meant(session, tenant, who, None)
        if not lift:
            done = lives.forbid_contacts(session.database, tenant_id, ids)
            _show_removed(done, as_json=as_json)
            return
        lifted = lives.allow_contacts(session.database, tenant_id, ids)
    if as_json:
        print_json({"lifted": lifted})
    else:
        say(f"{lifted:,} may be contacted again")


@app.command("pause")
def pause(
    who: People, tenant: TenantSlug, journey: OneJourney = None, as_json: AsJson = False
) -> None:
    """Stop contacts where they are in their journeys."""
    with open_session() as session:
        tenant_id, ids, journey_id = _meant(session, tenant, who, journey)
        paused = lives.pause_contacts(session.database, tenant_id, ids, journey_id)
    if as_json:
        print_json({"enrollments": paused})
    else:
        say(f"{paused:,} enrollments paused")


@app.command("resume")
def resume(
    who: People,
    tenant: TenantSlug,
    journey: OneJourney = None,
    overdue: HowOverdue = None,
    as_json: AsJson = False,
) -> None:
    """Let paused contacts go on."""
    way = overdue_named(overdue)
    with open_session() as session:
        tenant_id, ids, journey_id = _meant(session, tenant, who, journey)
        done = lives.resume_contacts(session.database, tenant_id, ids, journey_id, way)
    if as_json:
        print_json(done)
    else:
        late = f", {done.overdue:,} steps overdue" if done.overdue else ""
        say(f"{done.enrollments:,} enrollments go on{late}")


def _meant(
    session: Session, tenant: str, who: list[str], journey: str | None
) -> tuple[UUID, list[UUID], UUID | None]:
    """(tenant, contacts, journey) by their words, or an error that names what there isn't."""
    owner = tenant_named(session.database, tenant)
    journey_id = journey_named(session.database, owner.id, journey).id if journey else None
    ids = {text: _uuid(text) for text in who}
    with session.database.transaction() as connection:
        found = find_contacts(
            connection,
            owner.id,
            [text for text, contact_id in ids.items() if contact_id is None],
            [contact_id for contact_id in ids.values() if contact_id is not None],
        )
    known = {phone for _, phone in found} | {contact_id for contact_id, _ in found}
    unknown = [text for text, contact_id in ids.items() if (contact_id or text) not in known]
    if unknown:
        raise CommandError(f"tenant {tenant!r} has no contact {', '.join(unknown)}", BAD_INPUT)
    return owner.id, [contact_id for contact_id, _ in found], journey_id


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _show_removed(done: Removed, *, as_json: bool) -> None:
    if as_json:
        print_json(done._asdict())
    else:
        say(
            f"{done.enrollments:,} enrollments ended, {done.messages:,} messages "
            f"and {done.calls:,} calls cancelled"
        )
