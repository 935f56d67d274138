"""The calls of the PBX simulator: channels, and what they tell while they live.

The events, their fields and their order are those of an Asterisk 22: a call that is made
(Originate) is one channel that rings, and once it is answered dials a phone of the desk; one that
comes in is the carrier's channel, which dials a phone.
"""

import asyncio
import itertools
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Event = Mapping[str, str]
Tell = Callable[[str, str, Event], None]
"""(class of the event, its name, its fields)"""

ANSWERED, NO_ANSWER, BUSY, FAILED = "answered", "no_answer", "busy", "failed"
MACHINE, TRANSFERRED, LOST = "machine", "transferred", "lost"
OUTCOMES = (ANSWERED, NO_ANSWER, BUSY, FAILED, MACHINE, TRANSFERRED, LOST)
"""``failed`` makes no channel at all; of a ``lost`` one nothing is ever told."""

_STATES = {"0": "Down", "4": "Ring", "5": "Ringing", "6": "Up"}
_CAUSES = {"16": "Normal Clearing", "17": "User busy", "19": "User alerting, no answer"}


@dataclass(frozen=True)
class Mix:
    """How calls go: shares of outcomes, and seconds that phones ring and people talk."""

    shares: Mapping[str, float] = field(default_factory=lambda: {ANSWERED: 1.0})
    ring_s: float = 1.0
    talk_s: float = 3.0

    @classmethod
    def read(cls, text: str, *, ring_s: float = 1.0, talk_s: float = 3.0) -> "Mix":
        """``answered=60,busy=20,no_answer=20``.

        Raises:
            ValueError: a word is no outcome, or a share no number above 0.
        """
        shares: dict[str, float] = {}
        for part in text.split(","):
            name, _, share = part.strip().partition("=")
            if name not in OUTCOMES:
                raise ValueError(f"{name!r} is none of {', '.join(OUTCOMES)}")
            shares[name] = float(share or 1)
            if not shares[name] > 0:
                raise ValueError(f"{name}: no share above 0")
        return cls(shares, ring_s, talk_s)

    def draw(self, lots: random.Random) -> str:
        return lots.choices(list(self.shares), weights=list(self.shares.values()))[0]


@dataclass
class Channel:
    """A live channel, as its events and CoreShowChannels have it."""

    name: str
    unique_id: str
    linked_id: str
    context: str
    exten: str
    number: str = ""
    connected: str = ""
    state: str = "0"
    born: float = field(default_factory=time.time)

    def fields(self, prefix: str = "") -> dict[str, str]:
        unknown = "<unknown>"
        own = {
            "Channel": self.name,
            "ChannelState": self.state,
            "ChannelStateDesc": _STATES[self.state],
            "CallerIDNum": self.number or unknown,
            "CallerIDName": unknown,
            "ConnectedLineNum": self.connected or unknown,
            "ConnectedLineName": unknown,
            "Language": "en",
            "AccountCode": "",
            "Context": self.context,
            "Exten": self.exten,
            "Priority": "1",
            "Uniqueid": self.unique_id,
            "Linkedid": self.linked_id,
        }
        return {f"{prefix}{key}": value for key, value in own.items()}


