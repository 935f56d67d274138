"""Which calls are written now: changes that come one after the other are one write."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from db.queries.calls.logs import CallKey
from jobs.calls.stream import HeldEntry, Stage

# Asterisk's own records of a call come up to a tenth of a second after its end.
RECORDS_MS = 150
_AFTER_ALL_MS = 500


@dataclass(slots=True)
class Pending:
    """What there is of one call; ``due_ms`` is when it is written, by the stream's clock."""

    entries: list[HeldEntry] = field(default_factory=list)
    due_ms: int = 0


def pending_calls(
    held: Iterable[HeldEntry], *, window_ms: int, longest_ms: int
) -> Mapping[CallKey, Pending]:
    """Entries by call, with when each call is due; pure.

    A call that is over is due as soon as Asterisk's records of it may have come; one that was
    answered, when nothing has come for ``window_ms``; and any, ``longest_ms`` after its first news.
    """
    calls: dict[CallKey, Pending] = {}
    for entry in held:
        calls.setdefault(entry.entry.key, Pending()).entries.append(entry)
    for pending in calls.values():
        first = min(held.at_ms for held in pending.entries)
        last = max(held.at_ms for held in pending.entries)
        stage = max(held.entry.stage for held in pending.entries)
        quiet = {
            Stage.OVER: min(RECORDS_MS, window_ms),
            Stage.ANSWERED: window_ms,
            Stage.GOES_ON: longest_ms,
        }[stage]
        pending.due_ms = min(last + quiet, first + longest_ms)
    for key, pending in calls.items():
        if not key.unique_id:  # a census: what was told before it is written first
            pending.due_ms += _AFTER_ALL_MS
    return calls
