"""``trunkline enroll``: contacts into a journey."""

from typing import Annotated, Any
from uuid import UUID

import typer

from cli.errors import BAD_INPUT, CommandError
from cli.options import AsJson, Detach, TenantSlug
from cli.session import Session, open_session, parse_id, tenant_named
from cli.waiting import finish_command
from db.queries.tenants import Tenant
from jobs.enrollment import KIND, EnrollArguments
from jobs.runs import enqueue


def enroll(
    journey: Annotated[str, typer.Option(metavar="KEY", help="The journey's key.")],
    tenant: TenantSlug,
    everyone: Annotated[
        bool, typer.Option("--everyone", help="All contacts of the tenant.")
    ] = False,
    campaign: Annotated[
        str | None, typer.Option(metavar="NAME", help="The contacts of a campaign.")
    ] = None,
    import_run: Annotated[
        str | None, typer.Option(metavar="ID", help="The contacts that an import created.")
    ] = None,
    contact: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="This contact; may be repeated.")
    ] = None,
    detach: Detach = False,
    as_json: AsJson = False,
) -> None:
    """Enroll contacts in a journey; each enters once, however often it is asked for."""
    selections: dict[str, Any] = {
        "--everyone": everyone,
        "--campaign": campaign is not None,
        "--import-run": import_run is not None,
        "--contact": bool(contact),
    }
    given = [name for name, is_given in selections.items() if is_given]
    if len(given) != 1:
        raise CommandError(
            f"give exactly one of {', '.join(selections)}"
            + (f", not {' and '.join(given)}" if given else ""),
            BAD_INPUT,
        )
    arguments = EnrollArguments(
        journey=journey,
        everyone=everyone or None,
        campaign=campaign,
        import_run=parse_id(import_run, "run") if import_run is not None else None,
        contact_ids=[parse_id(text, "contact") for text in contact] if contact else None,
    )
    with open_session() as session:
        owner = tenant_named(session.database, tenant)
        run_id = start_enrollment(session, owner, arguments)
        finish_command(session, owner.slug, run_id, as_json=as_json, detach=detach)


def start_enrollment(session: Session, tenant: Tenant, arguments: EnrollArguments) -> UUID:
    """Enqueue an enrollment; returns the run's id."""
    args = arguments.model_dump(mode="json", exclude_none=True)
    with session.database.transaction() as connection:
        return enqueue(connection, tenant.id, KIND, args)
