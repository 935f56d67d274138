"""``trunkline import``: files into the tables."""

from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from cli.options import AsJson, Detach, TenantSlug
from cli.session import Session, open_session, tenant_named
from cli.waiting import finish_command
from db.queries.tenants import Tenant
from jobs.imports import KIND, ImportArguments, inspect_file, keep_file
from jobs.imports.arguments import OnExisting
from jobs.runs import enqueue

app = typer.Typer(help="Import files.")


@app.callback()
def choose() -> None:
    """Import files."""


@app.command("contacts")
def import_contacts(
    file: Annotated[Path, typer.Argument(help="A CSV with a column of phone numbers.")],
    tenant: TenantSlug,
    campaign: Annotated[
        str | None, typer.Option(metavar="NAME", help="Put its contacts there; made if missing.")
    ] = None,
    on_existing: Annotated[
        OnExisting, typer.Option(help="What becomes of contacts that the tenant has.")
    ] = "skip",
    detach: Detach = False,
    as_json: AsJson = False,
) -> None:
    """Import contacts: phones made E.164, duplicates and bad rows left out and counted."""
    inspect_file(file)
    with open_session() as session:
        owner = tenant_named(session.database, tenant)
        run_id = start_import(session, owner, file, campaign=campaign, on_existing=on_existing)
        finish_command(session, owner.slug, run_id, as_json=as_json, detach=detach)


def start_import(
    session: Session,
    tenant: Tenant,
    file: Path,
    *,
    campaign: str | None = None,
    on_existing: OnExisting = "skip",
) -> UUID:
    """Keep a copy of the file for the workers and enqueue its import; returns the run's id.

    Raises:
        UnreadableFileError: there is no such file.
        ValidationError: the campaign's name is not one.
    """
    kept = Path(keep_file(session.settings, file))
    try:
        arguments = ImportArguments(
            file=kept, filename=file.name, campaign=campaign, on_existing=on_existing
        )
        with session.database.transaction() as connection:
            return enqueue(connection, tenant.id, KIND.name, arguments.model_dump(mode="json"))
    except BaseException:
        kept.unlink(missing_ok=True)
        raise
