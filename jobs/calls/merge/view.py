"""The facts of a call by channel, dial and bridge, in an order that depends on them alone."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from jobs.calls.merge.facts import Value, by_kind, epoch, uid_order

# Takes the time out of a value.
_Time = Callable[[Value], float]
_Kinds = Mapping[str, Sequence[tuple[str, Value]]]
# What has fewer digits than this fits into 32 bits.
_DIGITS = 10
# Within this time the same event told again is an echo.
_ECHO_S = 0.5


@dataclass(slots=True)
class Leg:
    """One channel; times in epoch seconds. ``place`` is where in the dialplan it was seen last."""

    uid: str
    seen_new: bool = False
    born: float = 0.0
    channel: str = ""
    number: str = ""
    name: str = ""
    exten: str = ""
    context: str = ""
    account: str = ""
    ringing: float | None = None
    up: float | None = None
    hangup: float | None = None
    cause: int | None = None
    cause_text: str = ""
    moved: bool = False
    place: str = ""
    placed: float = 0.0


@dataclass(slots=True)
class Dial:
    """One channel dialing another; ``caller`` is empty where the PBX was told to originate."""

    caller: str
    callee: str
    begin: float = 0.0
    begin_place: str = ""
    number: str = ""
    end: float | None = None
    status: str = ""
    end_place: str = ""


@dataclass(slots=True)
class Stay:
    """A channel's time in a bridge; ``end`` None: still there. ``holding``: parked or waiting."""

    bridge: str
    uid: str
    start: float
    end: float | None
    holding: bool


@dataclass(frozen=True, slots=True)
class Cdr:
    """One of Asterisk's own records; times in whole epoch seconds."""

    uid: str
    callee_channel: str
    start: float | None
    answer: float | None
    end: float | None
    billable_seconds: int
    disposition: str
    source: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Mark:
    """An event that is kept as it came."""

    at: float
    event: str
    uid: str
    name: str
    told: Mapping[str, str]


@dataclass(slots=True)
class View:
    """A call. ``clocked``: its events brought their own times, rather than those of their arrival.

    ``lost`` is when it was found out that its end was missed.
    """

    linked: str
    clocked: bool
    last: float
    lost: float | None
    legs: dict[str, Leg] = field(default_factory=dict)
    dials: list[Dial] = field(default_factory=list)
    stays: list[Stay] = field(default_factory=list)
    cdrs: list[Cdr] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)

    @property
    def caller(self) -> Leg | None:
        """The call's first channel; None while none has been told of."""
        if self.linked in self.legs:
            return self.legs[self.linked]
        return min(self.legs.values(), key=lambda leg: uid_order(leg.uid), default=None)

    def called(self, uid: str) -> bool:
        """Whether another channel dialed this one."""
        return any(dial.callee == uid and dial.caller for dial in self.dials)


def view(linked: str, facts: Mapping[str, Value]) -> View:
    """Set the facts of a call out. Times that are mere arrivals are laid onto the call's epoch."""
    kinds = by_kind(facts)
    clocked = "arrival" not in kinds
    shift = 0.0 if clocked else _shift(linked, kinds)

    def time(value: Value) -> float:
        return round(float(value[0]) + shift, 6)

    call = View(
        linked,
        clocked,
        last=time(facts["last|"]) if "last" in kinds else 0.0,
        lost=time(facts["lost|"]) if "lost" in kinds else None,
    )
    call.legs = _legs(kinds, time)
    call.dials = _dials(kinds, time)
    call.stays = _stays(kinds, time)
    call.cdrs = [_cdr(text) for text, _ in kinds.get("cdr", ())]
    if not call.legs:
        call.legs = _legs_of_records(call.cdrs)
    for names, value in kinds.get("mark", ()):
        event, uid, name, told = json.loads(names.partition("|")[2])
        call.marks.append(Mark(time(value), event, uid, name, told))
    call.marks = _without_echoes(call.marks)
    return call


