"""Who called whom: numbers, direction, carrier, phone."""

import re
from collections.abc import Sequence

from jobs.calls.merge.facts import uid_order
from jobs.calls.merge.records import ANSWERED, Record
from jobs.calls.merge.view import Leg, View

# Up to so many digits a number is one of the PBX's own extensions.
_EXTENSION_DIGITS = 6
_CHANNEL_NAME = re.compile(r"^(.+?)(?:-[0-9a-f]+)?(?:;[12])?$", re.IGNORECASE)


def from_number(call: View, caller: Leg) -> str | None:
    numbers = [caller.number, *(dial.number for dial in call.dials if dial.caller == caller.uid)]
    return next((number for number in numbers if number), None)


def dialed(call: View, caller: Leg) -> str | None:
    """The extension the first channel came in on; of an originated one, what it went on to dial."""
    if caller.exten not in {"", "s"}:
        return caller.exten
    places = [dial.begin_place for dial in call.dials if dial.caller == caller.uid]
    extens = [place.split(",")[1] for place in [*places, caller.place] if place.count(",") > 1]
    return next((exten for exten in extens if exten != "s"), caller.exten) or None


def direction(call: View, caller: Leg) -> str:
    number, exten = from_number(call, caller) or "", dialed(call, caller) or ""
    originated = any(dial.callee == caller.uid and not dial.caller for dial in call.dials)
    if not originated and not _is_extension(number):
        return "inbound"
    return "internal" if _is_extension(exten) and not originated else "outbound"


def _is_extension(number: str) -> bool:
    return 0 < len(number.lstrip("+")) <= _EXTENSION_DIGITS


def _device(channel: str) -> str:
    """``IAX2/carrier-10458`` → ``IAX2/carrier``."""
    found = _CHANNEL_NAME.match(channel)
    return found[1] if found else channel


def trunk(call: View, caller: Leg, direction: str) -> str | None:
    if direction == "inbound":
        return _device(caller.channel) or None
    called = [call.legs[d.callee] for d in call.dials if d.callee in call.legs and d.caller]
    outside = [leg for leg in called if not leg.channel.startswith("Local/")]
    return _device(outside[-1].channel) if direction == "outbound" and outside else None


def transfer_number(call: View) -> str | None:
    """Where a call was put through to: what a blind transfer dialed, or an attended one's Local."""
    for mark in reversed(call.marks):
        if mark.event == "BlindTransfer":
            return mark.told.get("Extension")
        if mark.event == "AttendedTransfer":
            locals_ = [leg for leg in call.legs.values() if leg.channel.startswith("Local/")]
            last = max(locals_, key=lambda leg: uid_order(leg.uid), default=None)
            return last.channel.removeprefix("Local/").partition("@")[0] if last else None
    return None


def agent_extension(
    call: View, caller: Leg, records: Sequence[Record], direction: str
) -> str | None:
    if direction != "inbound":
        return _device(caller.channel).partition("/")[2] or None
    talked = [
        call.legs[record.callee].channel
        for record in records
        if record.disposition == ANSWERED and record.callee in call.legs
    ]
    phones = [channel for channel in talked if not channel.startswith("Local/")]
    return _device(phones[-1]).partition("/")[2] if phones else None
