"""What a batch did, in figures: journey by journey for its history, node by node for operators."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from types import UnionType
from typing import Any, NamedTuple
from uuid import UUID

from db.queries.journeys.rows import BatchLine, StepRow
from jobs.journeys.decide import Decided, DecidedGroup
from jobs.journeys.decisions import Advance, Decision, Fail, Hold, Reschedule

_MILLISECOND = timedelta(milliseconds=1)


def batch_lines(decided: Sequence[Decided], now: datetime) -> list[BatchLine]:
    """The batch's figures, a line for each journey."""
    by_journey: dict[tuple[UUID, UUID], list[_Decided]] = {}
    for group in _grouped(decided):
        by_journey.setdefault((group.tenant_id, group.journey_id), []).append(group)
    return [
        BatchLine(
            *key,
            claimed=sum(group.steps for group in groups),
            completed=_number(groups, Advance),
            rescheduled=_number(groups, Reschedule | Hold),
            failed=_number(groups, Fail),
            late_ms=max(0, (now - min(group.scheduled_at for group in groups)) // _MILLISECOND),
            node_counts=_node_counts(groups),
        )
        for key, groups in by_journey.items()
    ]


class _Decided(NamedTuple):
    """A decision and what its steps have in common, all of them at one node."""

    tenant_id: UUID
    journey_id: UUID
    node_id: int
    decision: Decision
    next_node_id: int | None
    steps: int
    scheduled_at: datetime
    """The earliest."""


def _grouped(decided: Sequence[Decided]) -> Iterator[_Decided]:
    # By identity: of a group the database has split, some steps may have got one of their own.
    steps: dict[int, list[StepRow]] = {}
    groups: dict[int, DecidedGroup] = {}
    for step, group in decided:
        groups[id(group)] = group
        steps.setdefault(id(group), []).append(step)
    for number, group in groups.items():
        alike = steps[number]
        first = alike[0]
        yield _Decided(
            first.tenant_id,
            first.journey_id,
            first.node_id,
            group.decision,
            group.next_node_id,
            len(alike),
            min(step.scheduled_at for step in alike),
        )


def _number(groups: Sequence[_Decided], kind: type[Decision] | UnionType) -> int:
    return sum(group.steps for group in groups if isinstance(group.decision, kind))


def _node_counts(groups: Sequence[_Decided]) -> dict[str, Any]:
    """By node id: how many entered it, left it completed by outcome, were skipped, failed there.

    Only what happened is in it: ``{"7": {"completed": {"next": 3}}, "8": {"entered": 3}}``.
    """
    counts: dict[str, Any] = {}
    for group in groups:
        decision = group.decision
        left = counts.setdefault(str(group.node_id), {})
        if isinstance(decision, Advance) and decision.status == "COMPLETED":
            _add(left.setdefault("completed", {}), decision.outcome, group.steps)
        elif isinstance(decision, Advance):
            _add(left, "skipped", group.steps)
        elif isinstance(decision, Fail):
            _add(left, "failed", group.steps)
        if group.next_node_id is not None:
            _add(counts.setdefault(str(group.next_node_id), {}), "entered", group.steps)
    return {node: count for node, count in counts.items() if count}


def _add(counts: dict[str, Any], name: str, number: int) -> None:
    counts[name] = counts.get(name, 0) + number
