"""``trunkline import limits``: how much a tenant may import."""

from typing import Annotated

import typer

from cli.errors import BAD_INPUT, CommandError
from cli.options import AsJson, TenantSlug
from cli.output import print_fields, print_json
from cli.session import open_session, tenant_named
from db.queries.imports import change_limits

_MOST_BYTES = 10**15
_MOST = 2_000_000_000

Number = Annotated[str | None, typer.Option(metavar="N|none", help="none: what the settings say.")]


def import_limits(
    tenant: TenantSlug,
    max_bytes: Number = None,
    max_rows: Number = None,
    max_columns: Number = None,
    at_once: Number = None,
    as_json: AsJson = False,
) -> None:
    """Show how much a tenant may import: of one file, and imports at once; change what is named."""
    given = {
        "max_bytes": max_bytes,
        "max_rows": max_rows,
        "max_columns": max_columns,
        "at_once": at_once,
    }
    changes = {name: _number(name, text) for name, text in given.items() if text is not None}
    with open_session() as session:
        owner = tenant_named(session.database, tenant)
        settings = session.settings
        with session.database.transaction() as connection:
            own = change_limits(connection, owner.id, changes)
    found = {
        "max_bytes": own["max_bytes"] or settings.import_max_bytes,
        "max_rows": own["max_rows"] or settings.import_max_rows,
        "max_columns": own["max_columns"] or settings.import_max_columns,
        "at_once": own["at_once"] or settings.imports_at_once,
    }
    if as_json:
        print_json(found)
    else:
        print_fields({name.replace("_", " "): f"{most:,}" for name, most in found.items()})


def _number(name: str, text: str) -> int | None:
    if text == "none":
        return None
    most = _MOST_BYTES if name == "max_bytes" else _MOST
    if not text.isdecimal() or not 0 < int(text) <= most:
        option = "--" + name.replace("_", "-")
        raise CommandError(f"{option} {text!r} is no number from 1 to {most:,}, or none", BAD_INPUT)
    return int(text)
