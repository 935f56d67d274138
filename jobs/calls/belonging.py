"""Whose calls are: by our numbers on them."""

import json
import threading
from collections.abc import Iterable, Mapping
from uuid import UUID

from db.cache.cache import Cache, as_it_is
from db.cache.registry import Caches
from db.engine import Connection
from db.queries.calls.keys import call_of_channel
from db.queries.calls.logs import CallKey, CallRecord, Owner, find_owners
from jobs.calls.merge.facts import Value
from jobs.calls.merge.row import CallRow
from jobs.calls.numbers import e164

_NUMBERS = 100_000


class Owners:
    """Whose numbers are, cached until numbers change or its time is over; for any thread."""

    def __init__(self, ttl_s: float, caches: Caches) -> None:
        # Not by notice: the version comes with each flush, from its own transaction.
        self.cache: Cache[str, Owner, Owner] = caches.make(
            "owners", as_it_is, maxsize=_NUMBERS, ttl_s=ttl_s
        )
        self.version = ""
        self._lock = threading.Lock()

    def of(
        self, connection: Connection, numbers: Iterable[str], version: str
    ) -> dict[str, Owner | None]:
        """Number → its owner; one statement, none if all are known at this version."""
        with self._lock:
            if version != self.version:
                self.cache.clear()
                self.version = version
        return self.cache.get_many(numbers, lambda missing: find_owners(connection, missing))


def our_numbers(row: CallRow) -> set[str]:
    """Numbers on a call that may be a tenant's."""
    return {number for number in (e164(row.dialed), e164(row.presented)) if number}


def record_of(
    key: CallKey,
    row: CallRow | None,
    facts: Mapping[str, Value],
    owners: Mapping[str, Owner | None],
    tenant_id: UUID | None,
) -> CallRecord:
    """A call as it is written; pure.

    One that we dialed is its queue's; else one on a tenant's number is coming in, one that shows a
    tenant's number going out.

    Args:
        key: which call.
        row: what its facts come to; None: too little is known yet.
        facts: to go on from.
        owners: of ``our_numbers``.
        tenant_id: in whose log it is already.
    """
    row = row or CallRow(key.unique_id)
    dialed, presented = e164(row.dialed), e164(row.presented)
    queued = call_of_channel(key.unique_id)
    called, calling = owners.get(dialed or ""), owners.get(presented or "")
    direction, did, owner = row.direction, dialed if row.direction == "inbound" else presented, None
    if queued:
        direction, did, owner = "outbound", presented, Owner(queued.tenant_id, None)
    elif called and (row.direction == "inbound" or not calling):
        direction, did, owner = "inbound", dialed, called
    elif calling:
        direction, did, owner = "outbound", presented, calling
    return CallRecord(
        tenant_id=tenant_id or (owner.tenant_id if owner else None),
        queue_id=queued.id if queued else None,
        agent_id=owner.agent_id if owner else None,
        extension=row.agent_extension,
        pbx=key.pbx,
        unique_id=key.unique_id,
        linked_id=row.linked_id,
        direction=direction,
        from_number=e164(row.from_number) or row.from_number,
        to_number=dialed or row.dialed,
        did=did,
        trunk=row.trunk,
        context=row.context,
        transfer_number=row.transfer_number,
        status=row.status,
        disposition=row.disposition,
        started_at=row.started_at,
        ringing_at=row.ringing_at,
        answered_at=row.answered_at,
        ended_at=row.ended_at,
        duration=row.duration,
        billable_seconds=row.billable_seconds,
        hangup_cause=row.hangup_cause,
        hangup_text=row.hangup_text,
        unknown_end=row.unknown_end,
        flow=_json(row.flow),
        user_events=_json(row.user_events),
        state=_json(facts),
    )


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
