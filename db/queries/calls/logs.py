"""Statements on what is written down of calls."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from db import bulk
from db.engine import Connection
from db.statements import statement


class CallKey(NamedTuple):
    pbx: str
    unique_id: str


class StoredCall(NamedTuple):
    """``tenant_id`` None: it is in quarantine."""

    key: CallKey
    tenant_id: UUID | None
    status: str
    state: dict[str, list[Any]]


class Owner(NamedTuple):
    """Whose a number is; ``agent_id`` is who answers there."""

    tenant_id: UUID
    agent_id: UUID | None


class CallRecord(NamedTuple):
    """A row as it is to be written. Times in epoch seconds; the last three are JSON texts.

    ``tenant_id`` None: nobody owns its number. ``queue_id`` is the row of ``call_queue`` that it
    was dialed for, ``extension`` that of the phone that talked.
    """

    tenant_id: UUID | None
    queue_id: UUID | None
    agent_id: UUID | None
    extension: str | None
    pbx: str
    unique_id: str
    linked_id: str
    direction: str
    from_number: str | None
    to_number: str | None
    did: str | None
    trunk: str | None
    context: str | None
    transfer_number: str | None
    status: str
    disposition: str | None
    started_at: float | None
    ringing_at: float | None
    answered_at: float | None
    ended_at: float | None
    duration: int | None
    billable_seconds: int | None
    hangup_cause: int | None
    hangup_text: str | None
    unknown_end: bool
    flow: str
    user_events: str
    state: str


_DOCUMENTS = ("flow", "user_events", "state")


class WrittenCall(NamedTuple):
    tenant_id: UUID
    key: CallKey
    contact_id: UUID | None


def lock_shard(connection: Connection, shard: int) -> bool:
    """Take a shard until the transaction ends; False if another flush has it."""
    row = connection.execute(statement("calls/lock_shard"), {"shard": shard}).fetchone()
    return bool(row and row[0])


def lock_shards(connection: Connection, shards: Sequence[int]) -> None:
    """Wait for shards and take them until the transaction ends."""
    connection.execute(statement("calls/lock_shards"), {"shards": list(shards)})


def read_calls(connection: Connection, keys: Sequence[CallKey]) -> tuple[list[StoredCall], str]:
    """What is known of these calls, in one statement, and the version of their belonging."""
    pbxs, unique_ids = bulk.columns(keys, 2)
    row = connection.execute(
        statement("calls/read_calls"), {"pbxs": pbxs, "unique_ids": unique_ids}
    ).fetchone()
    calls, version = row or ([], "")
    return [
        StoredCall(CallKey(pbx, uid), UUID(tenant_id) if tenant_id else None, status, state)
        for pbx, uid, tenant_id, status, state in calls
    ], version


def find_owners(connection: Connection, numbers: Sequence[str]) -> dict[str, Owner]:
    """Number → whose it is, of those that are somebody's; one statement."""
    rows = connection.execute(statement("calls/find_owners"), {"numbers": list(numbers)}).fetchall()
    return {number: Owner(tenant_id, agent_id) for number, tenant_id, agent_id in rows}


def write_calls(connection: Connection, records: Sequence[CallRecord]) -> list[WrittenCall]:
    """Write rows in one statement; returns those that tenants' logs took, and that were news."""
    ordered = sorted(records, key=lambda r: (str(r.tenant_id or ""), r.pbx, r.unique_id))
    columns = bulk.columns(ordered, len(CallRecord._fields))
    parameters: dict[str, Any] = dict(zip(CallRecord._fields, columns, strict=True))
    documents = zip(*(parameters.pop(name) for name in _DOCUMENTS), strict=True)
    parameters["documents"] = "[" + ",".join(f"[{','.join(parts)}]" for parts in documents) + "]"
    rows = connection.execute(statement("calls/write_calls"), parameters).fetchall()
    return [WrittenCall(tenant_id, CallKey(pbx, uid), who) for tenant_id, pbx, uid, who in rows]


def find_open_calls(
    connection: Connection, pbx: str, linked_ids: Sequence[str], at: float
) -> list[str]:
    """Calls of a PBX that began before ``at`` (epoch seconds) and go on, without those named."""
    rows = connection.execute(
        statement("calls/find_open_calls"), {"pbx": pbx, "linked_ids": list(linked_ids), "at": at}
    ).fetchall()
    return [row[0] for row in rows]


def find_owned_calls(connection: Connection, batch_size: int) -> list[CallKey]:
    """Calls in quarantine whose number somebody owns by now."""
    rows = connection.execute(
        statement("calls/find_owned_calls"), {"batch_size": batch_size}
    ).fetchall()
    return [CallKey(pbx, unique_id) for pbx, unique_id in rows]


def handle_number_changes(connection: Connection) -> int:
    """Take the changes to numbers that nobody has looked after; returns how many there were."""
    row = connection.execute(statement("calls/handle_number_changes")).fetchone()
    return int(row[0]) if row else 0