def _legs(kinds: _Kinds, time: _Time) -> dict[str, Leg]:
    legs: dict[str, Leg] = {}
    for uid, (rank, at, *told) in kinds.get("leg", ()):
        legs[uid] = Leg(uid, rank == 0, time([at]), *told)
    for kind in ("ringing", "up", "hangup", "moved", "at"):
        for uid, value in kinds.get(kind, ()):
            leg = legs.get(uid)
            if leg is None:
                leg = legs[uid] = Leg(uid)
            if kind == "ringing":
                leg.ringing = time(value)
            elif kind == "up":
                leg.up = time(value)
            elif kind == "moved":
                leg.moved = True
            elif kind == "at":
                leg.placed, leg.place = time(value), str(value[1])
            else:
                leg.hangup, leg.cause_text = time(value), str(value[2])
                leg.cause = _small(str(value[1]))
    return legs


def _legs_of_records(cdrs: Sequence[Cdr]) -> dict[str, Leg]:
    """Of a call that was heard of only when Asterisk wrote its records: what they tell."""
    legs: dict[str, Leg] = {}
    for cdr in cdrs:
        leg = legs.setdefault(cdr.uid, Leg(cdr.uid, number=cdr.source, born=cdr.start or 0.0))
        leg.born = min(leg.born, cdr.start or leg.born)
        leg.up = cdr.answer if leg.up is None else min(leg.up, cdr.answer or leg.up)
        leg.hangup = max(leg.hangup or 0.0, cdr.end or leg.born)
    return legs


def _shift(linked: str, kinds: _Kinds) -> float:
    """What brings arrivals onto the PBX's clock: a call began in the second its Uniqueid names."""
    began = epoch(linked)
    times = [float(value[1]) for _, value in kinds.get("leg", ())]
    return began - min(times) if began is not None and times else 0.0


def _dials(kinds: _Kinds, time: _Time) -> list[Dial]:
    dials: dict[str, Dial] = {}
    for key, value in kinds.get("dial", ()):
        caller, _, callee = key.partition("|")
        dials[key] = Dial(caller, callee, time(value), str(value[1]), str(value[2]))
    for key, value in kinds.get("dialend", ()):
        caller, _, callee = key.partition("|")
        dial = dials.setdefault(key, Dial(caller, callee, time(value), str(value[2])))
        dial.end, dial.status, dial.end_place = time(value), str(value[1]), str(value[2])
    return sorted(dials.values(), key=lambda dial: (dial.begin, uid_order(dial.callee)))


def _stays(kinds: _Kinds, time: _Time) -> list[Stay]:
    stays: dict[str, Stay] = {}
    for key, value in kinds.get("in", ()):
        bridge, _, uid = key.partition("|")
        stays[key] = Stay(bridge, uid, time(value), None, bool(value[1]))
    for key, value in kinds.get("out", ()):
        bridge, _, uid = key.partition("|")
        stay = stays.setdefault(key, Stay(bridge, uid, time(value), None, bool(value[1])))
        stay.end = time(value)
    return sorted(stays.values(), key=lambda stay: (stay.start, uid_order(stay.uid), stay.bridge))


def _cdr(text: str) -> Cdr:
    uid, callee, start, answer, end, seconds, disposition, source, sequence = json.loads(text)
    return Cdr(
        uid,
        callee,
        start,
        answer,
        end,
        _small(seconds) or 0,
        disposition,
        source,
        -1 if _small(sequence) is None else int(sequence),
    )


def _small(digits: str) -> int | None:
    """A number that any integer column takes."""
    return (
        int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < _DIGITS else None
    )


def _without_echoes(marks: Sequence[Mark]) -> list[Mark]:
    """In order of time, without what a second listener told of a PBX that sends no times."""
    kept: list[Mark] = []
    told: dict[tuple[str, str, str, str], float] = {}
    for mark in sorted(marks, key=lambda mark: (mark.at, mark.event, mark.uid)):
        key = (mark.event, mark.uid, mark.name, json.dumps(mark.told, sort_keys=True))
        if key not in told or mark.at - told[key] > _ECHO_S:
            kept.append(mark)
            told[key] = mark.at
    return kept
