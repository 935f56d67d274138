"""Statements that bring files of contacts and of numbers into the tables."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.types.json import Jsonb

from db.bulk import copy_rows
from db.engine import Connection
from db.statements import statement


class TenantLimits(NamedTuple):
    """A tenant's own limits, None where the settings hold.

    ``under_way``: its imports that have not ended, this one and later ones not among them.
    """

    max_bytes: int | None
    max_rows: int | None
    max_columns: int | None
    at_once: int | None
    under_way: int


class ImportTarget(NamedTuple):
    """``region``: the tenant's country. ``campaign_id`` is None if no campaign was named."""

    region: str
    campaign_id: UUID | None
    limits: TenantLimits


class Written(NamedTuple):
    """Contacts that a chunk made, and that it changed; the rest of its contacts were left alone."""

    created: int
    changed: int


class RefusedRow(NamedTuple):
    """A line of the error list; ``row`` is a JSON array of its fields."""

    line_number: int
    reason: str
    row: str


def find_target(
    connection: Connection, tenant_id: UUID, campaign: str | None, run_id: UUID | None = None
) -> ImportTarget:
    """Where the import ``run_id`` goes, or one that is about to begin.

    Makes the campaign if one is named and missing.
    """
    row = connection.execute(
        statement("imports/find_target"),
        {"tenant_id": tenant_id, "campaign": campaign, "run_id": run_id},
    ).fetchone()
    if row is None:
        raise LookupError(f"no tenant {tenant_id}")
    return ImportTarget(row[0], row[1], TenantLimits(*row[2:]))


def change_limits(
    connection: Connection, tenant_id: UUID, changes: Mapping[str, int | None]
) -> dict[str, int | None]:
    """Set some of ``max_bytes``, ``max_rows``, ``max_columns``, ``at_once``; returns all of them.

    None: what the settings say.
    """
    row = connection.execute(
        statement("imports/change_limits"), {"tenant_id": tenant_id, "changes": Jsonb(changes)}
    ).fetchone()
    if row is None:
        raise LookupError(f"no tenant {tenant_id}")
    return dict(zip(("max_bytes", "max_rows", "max_columns", "at_once"), row, strict=True))


def lock_imports(connection: Connection, tenant_id: UUID) -> None:
    """Keep others from enqueueing an import of the tenant until the transaction ends."""
    connection.execute(statement("imports/lock_imports"), {"tenant_id": tenant_id})


def find_needed_files(connection: Connection, names: Sequence[str]) -> list[str]:
    """Of files with these names, those of an import that is still in the ledger."""
    rows = connection.execute(
        statement("imports/find_needed_files"), {"names": list(names)}
    ).fetchall()
    return [name for (name,) in rows]


def stage_contacts(
    connection: Connection, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> int:
    """COPY a chunk into a table that ends with the transaction; two statements."""
    connection.execute(statement("imports/stage_contacts"))
    return copy_rows(connection, "staged_contacts", columns, rows)


def write_contacts(
    connection: Connection,
    tenant_id: UUID,
    run_id: UUID,
    *,
    policies: Mapping[str, str],
    campaign_id: UUID | None,
    lines: tuple[int, int],
) -> Written:
    """Write what is staged of the lines from the first to the last: contacts, and refused rows.

    ``policies``: column → what becomes of it in contacts that are there. Contacts that were written
    are in the campaign then; those that were left alone are not: see ``join_campaign``.
    """
    left_alone = set(policies.values()) <= {"skip"}
    row = connection.execute(
        statement("imports/insert_contacts" if left_alone else "imports/upsert_contacts"),
        {
            "tenant_id": tenant_id,
            "run_id": run_id,
            "campaign_id": campaign_id,
            "first": lines[0],
            "last": lines[1],
            **({} if left_alone else policies),
        },
    ).fetchone()
    return Written(*row)  # type: ignore[misc]  # counts always make a row


def join_campaign(
    connection: Connection,
    tenant_id: UUID,
    run_id: UUID,
    campaign_id: UUID,
    refused_lines: Sequence[int] = (),
) -> None:
    """Put the staged contacts that were left alone into the campaign."""
    connection.execute(
        statement("imports/join_campaign"),
        {
            "tenant_id": tenant_id,
            "run_id": run_id,
            "campaign_id": campaign_id,
            "refused_lines": list(refused_lines),
        },
    )


def queue_calls(
    connection: Connection, tenant_id: UUID, campaign_id: UUID, refused_lines: Sequence[int] = ()
) -> None:
    """Queue a call to each staged contact in the campaign, unless it has one there."""
    connection.execute(
        statement("imports/queue_calls"),
        {
            "tenant_id": tenant_id,
            "campaign_id": campaign_id,
            "refused_lines": list(refused_lines),
        },
    )


def insert_dids(
    connection: Connection, tenant_id: UUID, run_id: UUID, numbers: Sequence[str]
) -> list[str]:
    """Give the tenant the numbers that nobody has; returns those."""
    rows = connection.execute(
        statement("imports/insert_dids"),
        {"tenant_id": tenant_id, "run_id": run_id, "numbers": list(numbers)},
    ).fetchall()
    return [number for (number,) in rows]


def find_dids(connection: Connection, tenant_id: UUID, numbers: Sequence[str]) -> set[str]:
    """Of these numbers, those that are the tenant's."""
    rows = connection.execute(
        statement("imports/find_dids"), {"tenant_id": tenant_id, "numbers": list(numbers)}
    ).fetchall()
    return {number for (number,) in rows}


def refuse_rows(
    connection: Connection, tenant_id: UUID, run_id: UUID, rows: Sequence[RefusedRow]
) -> None:
    """Put rows on the error list."""
    connection.execute(
        statement("imports/refuse_rows"),
        {
            "tenant_id": tenant_id,
            "run_id": run_id,
            "lines": [row.line_number for row in rows],
            "reasons": [row.reason for row in rows],
            "rows": [row.row for row in rows],
        },
    )


class ErrorSurvey(NamedTuple):
    """Of an error list: rows, fields of the widest, and what is in the column asked for."""

    rows: int
    width: int
    ascii: bool
    last_is_empty: bool


def survey_errors(
    connection: Connection, tenant_id: UUID, run_id: UUID, last_column: int
) -> ErrorSurvey:
    row = connection.execute(
        statement("imports/survey_errors"),
        {"tenant_id": tenant_id, "run_id": run_id, "last_column": last_column},
    ).fetchone()
    return ErrorSurvey(*row)  # type: ignore[misc]  # aggregates always make a row


def list_errors(
    connection: Connection, tenant_id: UUID, run_id: UUID, *, after: int, size: int
) -> list[tuple[int, str, list[str]]]:
    """(line, reason, fields) of the next refused rows behind the line ``after``."""
    return connection.execute(
        statement("imports/list_errors"),
        {"tenant_id": tenant_id, "run_id": run_id, "after": after, "size": size},
    ).fetchall()
