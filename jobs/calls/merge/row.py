"""From the facts of a call to its row."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.calls.merge import parties
from jobs.calls.merge.facts import Value, epoch
from jobs.calls.merge.flow import tell_flow, tell_user_events
from jobs.calls.merge.records import (
    ANSWERED,
    FAILED,
    NO_ANSWER,
    Record,
    by_cause,
    by_status,
    gone,
    write_records,
)
from jobs.calls.merge.view import Cdr, Leg, View, view

# Asterisk's records have whole seconds: what lies this near to their middle is the same moment.
_SAME_MOMENT_S = 1.5
# From so many records on, one of the seconds that rounding each of them down costs is given back.
_MANY_RECORDS = 3


@dataclass(frozen=True, slots=True)
class CallRow:
    """One call. Times in epoch seconds; ``dialed`` is the number that was dialed.

    ``presented`` is the number an outgoing call showed. ``agent_extension`` is that of the phone
    that talked, ``trunk`` the carrier's channel, both without tech and channel number.
    ``disposition`` is None until it is known.
    """

    linked_id: str
    direction: str = "inbound"
    from_number: str | None = None
    dialed: str | None = None
    presented: str | None = None
    trunk: str | None = None
    context: str | None = None
    transfer_number: str | None = None
    agent_extension: str | None = None
    status: str = "STARTED"
    disposition: str | None = None
    started_at: float | None = None
    ringing_at: float | None = None
    answered_at: float | None = None
    ended_at: float | None = None
    duration: int | None = None
    billable_seconds: int | None = None
    hangup_cause: int | None = None
    hangup_text: str | None = None
    unknown_end: bool = False
    flow: Sequence[Mapping[str, Any]] = ()
    user_events: Sequence[Mapping[str, Any]] = ()


def project(linked_id: str, facts: Mapping[str, Value]) -> CallRow | None:
    """The row of a call; None while none of its channels is known.

    One that was asked for, and of which no channel is known, has failed when the PBX says so.
    """
    call = view(linked_id, facts)
    caller = call.caller
    if caller is None:
        return _unmade(linked_id, facts["unmade|"]) if "unmade|" in facts else None
    records = write_records(call)
    own = [record for record in records if record.uid == caller.uid]
    over = all(gone(call, leg) is not None for leg in call.legs.values())
    unknown_end = over and any(leg.hangup is None and not leg.moved for leg in call.legs.values())
    cdrs = _trusted(call, caller, own)
    disposition = _disposition(call, caller, records, cdrs, over=over)
    started = _started(call, caller, cdrs)
    answered = _answered(call, records, cdrs) if disposition == ANSWERED else None
    ended = _ended(call, records, cdrs) if over else None
    direction = parties.direction(call, caller)
    return CallRow(
        linked_id=linked_id,
        direction=direction,
        from_number=parties.from_number(call, caller),
        dialed=parties.dialed(call, caller),
        presented=next((d.number for d in call.dials if d.caller == caller.uid), None) or None,
        trunk=parties.trunk(call, caller, direction),
        context=caller.context or None,
        transfer_number=parties.transfer_number(call),
        agent_extension=parties.agent_extension(call, caller, records, direction),
        status=_status(call, records, over=over),
        disposition=disposition,
        started_at=started,
        ringing_at=min((leg.ringing for leg in call.legs.values() if leg.ringing), default=None),
        answered_at=answered,
        ended_at=ended,
        duration=None if ended is None else max(0, math.floor(ended - started)),
        billable_seconds=_billable_seconds(call, caller, own, cdrs) if over else None,
        hangup_cause=caller.cause,
        hangup_text=caller.cause_text or None,
        unknown_end=unknown_end,
        flow=tell_flow(call),
        user_events=tell_user_events(call),
    )


def _unmade(linked_id: str, told: Value) -> CallRow:
    at = float(told[0])
    return CallRow(
        linked_id,
        direction="outbound",
        status="ENDED",
        disposition=FAILED,
        started_at=at,
        ended_at=at,
        duration=0,
        billable_seconds=0,
    )


def _trusted(call: View, caller: Leg, own: Sequence[Record]) -> Sequence[Cdr]:
    """Asterisk's own records, unless some of the caller's are missing."""
    mine = [cdr for cdr in call.cdrs if cdr.uid == caller.uid]
    return call.cdrs if mine and (len(mine) >= len(own) or not call.clocked) else ()


def _disposition(
    call: View, caller: Leg, records: Sequence[Record], cdrs: Sequence[Cdr], *, over: bool
) -> str | None:
    """ANSWERED if any record is, else that of the caller's last; None while it is not known."""
    if any(cdr.disposition == ANSWERED for cdr in call.cdrs):
        return ANSWERED
    if not (cdrs and over) and any(record.disposition == ANSWERED for record in records):
        return ANSWERED
    if not over:
        return None
    mine = [cdr for cdr in cdrs if cdr.uid == caller.uid]
    if mine:
        return max(mine, key=lambda cdr: _cdr_order(call, cdr)).disposition
    return _unanswered(call, caller, [record for record in records if record.uid == caller.uid])


