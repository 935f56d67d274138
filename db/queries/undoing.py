"""Statements that take an import back: what it created and nothing has touched since."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import sql

from db.bulk import array_literal
from db.engine import Connection
from db.statements import statement


class ImportToUndo(NamedTuple):
    """A run as it stands in the ledger; ``tally`` is None if it wrote nothing."""

    kind: str
    state: str
    tally: dict[str, Any] | None
    campaign: str | None
    created_at: datetime


class Created(NamedTuple):
    created_at: datetime
    id: UUID


class Judged(NamedTuple):
    """``reason``: why the row stays; None if it is gone."""

    name: str
    reason: str | None


class Member(NamedTuple):
    """``used``: something came of it. ``was_there``: the contact was, before the import."""

    contact_id: UUID
    phone_number: str
    used: bool
    was_there: bool


# What it means that a row of the table belongs to one; of others the table is named.
_MEANING = {
    "appointments": "has an appointment",
    "call_logs": "was called or has called",
    "call_queue": "was called",
    "conversations": "has a conversation",
    "inbound_agent_config": "is answered",
    "journey_contacts": "was enrolled",
    "messages": "was messaged",
}

_BEGUN_CALL = """
x.attempts > 0 OR x.state NOT IN ('QUEUED', 'HELD') OR NOT EXISTS (
  SELECT FROM campaign_contacts AS m
  WHERE m.tenant_id = x.tenant_id AND m.campaign_id = x.campaign_id
    AND m.contact_id = x.contact_id AND m.import_run_id = %(run_id)s)
"""

# Rows of these tables that the import made itself don't keep a contact.
_OWN = {
    "campaign_contacts": (
        "was reached in a campaign, or is in another",
        "x.import_run_id IS DISTINCT FROM %(run_id)s OR x.status <> 'PENDING'",
    ),
    "call_queue": (_MEANING["call_queue"], _BEGUN_CALL),
}

# Numbers are named, not referred to, by what was sent or called from them.
_NAMED = {"messages": "from_number", "call_queue": "from_number", "call_logs": "did"}


def find_import(connection: Connection, tenant_id: UUID, run_id: UUID) -> ImportToUndo | None:
    row = connection.execute(
        statement("imports/find_import"), {"tenant_id": tenant_id, "run_id": run_id}
    ).fetchone()
    return ImportToUndo(*row) if row else None


def find_references(connection: Connection, table: str) -> list[tuple[str, str]]:
    """(table, column) of everything that refers to rows of ``table``."""
    return connection.execute(statement("imports/find_references"), {"referred": table}).fetchall()


def lock_created(
    connection: Connection,
    table: str,
    tenant_id: UUID,
    run_id: UUID,
    *,
    after: Created,
    size: int,
) -> list[Created]:
    """The next rows of ``contacts`` or ``dids`` that the import made, in order of id."""
    rows = connection.execute(
        statement(f"imports/lock_created_{table}"),
        {
            "tenant_id": tenant_id,
            "run_id": run_id,
            "after_at": after.created_at,
            "after": after.id,
            "size": size,
        },
    ).fetchall()
    return [Created(*row) for row in rows]


def remove_contacts(
    connection: Connection,
    tenant_id: UUID,
    run_id: UUID,
    ids: Sequence[UUID],
    references: Sequence[tuple[str, str]],
) -> list[Judged]:
    """Delete those of the locked contacts that nothing but the import has touched."""
    reasons = [
        sql.SQL("WHEN c.updated_at <> c.created_at THEN 'was changed'"),
        *(_reference(table, column) for table, column in references),
    ]
    query = sql.SQL(
        "WITH judged AS MATERIALIZED ("
        " SELECT c.id, c.phone_number, CASE {reasons} END AS reason"
        " FROM unnest(%(ids)s::uuid[]) AS u (id)"
        " JOIN contacts AS c ON c.tenant_id = %(tenant_id)s AND c.id = u.id"
        "), uncalled AS ("
        " DELETE FROM call_queue AS q USING judged AS j"
        " WHERE q.tenant_id = %(tenant_id)s AND q.contact_id = j.id AND j.reason IS NULL"
        "), removed AS ("
        " DELETE FROM contacts AS c USING judged AS j"
        " WHERE c.tenant_id = %(tenant_id)s AND c.id = j.id AND j.reason IS NULL"
        ") SELECT j.phone_number, j.reason FROM judged AS j ORDER BY j.phone_number"
    ).format(reasons=sql.SQL(" ").join(reasons))
    return _judge(connection, query, tenant_id, run_id, ids)


def remove_dids(
    connection: Connection,
    tenant_id: UUID,
    run_id: UUID,
    ids: Sequence[UUID],
    references: Sequence[tuple[str, str]],
) -> list[Judged]:
    """Delete those of the locked numbers that nothing was sent or called from, or set up for."""
    reasons = [
        sql.SQL("WHEN c.status <> 'ACTIVE' THEN 'was changed'"),
        *(_reference(table, column) for table, column in references),
        *(
            sql.SQL(
                "WHEN c.number IN (SELECT x.{column} FROM {table} AS x"
                " WHERE x.tenant_id = %(tenant_id)s) THEN 'was used'"
            ).format(table=sql.Identifier(table), column=sql.Identifier(column))
            for table, column in _NAMED.items()
        ),
    ]
    query = sql.SQL(
        "WITH judged AS MATERIALIZED ("
        " SELECT c.id, c.number, CASE {reasons} END AS reason"
        " FROM unnest(%(ids)s::uuid[]) AS u (id)"
        " JOIN dids AS c ON c.tenant_id = %(tenant_id)s AND c.id = u.id"
        "), removed AS ("
        " DELETE FROM dids AS c USING judged AS j"
        " WHERE c.tenant_id = %(tenant_id)s AND c.id = j.id AND j.reason IS NULL"
        ") SELECT j.number, j.reason FROM judged AS j ORDER BY j.number"
    ).format(reasons=sql.SQL(" ").join(reasons))
    return _judge(connection, query, tenant_id, run_id, ids)


def leave_campaign(
    connection: Connection,
    tenant_id: UUID,
    run_id: UUID,
    campaign: str,
    *,
    after: UUID,
    size: int,
) -> list[Member]:
    """Take the next contacts that the import put into the campaign out of it, if unused."""
    rows = connection.execute(
        statement("imports/leave_campaign"),
        {
            "tenant_id": tenant_id,
            "run_id": run_id,
            "campaign": campaign,
            "after": after,
            "size": size,
        },
    ).fetchall()
    return [Member(*row) for row in rows]


def _reference(table: str, column: str) -> sql.Composed:
    meaning, used = _OWN.get(table, (_MEANING.get(table, f"is used in {table}"), "true"))
    return sql.SQL(
        "WHEN c.id IN (SELECT x.{column} FROM unnest(%(ids)s::uuid[]) AS u (id)"
        " JOIN {table} AS x ON x.tenant_id = %(tenant_id)s AND x.{column} = u.id"
        " WHERE {used}) THEN {meaning}"
    ).format(
        table=sql.Identifier(*table.split(".")),
        column=sql.Identifier(column),
        used=sql.SQL(used),
        meaning=sql.Literal(meaning),
    )


def _judge(
    connection: Connection,
    query: sql.Composed,
    tenant_id: UUID,
    run_id: UUID,
    ids: Sequence[UUID],
) -> list[Judged]:
    rows = connection.execute(
        query, {"tenant_id": tenant_id, "run_id": run_id, "ids": array_literal(ids)}
    ).fetchall()
    return [Judged(*row) for row in rows]
