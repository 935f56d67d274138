"""Dialing what is queued, under each tenant's limit of calls at once: lease, dial, write down."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from uuid import UUID, uuid4

import structlog

from config.settings import Settings
from db.counter import count_statements
from db.engine import Connection, Database
from db.queries.calls.allocation import (
    ClaimedCall,
    DialedCall,
    apply_dials,
    claim_calls,
    lock_lines,
)
from db.queries.calls.outcomes import EndedCall, extend_leases, find_silent_calls
from db.queries.journeys.signals import Signal, call_key
from jobs.calls.hours import NextHours, put_off
from jobs.calls.outcomes import call_outcome, end_calls, tell_steps
from jobs.calls.phones import Dial, DialAnswer, Phones, Verdict

log = structlog.get_logger(__name__)

# A paused journey's or campaign's call is looked at again after this.
PAUSED_WAIT_S = 60.0
# A call that no PBX was there for waits so long.
UNSENT_WAIT_S = 5.0
# Older than this a claim no longer says who may be called.
_CLAIM_HOLDS_S = 5.0


@dataclass(frozen=True, slots=True)
class AllocationOutcome:
    """Calls by what became of them.

    ``unsent`` ones wait for a PBX; ``silent`` ones had their outcome looked up, or have none.
    ``more``: more was due, for which there are lines.
    """

    dialed: int = 0
    refused: int = 0
    unsent: int = 0
    cancelled: int = 0
    put_off: int = 0
    silent: int = 0
    more: bool = False


def allocate_calls(
    database: Database,
    settings: Settings,
    phones: Phones | None,
    next_hours: NextHours | None = None,
    now: datetime | None = None,
) -> AllocationOutcome:
    """Dial one batch, and end the calls of which nothing was heard.

    The lease is committed before anybody is dialed, with the id that the call's channel will have.
    A worker killed in between has counted a try, and nobody is dialed twice: the call's outcome
    comes with the channel's events, or is ``none`` once ``call_outcome_s`` are over. One that stood
    still in between dials nobody: contacts may have been removed meanwhile, and leases lost.

    Args:
        database: where the calls are.
        settings: sizes and waits.
        phones: who dials; None: nobody does.
        next_hours: knows the tenants' rules; None: what missed its hours waits for a run that does.
        now: the clock (aware); None for the database's.
    """
    with count_statements() as count:
        silent = end_silent_calls(database, settings, now)
        if phones is None or not phones.ready():
            return AllocationOutcome(silent=silent)
        lease_token = uuid4()
        with database.transaction() as connection:
            claimed = _claim(connection, settings, lease_token, now)
            stale = [call for call in claimed if call.verdict == "STALE"]
            if stale and next_hours:
                put_off(connection, stale, next_hours)
            _tell_cancelled(connection, claimed, now)
        claimed_at_s = monotonic()
        dialing = [call for call in claimed if call.verdict == "DIALING"]
        answers = _dial_all(phones, dialing, claimed_at_s)
        if dialing:
            said_of = list(zip(dialing, answers, strict=True))
            # Apart: ends tell steps before contacts are changed, dials change contacts.
            with database.transaction() as connection:
                _end_refused(connection, said_of, now)
            with database.transaction() as connection:
                _write_dials(connection, lease_token, said_of, now)
    verdicts = Counter(call.verdict for call in claimed)
    said = Counter(answer.verdict for answer in answers)
    outcome = AllocationOutcome(
        dialed=said[Verdict.DIALED] + said[Verdict.UNKNOWN],
        refused=said[Verdict.REFUSED],
        unsent=said[Verdict.UNSENT],
        cancelled=verdicts["CANCELLED"],
        put_off=verdicts["STALE"] + verdicts["PAUSED"] + verdicts["APART"],
        silent=silent,
        more=_more_due(claimed) and not said[Verdict.UNSENT],
    )
    if claimed or silent:
        log.info(
            "calls_allocated",
            dialed=outcome.dialed,
            refused=outcome.refused,
            unsent=outcome.unsent,
            cancelled=outcome.cancelled,
            put_off=outcome.put_off,
            silent=silent,
            statements=count.statements,
        )
    return outcome


def end_silent_calls(database: Database, settings: Settings, now: datetime | None = None) -> int:
    """End calls whose outcome is overdue; returns how many were looked at.

    One that the log has ended gets that outcome, one that the log says goes on is waited for, and
    the others have the outcome ``none``.
    """
    with database.transaction() as connection:
        silent = find_silent_calls(connection, settings.call_batch_size, now)
        going_on = [(call.tenant_id, call.id) for call in silent if call.goes_on]
        if going_on:
            extend_leases(connection, going_on, settings.call_outcome_s, now)
        over = [call for call in silent if not call.goes_on]
        ended = [
            EndedCall(
                call.tenant_id,
                call.id,
                call.channel_id,
                call_outcome(call.disposition, call.transfer_number, call.user_events or ()),
                None if call.disposition else "nothing was heard of it",
                refused=False,
            )
            for call in over
        ]
        known = {
            (call.tenant_id, call.id): {
                "disposition": call.disposition,
                "billable_seconds": call.billable_seconds,
            }
            for call in over
        }
        if ended:
            end_calls(connection, ended, known, (), now)
    return len(silent)


def _claim(
    connection: Connection, settings: Settings, lease_token: UUID, now: datetime | None
) -> list[ClaimedCall]:
    tenant_ids = lock_lines(connection, settings.call_batch_size, now)
    if not tenant_ids:
        return []
    return claim_calls(
        connection,
        tenant_ids,
        batch_size=settings.call_batch_size,
        lease_token=lease_token,
        outcome_s=settings.call_outcome_s,
        paused_wait_s=PAUSED_WAIT_S,
        now=now,
    )


def _tell_cancelled(
    connection: Connection, claimed: Sequence[ClaimedCall], now: datetime | None
) -> None:
    """A step that waits for a call that is never made goes on as if it had failed."""
    signals = [
        Signal(
            call.tenant_id,
            call.contact_id,
            call_key(call.execution_id),
            {"outcome": "failed", "call_id": str(call.id), "error": call.reason},
        )
        for call in claimed
        if call.verdict == "CANCELLED" and call.execution_id is not None
    ]
    tell_steps(connection, signals, now)


def _dial_all(
    phones: Phones, calls: Sequence[ClaimedCall], claimed_at_s: float
) -> Sequence[DialAnswer]:
    dials = [_dial(call) for call in calls]
    if monotonic() - claimed_at_s > _CLAIM_HOLDS_S:
        return [DialAnswer(Verdict.UNSENT, reason="its worker stood still")] * len(dials)
    return phones.dial(dials) if dials else []


def _dial(call: ClaimedCall) -> Dial:
    return Dial(
        call.channel_id or "",
        call.to_number,
        call.from_number,
        call.extension,
        call.ring_timeout_s,
        {name: str(value) for name, value in call.variables.items()},
    )


def _write_dials(
    connection: Connection,
    lease_token: UUID,
    said_of: Sequence[tuple[ClaimedCall, DialAnswer]],
    now: datetime | None,
) -> None:
    """What the PBXs said of calls that were dialed, or that nobody was asked for."""
    dials = [
        DialedCall(
            call.tenant_id,
            call.id,
            call.channel_id or "",
            answer.pbx,
            answer.verdict is not Verdict.UNSENT,
            answer.reason,
            UNSENT_WAIT_S,
        )
        for call, answer in said_of
        if answer.verdict is not Verdict.REFUSED
    ]
    if dials:
        apply_dials(connection, lease_token, dials, now)


def _end_refused(
    connection: Connection,
    said_of: Sequence[tuple[ClaimedCall, DialAnswer]],
    now: datetime | None,
) -> None:
    """The ends of calls that the PBXs refused."""
    refused = [(call, answer) for call, answer in said_of if answer.verdict is Verdict.REFUSED]
    if refused:
        ended = [
            EndedCall(
                *(call.tenant_id, call.id, call.channel_id or "", "failed", answer.reason),
                refused=True,
            )
            for call, answer in refused
        ]
        known = {(call.tenant_id, call.id): {"error": answer.reason} for call, answer in refused}
        end_calls(connection, ended, known, (), now)


def _more_due(claimed: Sequence[ClaimedCall]) -> bool:
    """Whether a tenant got all that it could have had, and has lines free still."""
    dialing = Counter(call.tenant_id for call in claimed if call.verdict == "DIALING")
    return any(call.full_share and dialing[call.tenant_id] < call.free for call in claimed)