def _unanswered(call: View, caller: Leg, own: Sequence[Record]) -> str:
    """By the caller's last dial, or the one that called it, before its hangup cause."""
    if own:
        return own[-1].disposition
    originated = [dial for dial in call.dials if dial.callee == caller.uid and not dial.caller]
    if originated:
        return by_status(originated[-1].status)
    return by_cause(caller.cause) if caller.hangup is not None else NO_ANSWER


def _cdr_order(call: View, cdr: Cdr) -> tuple[Any, ...]:
    """The order in which Asterisk began its records, of which several begin in one second."""
    begun = {
        call.legs[dial.callee].channel: place
        for place, dial in enumerate(call.dials)
        if dial.callee in call.legs
    }
    place = begun.get(cdr.callee_channel, len(call.dials))
    return cdr.sequence, cdr.start or 0.0, place, cdr.end or 0.0, cdr.callee_channel


def _started(call: View, caller: Leg, cdrs: Sequence[Cdr]) -> float:
    """When the first channel was made: told by its event, else by its name to the second."""
    born = caller.born
    if not call.clocked:
        return min((cdr.start for cdr in cdrs if cdr.start is not None), default=born)
    made = epoch(call.linked)
    return born if caller.seen_new or made is None or made > born else made


def _answered(call: View, records: Sequence[Record], cdrs: Sequence[Cdr]) -> float | None:
    told = [r.answer for r in records if r.disposition == ANSWERED and r.answer is not None]
    written = [c.answer for c in cdrs if c.disposition == ANSWERED and c.answer is not None]
    return _agreed(call, min(told, default=None), min(written, default=None))


def _ended(call: View, records: Sequence[Record], cdrs: Sequence[Cdr]) -> float:
    left = [moment for leg in call.legs.values() if (moment := gone(call, leg)) is not None]
    ends = [record.end for record in records if record.end is not None]
    written = [cdr.end for cdr in cdrs if cdr.end is not None]
    agreed = _agreed(call, max(ends or left), max(written, default=None))
    return max(left) if agreed is None else agreed


def _agreed(call: View, told: float | None, written: float | None) -> float | None:
    """What channels told to the microsecond, if it is what Asterisk wrote down to the second."""
    if written is None:
        return told
    if told is not None and call.clocked and abs(told - written - 0.5) <= _SAME_MOMENT_S:
        return told
    return written


def _billable_seconds(call: View, caller: Leg, own: Sequence[Record], cdrs: Sequence[Cdr]) -> int:
    """What the records of the caller's channel add up to."""
    told = _add_up(
        [
            (record.answer, record.end, record.billable_seconds)
            for record in own
            if record.answer is not None and record.end is not None
        ]
    )
    mine = [cdr for cdr in cdrs if cdr.uid == caller.uid]
    if not mine:
        return told
    written = _add_up(
        [
            (cdr.answer, cdr.end, cdr.billable_seconds)
            for cdr in mine
            if cdr.answer is not None and cdr.end is not None
        ]
    )
    return told if call.clocked and abs(told - written) <= 1 else written


def _add_up(talks: Sequence[tuple[float, float, int]]) -> int:
    """The seconds of (answer, end, whole seconds), but not more than the time they span.

    Each is rounded down, so that of many of them more is lost than the second a sum may be off.
    """
    if not talks:
        return 0
    span = max(end for _, end, _ in talks) - min(answer for answer, _, _ in talks)
    seconds = sum(seconds for _, _, seconds in talks) + (len(talks) >= _MANY_RECORDS)
    return min(seconds, math.ceil(span))


def _status(call: View, records: Sequence[Record], *, over: bool) -> str:
    if over:
        return "ENDED"
    if any(record.disposition == ANSWERED and record.answer for record in records):
        return "ANSWERED"
    return "RINGING" if any(leg.ringing for leg in call.legs.values()) else "STARTED"
