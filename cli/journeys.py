"""``trunkline journeys``: what contacts are taken through."""

from pathlib import Path
from typing import Annotated

import typer

from cli.options import AnyTenantSlug, AsJson, TenantSlug
from cli.output import print_json, print_table, say
from cli.session import open_session, tenant_named
from db.queries.journeys.lifecycle import find_journey
from db.queries.journeys.listing import list_journeys as read_journeys
from db.queries.journeys.versions import count_nodes
from jobs.journeys.definition import read_definition
from jobs.journeys.versions import apply_definition
from jobs.runs import DefiniteError

app = typer.Typer(help="Apply journey files and list journeys.")


@app.command("apply")
def apply(
    file: Annotated[Path, typer.Argument(help="A journey as YAML or JSON.")],
    tenant: TenantSlug,
    as_json: AsJson = False,
) -> None:
    """Check a journey file as a whole and make it the journey's next version."""
    definition = read_definition(file)
    with open_session() as session:
        owner = tenant_named(session.database, tenant)
        applied = apply_definition(session.database, owner.id, definition)
    if as_json:
        print_json(applied)
        return
    what = f"is now at version {applied.version}" if applied.changed else "is unchanged"
    say(f"journey {applied.key} {what}: {applied.nodes} nodes, {applied.id}")


@app.command("list")
def list_journeys(tenant: AnyTenantSlug = None, as_json: AsJson = False) -> None:
    """List journeys with the contacts in flight."""
    with open_session() as session:
        if tenant is not None:
            tenant_named(session.database, tenant)
        with session.database.transaction() as connection:
            journeys = read_journeys(connection, tenant)
    if as_json:
        print_json(journeys)
        return
    print_table(
        ("tenant", "key", "name", "status", "version", "active contacts", "id"),
        [(j.tenant, j.key, j.name, j.status, j.version, j.active_contacts, j.id) for j in journeys],
    )


@app.command("stats")
def stats(
    key: Annotated[str, typer.Argument(help="The journey's key.")],
    tenant: TenantSlug,
    as_json: AsJson = False,
) -> None:
    """Show what became of the contacts that came to each node, right after every batch."""
    with open_session() as session:
        owner = tenant_named(session.database, tenant)
        with session.database.transaction() as connection:
            journey = find_journey(connection, owner.id, key)
            if journey is None:
                raise DefiniteError(f"unknown journey {key!r}: `trunkline journeys list` shows all")
            nodes = count_nodes(connection, owner.id, journey.id)
    if as_json:
        print_json([node._asdict() for node in nodes])
        return
    print_table(
        ("version", "node", "type", "entered", "waiting", "completed", "skipped", "failed"),
        [
            (
                *(node.version, node.key, node.type, node.entered, node.waiting),
                ", ".join(f"{outcome} {count:,}" for outcome, count in node.completed.items()),
                *(node.skipped, node.failed),
            )
            for node in nodes
        ],
    )
