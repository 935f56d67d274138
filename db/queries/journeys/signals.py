"""Events that waiting steps get; one function, one statement."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.types.json import Jsonb

from db.bulk import columns
from db.engine import Connection
from db.statements import statement

CALL_KEY = "call:"
"""The event, with the id of the step that asked for a call, that the call has its outcome."""


def call_key(execution_id: int) -> str:
    """The event that the step waits for which asked for a call."""
    return f"{CALL_KEY}{execution_id}"


class Signal(NamedTuple):
    """Something that happened to a contact; ``key`` is the event's name."""

    tenant_id: UUID
    contact_id: UUID
    key: str
    payload: Mapping[str, Any]


def signal_steps(
    connection: Connection, signals: Sequence[Signal], now: datetime | None = None
) -> list[tuple[UUID, UUID, str]]:
    """Make the steps due that wait for these events; (tenant, contact, key) of each of them."""
    tenant_ids, contact_ids, keys, payloads = columns(signals, 4)
    return connection.execute(
        statement("journeys/signal_steps"),
        {
            "tenant_ids": tenant_ids,
            "contact_ids": contact_ids,
            "keys": keys,
            "payloads": list(map(Jsonb, payloads)),
            "now": now,
        },
    ).fetchall()
