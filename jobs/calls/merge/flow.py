"""What happened on a call, one event after the other, for people to read."""

from collections.abc import Mapping, Sequence
from typing import Any

from jobs.calls.merge.view import View

MOST_FLOW_EVENTS = 100

Event = Mapping[str, Any]


def tell_flow(call: View) -> Sequence[Event]:
    """The last events in order: ``at`` (epoch seconds), ``event``, and what it is about."""
    events: list[tuple[float, str, str, dict[str, Any]]] = []

    def tell(at: float | None, event: str, uid: str, **about: Any) -> None:
        if at is not None:
            leg = call.legs.get(uid)
            known = {name: value for name, value in about.items() if value not in {None, ""}}
            events.append((at, event, uid, {"channel": leg.channel if leg else uid, **known}))

    for leg in call.legs.values():
        tell(leg.born if leg.seen_new else None, "channel", leg.uid, number=leg.number)
        tell(leg.ringing, "ringing", leg.uid)
        tell(leg.up, "up", leg.uid)
        tell(leg.hangup, "hangup", leg.uid, cause=leg.cause, text=leg.cause_text)
    for dial in call.dials:
        uid = dial.caller or dial.callee
        callee = call.legs.get(dial.callee)
        name = callee.channel if callee else dial.callee
        tell(dial.begin, "dial", uid, callee=name)
        tell(dial.end, "dial_end", uid, callee=name, status=dial.status)
    for stay in call.stays:
        tell(stay.start, "bridge_enter", stay.uid, bridge=stay.bridge)
        tell(stay.end, "bridge_leave", stay.uid, bridge=stay.bridge)
    for mark in call.marks:
        if mark.event != "UserEvent":
            tell(mark.at, mark.event, mark.uid, **dict(mark.told))
    if any(leg.hangup is None and not leg.moved for leg in call.legs.values()):
        tell(call.lost, "lost", call.linked)
    events.sort(
        key=lambda event: (event[0], event[1], event[2], sorted(map(str, event[3].items())))
    )
    return [
        {"at": at, "event": event, **about} for at, event, _, about in events[-MOST_FLOW_EVENTS:]
    ]


def tell_user_events(call: View) -> Sequence[Event]:
    """The dialplan's own events in order, as they came: ``UserEvent``, their fields, and ``at``."""
    return [
        {**mark.told, "UserEvent": mark.name, "at": mark.at}
        for mark in call.marks
        if mark.event == "UserEvent"
    ]
