"""What a batch did, in figures: journey by journey for its history, node by node for operators."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from db.queries.journeys.rows import BatchLine
from jobs.journeys.decide import Decided
from jobs.journeys.decisions import Advance, Fail, Hold, Reschedule

_MILLISECOND = timedelta(milliseconds=1)


def batch_lines(decided: Sequence[Decided], now: datetime) -> list[BatchLine]:
    """The batch's figures, a line for each journey."""
    by_journey: dict[tuple[UUID, UUID], list[Decided]] = {}
    for step, group in decided:
        by_journey.setdefault((step.tenant_id, step.journey_id), []).append((step, group))
    return [
        BatchLine(
            *key,
            claimed=len(pairs),
            completed=sum(isinstance(group.decision, Advance) for _, group in pairs),
            rescheduled=sum(isinstance(group.decision, Reschedule | Hold) for _, group in pairs),
            failed=sum(isinstance(group.decision, Fail) for _, group in pairs),
            late_ms=max(0, *((now - step.scheduled_at) // _MILLISECOND for step, _ in pairs)),
            node_counts=node_counts(pairs),
        )
        for key, pairs in by_journey.items()
    ]


def node_counts(decided: Sequence[Decided]) -> dict[str, Any]:
    """By node id: how many entered it, left it completed by outcome, were skipped, failed there.

    Only what happened is in it: ``{"7": {"completed": {"next": 3}}, "8": {"entered": 3}}``.
    """
    counts: dict[str, Any] = {}
    for step, group in decided:
        decision = group.decision
        left = counts.setdefault(str(step.node_id), {})
        if isinstance(decision, Advance) and decision.status == "COMPLETED":
            _add(left.setdefault("completed", {}), decision.outcome)
        elif isinstance(decision, Advance):
            _add(left, "skipped")
        elif isinstance(decision, Fail):
            _add(left, "failed")
        if group.next_node_id is not None:
            _add(counts.setdefault(str(group.next_node_id), {}), "entered")
    return {node: count for node, count in counts.items() if count}


def _add(counts: dict[str, Any], name: str) -> None:
    counts[name] = counts.get(name, 0) + 1
