"""From the stream to the rows: what came of calls is merged with what is known, and written."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import structlog

from config.settings import Settings
from db.engine import Connection, Database
from db.queries.calls import logs
from db.queries.calls.logs import CallKey, CallRecord, StoredCall
from jobs.calls.belonging import Owners, our_numbers, record_of
from jobs.calls.census import lose_calls
from jobs.calls.claiming import claim_calls
from jobs.calls.debounce import Pending, pending_calls
from jobs.calls.merge.facts import Facts, join
from jobs.calls.merge.row import CallRow, project
from jobs.calls.outcomes import LoggedCall, apply_outcomes
from jobs.calls.stream import CallStream

log = structlog.get_logger(__name__)

# Calls written in one transaction.
MOST_CALLS = 1000
# A flush waits for what is due within this, rather than be rung for it again.
_WORTH_WAITING_MS = 400
_LONGEST_S = 10.0


@dataclass
class FlushOutcome:
    """Calls written, entries that they were told by, and calls that ended by it.

    ``more``: its time was over while calls still came, so that another flush at once is of use.
    """

    calls: int = 0
    entries: int = 0
    ended: int = 0
    more: bool = False


@dataclass(frozen=True)
class _Read:
    """A call put together: ``was`` is how it was known before."""

    key: CallKey
    facts: Facts
    row: CallRow | None
    was: Sequence[StoredCall] = field(default_factory=tuple)


def flush_calls(
    database: Database,
    settings: Settings,
    stream: CallStream,
    owners: Owners,
    *,
    stopping: Callable[[], bool] = lambda: False,
    sleep: Callable[[float], None] = time.sleep,
) -> FlushOutcome:
    """Write all calls that are due, shard by shard, and wait for those that soon are.

    A shard is one flush's at a time; those that others have are left to them. An entry is forgotten
    after the commit, so whatever a killed flush had taken is taken again. Where numbers changed,
    calls that were kept for nobody are written to those who own them now.
    """
    began = time.monotonic()
    total = FlushOutcome()
    known, idle = owners.version, not any(stream.lengths())
    if idle:
        claim_calls(database, stream)
    while not stopping():
        if time.monotonic() - began > _LONGEST_S:
            total.more = True
            break
        soonest_ms: int | None = None
        for shard, length in enumerate(stream.lengths()):
            wait_ms = length and _flush_shard(database, settings, stream, owners, shard, total)
            if wait_ms and (soonest_ms is None or wait_ms < soonest_ms):
                soonest_ms = wait_ms
        if owners.version != known:
            known = owners.version
            soonest_ms = 1 if claim_calls(database, stream) else soonest_ms
        if soonest_ms is None or soonest_ms > _WORTH_WAITING_MS:
            break
        sleep(soonest_ms / 1000)
    if total.entries:
        duration_ms = round((time.monotonic() - began) * 1000, 1)
        log.info("calls_flushed", duration_ms=duration_ms, **asdict(total))
    return total


def _flush_shard(
    database: Database,
    settings: Settings,
    stream: CallStream,
    owners: Owners,
    shard: int,
    total: FlushOutcome,
) -> int:
    """Write a shard's calls that are due; returns ms until the next one is, 0: none waits."""
    with database.transaction() as connection:
        if not logs.lock_shard(connection, shard):
            return 0
        held, now_ms = stream.take(shard)
        calls = pending_calls(
            held, window_ms=settings.call_debounce_ms, longest_ms=settings.call_debounce_max_ms
        )
        due = [key for key, pending in calls.items() if pending.due_ms <= now_ms][:MOST_CALLS]
        changed = {key: calls[key] for key in due if key.unique_id}
        if changed:
            total.ended += _write(connection, owners, changed)
        for key in due:
            if not key.unique_id:
                for entry in calls[key].entries:
                    lose_calls(connection, stream, key.pbx, _decode(entry.entry.facts))
    ids = [entry.id for key in due for entry in calls[key].entries]
    stream.forget(shard, ids)
    total.calls += len(due)
    total.entries += len(ids)
    written = set(due)
    waits = [max(1, p.due_ms - now_ms) for key, p in calls.items() if key not in written]
    return min(waits, default=0)


def _write(connection: Connection, owners: Owners, calls: Mapping[CallKey, Pending]) -> int:
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
        join(facts, _decode(held.entry.facts))
    return _Read(key, facts, _project(key, facts), stored)


def _project(key: CallKey, facts: Facts) -> CallRow | None:
    """A call whose facts are not what a reader writes is kept, and holds up no other."""
    try:
        return project(key.unique_id, facts)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        reason = type(error).__name__  # its text may hold numbers
        log.error("call_unreadable", pbx=key.pbx, call=key.unique_id, error=reason)  # noqa: TRY400
        return None


def _decode(text: str) -> Mapping[str, Any]:
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