class Calls:
    """Runs calls in the event loop; ``tell`` gets their events."""

    def __init__(self, tell: Tell, mix: Mix, *, seed: int = 0) -> None:
        self.mix = mix
        self.channels: dict[str, Channel] = {}
        self.outcome_of: dict[str, str] = {}
        """Outcomes by number, for those whose is not drawn."""
        self._tell_all = tell
        self._lots = random.Random(seed)  # noqa: S311 - no secret
        self._numbers = itertools.count(1)
        self._boot = int(time.time())

    def new_id(self) -> str:
        return f"{self._boot}.{next(self._numbers)}"

    def draw(self, number: str) -> str:
        return self.outcome_of.get(number) or self.mix.draw(self._lots)

    async def originate(self, asked: Mapping[str, str]) -> None:
        """A call that is made: from an Originate that was queued to its end."""
        technology, _, rest = asked["Channel"].partition("/")
        number = rest.partition("@")[0]
        outcome = self.draw(number)
        if outcome == LOST:
            return
        told = {
            "ActionID": asked.get("ActionID", ""),
            "Context": asked.get("Context", ""),
            "Exten": asked.get("Exten", ""),
            "CallerIDNum": asked.get("CallerID", "").strip("<>") or "<unknown>",
            "CallerIDName": "<unknown>",
        }
        unique_id = asked.get("ChannelId") or self.new_id()
        if outcome == FAILED:
            nowhere = {"Channel": asked["Channel"], "Reason": "0", "Uniqueid": "<unknown>"}
            self._tell_all("call", "OriginateResponse", {"Response": "Failure", **told, **nowhere})
            return
        channel = self._make(
            f"{technology}/{number}-{next(self._numbers):08x}", unique_id, unique_id,
            told["Context"], "s",
        )  # fmt: skip
        channel.number = channel.connected = told["CallerIDNum"]
        self._tell("NewCallerid", channel)
        self._state(channel, "5")
        self._dial_begin(None, channel)
        rings_s = self.mix.ring_s
        limit_s = int(asked.get("Timeout") or 30_000) / 1000
        await asyncio.sleep(min(rings_s, limit_s))
        if outcome in {NO_ANSWER, BUSY} or rings_s > limit_s:
            busy = outcome == BUSY
            self._dial_end(None, channel, "BUSY" if busy else "NOANSWER")
            self._hang_up(channel, "17" if busy else "19")
            refused = {"Channel": asked["Channel"], "Reason": "0" if busy else "3"}
            self._tell_all(
                "call",
                "OriginateResponse",
                {"Response": "Failure", **told, **refused, "Uniqueid": "<unknown>"},
            )
            return
        self._state(channel, "6")
        self._dial_end(None, channel, "ANSWER")
        channel.exten = told["Exten"]
        answered = {"Channel": channel.name, "Reason": "4", "Uniqueid": unique_id}
        self._tell_all("call", "OriginateResponse", {"Response": "Success", **told, **answered})
        if outcome == MACHINE:
            self._tell("UserEvent", channel, UserEvent="CallStatus", Status="machine")
        elif outcome == TRANSFERRED:
            self._tell("UserEvent", channel, UserEvent="TransferStarted", Number="204")
        await self._talk(channel, "PJSIP/201", self.mix.talk_s, answers=True)
        self._hang_up(channel, "16")

    async def come_in(self, caller: str, did: str) -> None:
        """A call that comes in, from the carrier's first channel to its end."""
        outcome = self.draw(caller)
        if outcome == LOST:
            return
        unique_id = self.new_id()
        channel = self._make(
            f"PJSIP/trunk-{next(self._numbers):08x}", unique_id, unique_id, "from-trunk", did,
            number=caller,
        )  # fmt: skip
        self._state(channel, "4")
        if outcome == FAILED:
            self._hang_up(channel, "16")
            return
        talks = outcome not in {NO_ANSWER, BUSY}
        await self._talk(channel, "PJSIP/201", self.mix.talk_s, answers=talks, busy=outcome == BUSY)
        self._hang_up(channel, "16" if talks else "17" if outcome == BUSY else "19")

    async def _talk(
        self, caller: Channel, phone: str, talk_s: float, *, answers: bool, busy: bool = False
    ) -> None:
        """``caller`` dials a phone, and they talk if it answers; the record is Asterisk's own."""
        started = time.time()
        callee = self._make(
            f"{phone}-{next(self._numbers):08x}", self.new_id(), caller.linked_id,
            "from-internal", caller.exten,
        )  # fmt: skip
        callee.number, callee.connected = caller.exten, caller.number
        self._tell("NewConnectedLine", callee)
        self._state(callee, "5")
        self._dial_begin(caller, callee)
        await asyncio.sleep(0 if caller.state == "6" else self.mix.ring_s)
        answered = None
        if answers:
            answered = time.time()
            self._state(callee, "6")
            if caller.state != "6":
                self._state(caller, "6")
            bridge = {"BridgeUniqueid": f"bridge-{callee.unique_id}"}
            self._dial_end(caller, callee, "ANSWER")
            for channel in (callee, caller):
                self._tell("BridgeEnter", channel, **bridge)
            await asyncio.sleep(talk_s)
            for channel in (caller, callee):
                self._tell("BridgeLeave", channel, **bridge)
        else:
            self._dial_end(caller, callee, "BUSY" if busy else "NOANSWER")
        self._cdr(caller, callee, started, answered, busy=busy)
        self._hang_up(callee, "16" if answers else "17" if busy else "19")

    def _make(
        self,
        name: str,
        unique_id: str,
        linked_id: str,
        context: str,
        exten: str,
        *,
        number: str = "",
    ) -> Channel:
        channel = Channel(name, unique_id, linked_id, context, exten, number=number)
        self.channels[unique_id] = channel
        self._tell("Newchannel", channel)
        return channel

    def _state(self, channel: Channel, state: str) -> None:
        channel.state = state
        self._tell("Newstate", channel)

    def _dial_begin(self, caller: Channel | None, callee: Channel) -> None:
        self._dial("DialBegin", caller, callee, {"DialString": callee.name})

    def _dial_end(self, caller: Channel | None, callee: Channel, status: str) -> None:
        self._dial("DialEnd", caller, callee, {"DialStatus": status})

    def _dial(
        self, event: str, caller: Channel | None, callee: Channel, more: dict[str, str]
    ) -> None:
        fields = {**(caller.fields() if caller else {}), **callee.fields("Dest")}
        self._tell_all("call", event, {**fields, **more})

    def _hang_up(self, channel: Channel, cause: str) -> None:
        why = {"Cause": cause, "Cause-txt": _CAUSES[cause]}
        self._tell("HangupRequest", channel, Cause=cause)
        channel.exten = "h"
        self._tell("Hangup", channel, **why)
        del self.channels[channel.unique_id]

    def _cdr(
        self,
        caller: Channel,
        callee: Channel,
        started: float,
        answered: float | None,
        *,
        busy: bool,
    ) -> None:
        ended = time.time()
        record: dict[str, Any] = {
            "AccountCode": "",
            "Source": caller.number,
            "Destination": caller.exten,
            "DestinationContext": caller.context,
            "CallerID": f'"" <{caller.number}>',
            "Channel": caller.name,
            "DestinationChannel": callee.name,
            "LastApplication": "Dial",
            "LastData": callee.name,
            "StartTime": _clock(started),
            "AnswerTime": _clock(answered) if answered else "",
            "EndTime": _clock(ended),
            "Duration": int(ended - started),
            "BillableSeconds": int(ended - answered) if answered else 0,
            "Disposition": "ANSWERED" if answered else "BUSY" if busy else "NO ANSWER",
            "AMAFlags": "DOCUMENTATION",
            "UniqueID": caller.unique_id,
            "UserField": "",
        }
        self._tell_all("cdr", "Cdr", {key: str(value) for key, value in record.items()})

    def _tell(self, event: str, channel: Channel, **more: str) -> None:
        self._tell_all("user" if event == "UserEvent" else "call", event, channel.fields() | more)


def _clock(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(moment))
