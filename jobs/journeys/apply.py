"""From decisions to the database: one statement for each kind of change, whatever their number.

Where the database refuses the whole, it is halved until the refused rows stand alone; those fail
with its reason and the rest goes through, so no row can make its batch roll back for ever.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import psycopg

from db.engine import Connection
from db.queries.journeys import effects
from db.queries.journeys.leaving import withdraw_leavers
from db.queries.journeys.rows import AdvancedGroup, StepRow
from jobs.journeys import approvals, asked, leads, webhooks
from jobs.journeys.decide import Decided, DecidedGroup
from jobs.journeys.decisions import EXIT, GOAL, Advance, Fail, Hold, Reschedule
from jobs.journeys.nodes.node import FAILURE

# What the database says of a row it won't take. Anything else (a lost connection, a deadlock, a
# missing table) is no row's fault: it rolls the batch back, and another batch tries again.
REFUSALS = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.errors.ProgramLimitExceeded,
    psycopg.errors.RaiseException,
    UnicodeError,  # a text that the driver can't send
)
_LONGEST_REASON = 500


@dataclass
class Applied:
    """What was applied, and whether the batch had to be split for it."""

    steps: list[Decided] = field(default_factory=list)
    split: bool = False


def apply(connection: Connection, groups: Sequence[DecidedGroup], now: datetime) -> Applied:
    """Apply every decision in the transaction that claimed the steps.

    With k refused rows among n it takes about 2k·log2(n) times the statements of a clean batch.
    """
    applied = Applied()
    decided = [(step, group) for group in groups for step in group.steps]
    refused = list(_apply_or_halve(connection, decided, now, applied))
    if refused:
        _apply(connection, refused, now)
        applied.steps += refused
    return applied


def _apply_or_halve(
    connection: Connection, decided: list[Decided], now: datetime, applied: Applied
) -> Iterable[Decided]:
    """Apply what the database takes; yield the steps it refuses, as failed."""
    try:
        with connection.transaction():
            _apply(connection, decided, now)
    except REFUSALS as error:
        if _nobodys_fault(error):
            raise
        applied.split = True
        if len(decided) == 1:
            step, group = decided[0]
            yield step, group.refused(step, _reason(error), now)
            return
        middle = len(decided) // 2
        yield from _apply_or_halve(connection, decided[:middle], now, applied)
        yield from _apply_or_halve(connection, decided[middle:], now, applied)
    else:
        applied.steps += decided


def _apply(connection: Connection, decided: Sequence[Decided], now: datetime) -> None:
    messages, texts = asked.messages(decided)
    if messages:
        effects.queue_messages(connection, messages, texts, now)
    changes = asked.contact_changes(decided)
    if changes:
        effects.update_contacts(connection, changes, now)
    joining = asked.campaign_changes(decided, belongs=True)
    if joining:
        effects.join_campaigns(connection, joining)
    leaving = asked.campaign_changes(decided, belongs=False)
    if leaving:
        effects.leave_campaigns(connection, leaving)
    entering = asked.entries(decided)
    if entering:
        effects.enter_journeys(connection, entering, now)
    calls, scripts = asked.calls(decided)
    if calls:
        effects.queue_calls(connection, calls, scripts, now)
    approvals.apply(connection, decided, now)
    leads.apply(connection, decided, now)
    webhooks.apply(connection, decided, now)
    steps, groups = _advanced(decided)
    if steps:
        effects.advance_steps(connection, steps, groups, now)
    _stay(connection, decided)
    finished = [enrollment for pair in decided for enrollment in _finished(*pair)]
    if finished:
        effects.finish_enrollments(connection, finished, now)
    left = [
        (step.tenant_id, step.contact_id, step.journey_contact_id)
        for step, group in decided
        if isinstance(group.decision, Advance) and group.decision.outcome in {EXIT, GOAL}
    ]
    if left:
        withdraw_leavers(connection, left, now)


def _stay(connection: Connection, decided: Sequence[Decided]) -> None:
    """Steps that are not over."""
    rescheduled = [
        (step, put_off.at, int(put_off.failed), put_off.reason, asked.wait_key(step, put_off))
        for step, group in decided
        if isinstance(put_off := group.decision, Reschedule)
    ]
    if rescheduled:
        effects.reschedule_steps(connection, rescheduled)
    held = [
        (step, group.decision.reason) for step, group in decided if isinstance(group.decision, Hold)
    ]
    if held:
        effects.hold_steps(connection, held)


def _advanced(decided: Sequence[Decided]) -> tuple[list[tuple[StepRow, int]], list[AdvancedGroup]]:
    steps: list[tuple[StepRow, int]] = []
    numbers: dict[int, int] = {}
    rows: dict[Hashable, tuple[int, AdvancedGroup]] = {}
    for step, group in decided:
        if isinstance(group.decision, Reschedule | Hold):
            continue
        if id(group) not in numbers:
            row = _row(group)  # groups that differ in their effects alone are one here
            key = row if row.result is None else id(group)
            numbers[id(group)], _ = rows.setdefault(key, (len(rows), row))
        steps.append((step, numbers[id(group)]))
    return steps, [row for _, row in rows.values()]


def _row(group: DecidedGroup) -> AdvancedGroup:
    decision = group.decision
    if isinstance(decision, Advance):
        return AdvancedGroup(
            decision.status,
            decision.outcome,
            decision.result,
            None,
            group.next_node_id,
            group.next_at,
            group.next_wait_key,
            group.next_error,
        )
    reason = decision.reason if isinstance(decision, Fail) else None
    outcome = None if group.next_node_id is None else FAILURE
    return AdvancedGroup(
        "FAILED",
        outcome,
        None,
        reason,
        group.next_node_id,
        group.next_at,
        group.next_wait_key,
        group.next_error,
    )


def _finished(step: StepRow, group: DecidedGroup) -> Iterable[tuple[UUID, int, str, str | None]]:
    if group.next_node_id is not None:
        return
    if isinstance(group.decision, Fail):
        yield step.tenant_id, step.journey_contact_id, "FAILED", group.decision.reason
    elif isinstance(group.decision, Advance):
        if group.decision.outcome == EXIT:
            yield step.tenant_id, step.journey_contact_id, "REMOVED", EXIT
        else:
            yield step.tenant_id, step.journey_contact_id, "COMPLETED", None


def _nobodys_fault(error: Exception) -> bool:
    """A row that no partition takes: the month's is missing, and no halving would bring it."""
    return isinstance(error, psycopg.errors.CheckViolation) and not error.diag.constraint_name


def _reason(error: Exception) -> str:
    """The database's own first line, without its detail, which may quote the whole row."""
    primary = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    text = primary or str(error).split("\n", 1)[0]
    return f"refused by the database: {text}".replace("\x00", "")[:_LONGEST_REASON]
