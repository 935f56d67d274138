"""From events to facts of calls. A call is what has one Linkedid; a channel has a Uniqueid."""

import json
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from zoneinfo import ZoneInfo

from db.queries.calls.keys import call_of_channel
from jobs.calls.ami.framing import Message
from jobs.calls.merge.facts import Facts, Value, add, uid_order
from jobs.calls.merge.zones import local_epoch, timestamp

# Channels whose calls are remembered: those of some hours on a busy PBX.
REMEMBERED = 100_000
_UP = "6"
_LONGEST_TEXT = 1000
# Where a dialplan no longer says where a call goes: the hangup extension, or none.
_NOWHERE = frozenset({"", "h"})
# No facts of these: a second telling of what other events say, or nothing of a call's course.
_PASSED_OVER = frozenset(
    {
        "CEL",
        "VarSet",
        "DeviceStateChange",
        "NewConnectedLine",
        "RTCPSent",
        "RTCPReceived",
        "BridgeCreate",
        "BridgeDestroy",
        "DTMFBegin",
        "DTMFEnd",
    }
)
# Events that are kept as they came, and what of them is told.
_MARKS: Mapping[str, tuple[str, ...]] = {
    "Hold": (),
    "Unhold": (),
    "BlindTransfer": ("Extension", "Context"),
    "AttendedTransfer": ("DestType",),
    "ParkedCall": ("Parkinglot", "ParkingSpace"),
    "ParkedCallTimeOut": ("Parkinglot", "ParkingSpace"),
    "ParkedCallGiveUp": ("Parkinglot", "ParkingSpace"),
    "UnParkedCall": ("Parkinglot", "ParkingSpace"),
    "Pickup": ("TargetChannel",),
    "QueueCallerJoin": ("Queue", "Position"),
    "QueueCallerLeave": ("Queue", "Position"),
    "QueueCallerAbandon": ("Queue", "HoldTime"),
    "AgentCalled": ("Queue", "Interface", "MemberName"),
    "AgentConnect": ("Queue", "Interface", "MemberName", "HoldTime"),
    "AgentComplete": ("Queue", "Interface", "MemberName", "TalkTime", "Reason"),
    "AgentRingNoAnswer": ("Queue", "Interface", "MemberName"),
    "ConfbridgeJoin": ("Conference",),
    "ConfbridgeLeave": ("Conference",),
    "MixMonitorStart": (),
    "MixMonitorStop": (),
    "OriginateResponse": ("Response", "Reason"),
}
# Whose channel an event is about, where it is not plainly ``Uniqueid``.
_PREFIXES = ("", "Transferee", "Transferer", "OrigTransferer", "Parkee", "Dest", "LocalOne")
_CHANNEL_FIELDS = frozenset(
    {
        *("Event", "Privilege", "Timestamp", "ActionID", "SystemName", "UserEvent"),
        *("Channel", "ChannelState", "ChannelStateDesc", "Uniqueid", "Linkedid", "ChanVariable"),
        *("CallerIDNum", "CallerIDName", "ConnectedLineNum", "ConnectedLineName", "Language"),
        *("AccountCode", "Context", "Exten", "Priority"),
    }
)


