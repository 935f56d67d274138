"""The records Asterisk itself would write of a call, worked out from what its channels did.

The rules are those of Asterisk's CDR engine. Each channel that was not dialed itself, or that
dials others, has a chain of records. A dial makes one a called channel: its first goes on from the
channel's own beginning; a further one begins with the dial, or, if the dialplan went on since,
where the record before it ended. A dial that isn't answered ends its record with the dial's status;
one that is goes on until the bridge is left. When the dialplan goes on afterwards, a record without
a called channel begins. A record is answered from when its channel was up, and written only if it
has a called channel or was answered.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from jobs.calls.merge.view import Dial, Leg, Stay, View

ANSWERED, NO_ANSWER, BUSY, FAILED = "ANSWERED", "NO ANSWER", "BUSY", "FAILED"
_BY_STATUS = {
    "ANSWER": ANSWERED,
    "BUSY": BUSY,
    "CANCEL": NO_ANSWER,
    "NOANSWER": NO_ANSWER,
    "": NO_ANSWER,  # its end was not heard of
}
_BY_CAUSE = {17: BUSY, 34: FAILED, 3: FAILED, 20: FAILED, 0: FAILED}
# Timestamps of events that belong together run ahead of each other, on a busy PBX by this much.
_TOGETHER_S = 0.05


@dataclass(frozen=True, slots=True)
class Record:
    """Times in epoch seconds; ``end`` None: it goes on. ``callee`` is a Uniqueid, or empty."""

    uid: str
    callee: str
    start: float
    answer: float | None
    end: float | None
    disposition: str

    @property
    def billable_seconds(self) -> int:
        if self.answer is None or self.end is None:
            return 0
        return max(0, math.floor(self.end - self.answer))


def by_cause(cause: int | None) -> str:
    """What a call that was never answered comes to by its hangup cause (Q.850)."""
    return NO_ANSWER if cause is None else _BY_CAUSE.get(cause, NO_ANSWER)


def by_status(status: str) -> str:
    """What a dial comes to by its DialStatus."""
    return _BY_STATUS.get(status, FAILED)


def gone(call: View, leg: Leg) -> float | None:
    """When a channel's part in the call ended; None: it is still there."""
    if leg.hangup is not None:
        return leg.hangup
    if leg.moved:
        return call.last
    return call.lost if call.lost is not None and call.lost >= call.last else None


def write_records(call: View) -> list[Record]:
    """Every record of a call, the chain of each channel in its order."""
    return [
        record
        for leg in call.legs.values()
        for record in _Chain(call, leg).write()
        if record.callee or record.disposition == ANSWERED
    ]


class _Chain:
    """The records of one channel."""

    def __init__(self, call: View, leg: Leg) -> None:
        self._leg = leg
        self._gone = gone(call, leg)
        self._dialed = call.called(leg.uid)
        self._originated = [d for d in call.dials if d.callee == leg.uid and not d.caller]
        self._dials = [dial for dial in call.dials if dial.caller == leg.uid]
        self._stays = [stay for stay in call.stays if stay.uid == leg.uid]
        self._legs = call.legs
        self._records: list[Record] = []

    def write(self) -> Sequence[Record]:
        # Where a record without a called channel has begun; None: nothing is open.
        open_since: float | None = None if self._dialed else self._leg.born
        place = ""
        for number, dial in enumerate(self._dials):
            if open_since is not None:
                start = self._close_stay(open_since, dial.begin)
                open_since = None
            else:
                ended = self._ended()
                went_on = ended is not None and ended <= dial.begin and dial.begin_place != place
                start = ended if ended is not None and went_on else dial.begin
            later = [other.begin for other in self._dials[number + 1 :]]
            following = min((begin for begin in later if begin > (dial.end or begin)), default=None)
            self._add_dial(dial, start, following)
            place = dial.end_place or dial.begin_place
        if self._dials:
            self._add_what_followed(place)
        elif open_since is not None and not self._failed_origination():
            self._add("", open_since, self._gone, ANSWERED if self._leg.up is not None else "")
        return self._records

    def _add(self, callee: str, start: float, end: float | None, disposition: str) -> None:
        up = self._leg.up
        answer = None
        if up is not None and (end is None or up < end):
            answer = max(up, start)
        self._records.append(Record(self._leg.uid, callee, start, answer, end, disposition))

    def _ended(self) -> float | None:
        """When the last of the records so far ended; None while one goes on."""
        ends = [record.end for record in self._records]
        known = [end for end in ends if end is not None]
        return max(known) if known and len(known) == len(ends) else None

    def _close_stay(self, since: float, until: float) -> float:
        """A stay in a bridge that nobody dialed for, such as a parking lot, ends a record."""
        left = [
            stay.end
            for stay in self._stays
            if stay.end is not None and since <= stay.start and stay.end <= until
        ]
        if not left:
            return since
        self._add("", since, max(left), ANSWERED)
        return max(left)

    def _add_dial(self, dial: Dial, start: float, following: float | None) -> None:
        status = dial.status
        if dial.end is None and self._talked(dial):
            status = "ANSWER"
        if status == "ANSWER":
            self._add(dial.callee, start, self._left(dial, following), ANSWERED)
            return
        callee = self._legs.get(dial.callee)
        end = dial.end or (callee.hangup if callee else None) or self._gone
        self._add(dial.callee, start, end, by_status(status))

    def _talked(self, dial: Dial) -> bool:
        """Whether caller and callee were in a bridge, though the dial's end was not heard of."""
        callee = self._legs.get(dial.callee)
        up = callee is not None and callee.up is not None and self._leg.up is not None
        return up and any(stay.start >= dial.begin for stay in self._stays)

    def _left(self, dial: Dial, following: float | None) -> float | None:
        """When the last bridge after an answer was left, before the dialplan dialed again."""
        began = (dial.end or dial.begin) - _TOGETHER_S
        stays: list[Stay] = [
            stay
            for stay in self._stays
            if stay.start >= began and (following is None or stay.start < following)
        ]
        if stays and all(stay.end is not None for stay in stays):
            return max(stay.end for stay in stays if stay.end is not None)
        return following if following is not None and not stays else self._gone

    def _add_what_followed(self, place: str) -> None:
        """The dialplan went on after the last dial, seen by where it stood at the end."""
        leg, ended = self._leg, self._ended()
        if ended is None or leg.up is None or not leg.place:
            return
        if leg.place != place and leg.placed >= ended - _TOGETHER_S:
            self._add("", ended, self._gone, ANSWERED)

    def _failed_origination(self) -> bool:
        return any(dial.status not in {"", "ANSWER"} for dial in self._originated)
