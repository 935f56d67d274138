"""From the stream to the rows: what came of calls is merged with what is known, and written."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import structlog

from config.settings import Settings
from db.engine import Database
from db.queries.calls import logs
from jobs.calls.belonging import Owners
from jobs.calls.census import lose_calls
from jobs.calls.claiming import claim_calls
from jobs.calls.debounce import pending_calls
from jobs.calls.stream import CallStream
from jobs.calls.writing import decode, write_calls

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
            total.ended += write_calls(connection, owners, changed)
        for key in due:
            if not key.unique_id:
                for entry in calls[key].entries:
                    lose_calls(connection, stream, key.pbx, decode(entry.entry.facts))
    ids = [entry.id for key in due for entry in calls[key].entries]
    stream.forget(shard, ids)
    total.calls += len(due)
    total.entries += len(ids)
    written = set(due)
    waits = [max(1, p.due_ms - now_ms) for key, p in calls.items() if key not in written]
    return min(waits, default=0)
