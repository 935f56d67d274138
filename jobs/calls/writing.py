"""Calls put together from what is known and what is new, and written."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from db.engine import Connection
from db.queries.calls import logs
from db.queries.calls.logs import CallKey, CallRecord, StoredCall
from jobs.calls.belonging import Owners, our_numbers, record_of
from jobs.calls.debounce import Pending
from jobs.calls.merge.facts import Facts, join
from jobs.calls.merge.row import CallRow, project
from jobs.calls.outcomes import LoggedCall, apply_outcomes

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Read:
    """A call put together: ``was`` is how it was known before."""

    key: CallKey
    facts: Facts
    row: CallRow | None
    was: Sequence[StoredCall] = field(default_factory=tuple)


def write_calls(connection: Connection, owners: Owners, calls: Mapping[CallKey, Pending]) -> int:
    """Three statements with the lock, for any number of calls.

    One more where numbers are new to the cache, and those of outcomes where calls ended.
    """
    stored, version = logs.read_calls(connection, list(calls))
    known: dict[CallKey, list[StoredCall]] = {}
    for call in stored:
        known.setdefault(call.key, []).append(call)
    reads = [_put_together(key, known.get(key, ()), calls[key]) for key in calls]
    numbers = {number for read in reads if read.row for number in our_numbers(read.row)}
    whose = owners.of(connection, numbers, version)
    records = [record_of(read.key, read.row, read.facts, whose, _tenant(read)) for read in reads]
    whom = {(w.tenant_id, w.key): w for w in logs.write_calls(connection, records)}
    ended = [
        LoggedCall(
            tenant_id=written.tenant_id,
            unique_id=record.unique_id,
            contact_id=written.contact_id,
            disposition=record.disposition,
            transfer_number=record.transfer_number,
            user_events=read.row.user_events,
            billable_seconds=record.billable_seconds,
        )
        for read, record in zip(reads, records, strict=True)
        if read.row and _ends_now(read, record)
        if record.tenant_id and (written := whom.get((record.tenant_id, read.key)))
    ]
    if ended:
        apply_outcomes(connection, ended)
    return sum(_ends_now(read, record) for read, record in zip(reads, records, strict=True))


def _put_together(key: CallKey, stored: Sequence[StoredCall], pending: Pending) -> _Read:
    facts: Facts = {}
    for call in stored:
        join(facts, call.state)
    for held in pending.entries:
        join(facts, decode(held.entry.facts))
    return _Read(key, facts, _project(key, facts), stored)


def _project(key: CallKey, facts: Facts) -> CallRow | None:
    """A call whose facts are not what a reader writes is kept, and holds up no other."""
    try:
        return project(key.unique_id, facts)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        reason = type(error).__name__  # its text may hold numbers
        log.error("call_unreadable", pbx=key.pbx, call=key.unique_id, error=reason)  # noqa: TRY400
        return None


def decode(text: str) -> Mapping[str, Any]:
    """What an entry holds; one that nobody here has written is passed over, loudly."""
    try:
        facts = json.loads(text)
    except ValueError:
        facts = None
    if not isinstance(facts, dict):
        log.error("call_entry_unreadable", length=len(text))
        return {}
    return facts


def _tenant(read: _Read) -> Any:
    return next((call.tenant_id for call in read.was if call.tenant_id), None)


def _ends_now(read: _Read, record: CallRecord) -> bool:
    return record.status == "ENDED" and all(call.status != "ENDED" for call in read.was)
