"""What a batch does to the drafts before people: puts new ones there, takes back what is over."""

from collections.abc import Sequence
from datetime import datetime

from db.engine import Connection
from db.queries import approvals as queries
from db.queries.approvals import WAIT_KEY, AskingStep, Draft, LeavingStep
from jobs.journeys.asked import asked
from jobs.journeys.decide import Decided
from jobs.journeys.decisions import Advance, Hold, RequestApproval, Reschedule
from jobs.journeys.nodes.approval import EXPIRED


def apply(connection: Connection, decided: Sequence[Decided], now: datetime) -> None:
    """Two statements at most: one if any step asks, one if any leaves without its decision."""
    steps, drafts = requests(decided)
    if steps:
        queries.request_approvals(connection, steps, drafts, now)
    leaving = left(decided)
    if leaving:
        queries.close_requests(connection, leaving, now)


def requests(decided: Sequence[Decided]) -> tuple[list[AskingStep], list[Draft]]:
    """Steps that ask, and their drafts by group."""
    steps: list[AskingStep] = []
    numbers: dict[int, int] = {}
    drafts: list[Draft] = []
    for step, _, effect in asked(decided, RequestApproval):
        if id(effect) not in numbers:
            numbers[id(effect)] = len(drafts)
            drafts.append(
                Draft(effect.body, effect.priority, effect.assigned_to, effect.expires_at)
            )
        steps.append(
            AskingStep(
                step.tenant_id,
                step.contact_id,
                step.journey_id,
                step.journey_contact_id,
                step.id,
                numbers[id(effect)],
            )
        )
    return steps, drafts


def left(decided: Sequence[Decided]) -> list[LeavingStep]:
    """Steps that asked and go on undecided: for want of time, or by a way of the journey's own.

    It may be an exit, the journey's goal, or a failure.
    """
    return [
        LeavingStep(
            step.tenant_id,
            step.journey_contact_id,
            step.id,
            "EXPIRED" if _expired(group.decision) else "CANCELLED",
        )
        for step, group in decided
        if step.wait_key is not None
        and step.wait_key.startswith(WAIT_KEY)
        and step.signal is None
        and not isinstance(group.decision, Reschedule | Hold)
    ]


def _expired(decision: object) -> bool:
    return isinstance(decision, Advance) and decision.outcome == EXPIRED
