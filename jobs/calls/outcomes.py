"""How calls ended, told to whoever waits for it: the queue, the journeys, the contacts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from db.counter import uncounted
from db.engine import Connection
from db.queries.calls.keys import call_of_channel
from db.queries.calls.outcomes import EndedCall, FinishedCall, finish_calls, note_outcomes
from db.queries.journeys.signals import Signal, call_key, signal_steps
from db.queries.runs import notify

_BY_DISPOSITION = {
    "ANSWERED": "answered",
    "ANSWER": "answered",
    "NO ANSWER": "no_answer",
    "NOANSWER": "no_answer",
    "CANCEL": "no_answer",
    "BUSY": "busy",
}
_MACHINES = frozenset({"machine", "amd", "voicemail", "answering_machine"})


class LoggedCall(NamedTuple):
    """A call that has ended, as its row of ``call_logs`` has it."""

    tenant_id: UUID
    unique_id: str
    contact_id: UUID | None
    disposition: str | None
    transfer_number: str | None
    user_events: Sequence[Mapping[str, Any]]
    billable_seconds: int | None


@dataclass(frozen=True)
class OutcomesApplied:
    """Queued calls that ended, those of them that are dialed again, and steps that go on."""

    finished: int = 0
    again: int = 0
    woken: int = 0


def call_outcome(
    disposition: str | None,
    transfer_number: str | None,
    user_events: Iterable[Mapping[str, Any]],
) -> str:
    """``answered``, ``no_answer``, ``busy``, ``failed``, ``machine`` or ``transferred``; pure.

    Of a call that was answered the dialplan may tell more: by a UserEvent ``CallStatus`` whose
    ``Status`` is a machine's, or by having put it through to another number (``Transfer…``). Of one
    without a disposition nothing is known: ``none``. User events are
    ``{"UserEvent": name, …}``.
    """
    if not disposition:
        return "none"
    outcome = _BY_DISPOSITION.get(disposition.strip().upper(), "failed")
    if outcome != "answered":
        return outcome
    told = list(user_events)
    if any(map(_tells_of_a_machine, told)):
        return "machine"
    if transfer_number or any(_name(event).startswith("transfer") for event in told):
        return "transferred"
    return outcome


def apply_outcomes(
    connection: Connection, calls: Sequence[LoggedCall], now: datetime | None = None
) -> OutcomesApplied:
    """Apply the ends of calls, in the transaction that writes them down: three statements, or less.

    Calls that we dialed end in the queue, or are dialed again as their campaign says; their
    ``make_call`` steps go on, and whoever waits for ``call_answered``, ``call_busy`` and so on.
    Applied twice, or in any order, it does nothing more.

    Args:
        connection: in a transaction.
        calls: that ended, inbound ones too.
        now: the clock (aware); None for the database's.
    """
    ended: list[EndedCall] = []
    payloads: dict[tuple[UUID, UUID], dict[str, Any]] = {}
    signals: list[Signal] = []
    for call in calls:
        outcome = call_outcome(call.disposition, call.transfer_number, call.user_events)
        payload = {
            "outcome": outcome,
            "disposition": call.disposition,
            "billable_seconds": call.billable_seconds,
        }
        key = call_of_channel(call.unique_id)
        if key is not None and key.tenant_id == call.tenant_id:
            ended.append(EndedCall(*key[:2], call.unique_id, outcome, None, refused=False))
            payloads[key[:2]] = payload
        elif call.contact_id is not None:
            signals.append(Signal(call.tenant_id, call.contact_id, f"call_{outcome}", payload))
    return end_calls(connection, ended, payloads, signals, now)


def end_calls(
    connection: Connection,
    ended: Sequence[EndedCall],
    payloads: Mapping[tuple[UUID, UUID], Mapping[str, Any]],
    others: Sequence[Signal] = (),
    now: datetime | None = None,
) -> OutcomesApplied:
    """End calls under way and tell their steps, with what is known of each call by its key."""
    finished = finish_calls(connection, ended, now) if ended else []
    signals = [
        signal
        for call in finished
        for signal in _signals(call, payloads.get((call.tenant_id, call.id), {}))
    ]
    woken = tell_steps(connection, [*signals, *others], now)
    if finished:
        note_outcomes(connection, finished)
    again = sum(call.state == "QUEUED" for call in finished)
    return OutcomesApplied(len(finished), again, woken)


def tell_steps(connection: Connection, signals: Sequence[Signal], now: datetime | None) -> int:
    """Wake the steps that wait for these events; returns how many."""
    woken = signal_steps(connection, signals, now) if signals else []
    if woken:
        with uncounted():
            notify(connection, "journeys")
    return len(woken)


def _signals(call: FinishedCall, known: Mapping[str, Any]) -> Iterable[Signal]:
    payload = {
        "outcome": call.outcome,
        "call_id": str(call.id),
        "attempts": call.attempts,
        **{name: value for name, value in known.items() if value is not None},
    }
    if call.execution_id is not None:
        yield Signal(call.tenant_id, call.contact_id, call_key(call.execution_id), payload)
    yield Signal(call.tenant_id, call.contact_id, f"call_{call.outcome}", payload)


def _tells_of_a_machine(event: Mapping[str, Any]) -> bool:
    fields = {str(key).casefold(): value for key, value in event.items()}
    status = str(fields.get("status", "")).strip().casefold()
    return _name(event) == "callstatus" and status in _MACHINES


def _name(event: Mapping[str, Any]) -> str:
    return str(event.get("UserEvent", "")).strip().casefold()