class Reader:
    """Reads the events of one PBX; remembers which call each channel belongs to.

    ``calls`` are the facts read since they were taken last, by Linkedid.
    """

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._linked: OrderedDict[str, str] = OrderedDict()
        self._born: OrderedDict[str, None] = OrderedDict()
        # Records that came before anything told their channels' calls.
        self._strays: dict[str, list[tuple[float, Message]]] = {}
        self.calls: dict[str, Facts] = {}
        # Channels that are still there, by their calls.
        self._open: OrderedDict[str, set[str]] = OrderedDict()
        self.latest = 0.0

    def is_over(self, linked: str) -> bool:
        """Whether every channel of a call that was heard of is gone."""
        return linked not in self._open

    def keep(self, linked_ids: Iterable[str]) -> None:
        """Of calls that go on as far as was heard, these do; the others' ends were missed."""
        for linked in self._open.keys() - set(linked_ids):
            del self._open[linked]

    def take(self) -> dict[str, Facts]:
        """The facts read since the last time, by Linkedid."""
        calls, self.calls = self.calls, {}
        return calls

    def settle(self) -> None:
        """No more is awaited of records whose channels nobody told: each is its own call's."""
        strays, self._strays = self._strays, {}
        for uid, records in strays.items():
            for at, message in records:
                self._read_record(uid, at, message)

    def read(self, message: Message, received_at: float) -> None:
        """Take an event in. ``received_at`` (epoch seconds) stands in for a missing Timestamp.

        It must be different for each event, growing, and the same when an event is read again.
        """
        event = message.event
        if event is None or event in _PASSED_OVER:
            return
        fields = message.fields
        if "ActionID" in fields and event != "OriginateResponse":
            return  # an item of a list that was asked for, without a time
        told_at = timestamp(fields.get("Timestamp"))
        at, arrival = (received_at, True) if told_at is None else (told_at, False)
        self.latest = max(self.latest, at)
        if event == "Cdr":
            self._take_record(at, message)
        elif event == "OriginateResponse" and fields.get("Response") == "Failure":
            asked_as = fields.get("ActionID", "")  # it may never have had a channel
            if call_of_channel(asked_as) is not None:
                add(self.calls.setdefault(asked_as, {}), "unmade", "unmade|", [at])
        else:
            if (channel := self._read_channel("", event, at, fields, arrival=arrival)) is not None:
                self._read_own(event, at, fields, channel)
            if "DestUniqueid" in fields:
                self._read_channel("Dest", event, at, fields, arrival=arrival)
            if event.startswith("Dial"):
                self._read_dial(event, at, fields)
            elif event in _MARKS or event == "UserEvent":
                self._read_mark(event, at, message)

    def _read_channel(
        self, prefix: str, event: str, at: float, fields: Mapping[str, str], *, arrival: bool
    ) -> tuple[str, Facts] | None:
        """What every event tells of a channel: (Uniqueid, facts of its call), None if of none."""
        uid = fields.get(f"{prefix}Uniqueid")
        linked = fields.get(f"{prefix}Linkedid")
        if not uid or not linked or uid in {"none", "<unknown>"} or linked == "none":
            return None
        facts = self._link(uid, linked)
        if arrival:
            add(facts, "arrival", "arrival|", [1])
        born = event == "Newchannel"
        if born or f"{linked}|{uid}" not in self._born:
            value: Value = [0 if born else 1, at]
            value += [_known(fields.get(prefix + name)) for name in _FIRST_SEEN]
            add(facts, "leg", f"leg|{uid}", value)
            if born:
                self._born[f"{linked}|{uid}"] = None
                if len(self._born) > REMEMBERED:
                    self._born.popitem(last=False)
        state = fields.get(f"{prefix}ChannelState")
        if state == _UP:
            add(facts, "up", f"up|{uid}", [at])
        elif state == "5":
            add(facts, "ringing", f"ringing|{uid}", [at])
        exten = fields.get(f"{prefix}Exten", "")
        if not prefix and exten not in _NOWHERE and not born:
            add(facts, "at", f"at|{uid}", [at, _place(fields)])
        add(facts, "last", "last|", [at])
        return uid, facts

    def _link(self, uid: str, linked: str) -> Facts:
        """The facts of a call a channel was seen in; remembers the channel."""
        before = self._linked.get(uid)
        facts = self.calls.setdefault(linked, {})
        if before != linked:
            if before is not None:
                # Two calls became one, as by a directed pickup: Asterisk keeps the older Linkedid.
                linked, gone = sorted((before, linked), key=uid_order)
                add(self.calls.setdefault(gone, {}), "moved", f"moved|{uid}", [linked])
                self._leave(gone, uid)
            self._linked[uid] = linked
            self._open.setdefault(linked, set()).add(uid)
            if len(self._open) > REMEMBERED:
                self._open.popitem(last=False)
            if len(self._linked) > REMEMBERED:
                self._linked.popitem(last=False)
            for at, record in self._strays.pop(uid, ()):
                self._read_record(linked, at, record)
        return facts

    def _leave(self, linked: str, uid: str) -> None:
        channels = self._open.get(linked)
        if channels is not None:
            channels.discard(uid)
            if not channels:
                del self._open[linked]

    def _read_own(
        self, event: str, at: float, fields: Mapping[str, str], channel: tuple[str, Facts]
    ) -> None:
        uid, facts = channel
        if event == "Hangup":
            value: Value = [at, fields.get("Cause", ""), fields.get("Cause-txt", "")[:80]]
            add(facts, "hangup", f"hangup|{uid}", value)
            self._leave(self._linked.get(uid, ""), uid)
        elif event == "HangupRequest":
            add(facts, "asked", f"asked|{uid}", [at])
        elif event in {"BridgeEnter", "BridgeLeave"}:
            bridge = fields.get("BridgeUniqueid", "")
            kind = "in" if event == "BridgeEnter" else "out"
            holding = fields.get("BridgeTechnology") == "holding_bridge"
            add(facts, kind, f"{kind}|{bridge}|{uid}", [at, int(holding)])

    def _read_dial(self, event: str, at: float, fields: Mapping[str, str]) -> None:
        callee, linked = fields.get("DestUniqueid"), fields.get("DestLinkedid")
        if not callee or not linked:
            return
        facts = self.calls.setdefault(fields.get("Linkedid") or linked, {})
        key = f"{fields.get('Uniqueid', '')}|{callee}"
        place = _place(fields)
        if event == "DialEnd":
            add(facts, "dialend", f"dialend|{key}", [at, fields.get("DialStatus", ""), place])
        else:
            if event == "DialBegin":
                value: Value = [at, place, _known(fields.get("CallerIDNum"))]
                add(facts, "dial", f"dial|{key}", value)
            if fields.get("DialStatus") == "RINGING":
                add(facts, "ringing", f"ringing|{callee}", [at])

    def _read_mark(self, event: str, at: float, message: Message) -> None:
        fields = message.fields
        uid = next((fields[f"{p}Uniqueid"] for p in _PREFIXES if f"{p}Uniqueid" in fields), "")
        linked = next((fields[f"{p}Linkedid"] for p in _PREFIXES if f"{p}Linkedid" in fields), "")
        linked = linked or self._linked.get(uid, uid)
        if not uid or not linked or linked in {"none", "<unknown>"}:
            return
        if event == "UserEvent":
            told = {key: text for key, text in fields.items() if key not in _CHANNEL_FIELDS}
            name = fields.get("UserEvent", "")
        else:
            told = {name: fields[name] for name in _MARKS[event] if name in fields}
            name = ""
        text = json.dumps([event, uid, name, told], ensure_ascii=False, sort_keys=True)
        if len(text) > _LONGEST_TEXT:
            room = max(20, _LONGEST_TEXT // max(1, len(told)) - 20)
            told = {key[:40]: value[:room] for key, value in list(told.items())[:40]}
            text = json.dumps([event, uid, name[:100], told], ensure_ascii=False, sort_keys=True)
        add(self.calls.setdefault(linked, {}), "mark", f"mark|{at:.6f}|{text}", [at])

    def _take_record(self, at: float, message: Message) -> None:
        """A Cdr event has no Linkedid unless the PBX is told to write one."""
        uid = message.fields.get("UniqueID", "")
        linked = message.fields.get("LinkedID") or self._linked.get(uid)
        if linked:
            self._read_record(linked, at, message)
        elif uid:
            self._strays.setdefault(uid, []).append((at, message))

    def _read_record(self, linked: str, at: float, message: Message) -> None:
        fields = message.fields
        times = [
            local_epoch(fields.get(name, ""), self._zone, at)
            for name in ("StartTime", "AnswerTime", "EndTime")
        ]
        record = [
            fields.get("UniqueID", ""),
            fields.get("DestinationChannel", "")[:120],
            *times,
            fields.get("BillableSeconds", ""),
            fields.get("Disposition", ""),
            fields.get("Source", "")[:80],
            fields.get("Sequence", ""),
        ]
        key = f"cdr|{json.dumps(record, ensure_ascii=False)}"
        add(self.calls.setdefault(linked, {}), "cdr", key, [at])


_FIRST_SEEN = ("Channel", "CallerIDNum", "CallerIDName", "Exten", "Context", "AccountCode")


def _known(text: str | None) -> str:
    return "" if text is None or text == "<unknown>" else text[:120]


def _place(fields: Mapping[str, str]) -> str:
    """Where a channel stands in the dialplan; empty if the event doesn't tell."""
    exten = fields.get("Exten", "")
    if exten in _NOWHERE:
        return ""
    return f"{fields.get('Context', '')},{exten},{fields.get('Priority', '')}"
