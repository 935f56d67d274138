"""Statements that bring files of contacts into the tables; together they make one chunk."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple
from uuid import UUID

from db.bulk import copy_rows
from db.engine import Connection
from db.statements import statement


class ImportTarget(NamedTuple):
    """``region``: the tenant's country. ``campaign_id`` is None if no campaign was named."""

    region: str
    campaign_id: UUID | None


class Written(NamedTuple):
    """Contacts that a chunk made, and that it changed; the rest of its contacts were left alone."""

    created: int
    updated: int


def find_target(connection: Connection, tenant_id: UUID, campaign: str | None) -> ImportTarget:
    """The tenant's region; makes the campaign if one is named and missing."""
    row = connection.execute(
        statement("imports/find_target"), {"tenant_id": tenant_id, "campaign": campaign}
    ).fetchone()
    if row is None:
        raise LookupError(f"no tenant {tenant_id}")
    return ImportTarget(*row)


def find_needed_files(connection: Connection, names: Sequence[str]) -> list[str]:
    """Of files with these names, those that an unfinished import is to read."""
    rows = connection.execute(
        statement("imports/find_needed_files"), {"names": list(names)}
    ).fetchall()
    return [name for (name,) in rows]


def stage_contacts(
    connection: Connection, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> int:
    """COPY a chunk into a table that ends with the transaction; three statements."""
    connection.execute(statement("imports/stage_contacts"))
    staged = copy_rows(connection, "staged_contacts", columns, rows)
    connection.execute(statement("imports/analyze_staged"))
    return staged


def write_contacts(
    connection: Connection, tenant_id: UUID, run_id: UUID, on_existing: Literal["skip", "update"]
) -> Written:
    """Write what is staged: contacts, and the list of refused rows."""
    name = "imports/insert_contacts" if on_existing == "skip" else "imports/upsert_contacts"
    row = connection.execute(statement(name), {"tenant_id": tenant_id, "run_id": run_id}).fetchone()
    return Written(*row)  # type: ignore[misc]  # counts always make a row


def join_campaign(connection: Connection, tenant_id: UUID, campaign_id: UUID) -> None:
    """Put all staged contacts, new or not, into the campaign."""
    connection.execute(
        statement("imports/join_campaign"), {"tenant_id": tenant_id, "campaign_id": campaign_id}
    )
