"""From claimed steps to decisions: pure, and evaluated once for all steps that look alike."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from db.queries.journeys.rows import StepRow
from jobs.journeys.alike import alike_steps, bucket
from jobs.journeys.context import BatchContext, PlacedNode
from jobs.journeys.decisions import Advance, Decision, Fail, Reschedule
from jobs.journeys.facts import Facts
from jobs.journeys.gate import ContactKey, Contacts, Gate, StepKey
from jobs.journeys.nodes.node import FAILURE, Node
from jobs.journeys.rules import CLOSED, Allowed, ContactActivity, Skip, Verdict

RecentExecutions = Mapping[tuple[int, int], Sequence[datetime]]
"""(journey_contact_id, node_id) → when the last executions were."""

_LOOP_WINDOW = timedelta(seconds=5)
_LONGEST_BACKOFF = timedelta(hours=1)
_LONGEST_REASON = 500
# The rules have nothing to say of a step that waits for what it has asked for.
_PASSED = Allowed()


class DecidedGroup(NamedTuple):
    """Steps that share a decision, and for those that advance, where to and when.

    ``sendable_until`` is the end of the hours in which the contacts may be reached; None: no end.
    ``next_error`` says why the next step is put off, where a rule does so.
    """

    decision: Decision
    steps: Sequence[StepRow]
    next_node_id: int | None = None
    next_at: datetime | None = None
    next_wait_key: str | None = None
    failure_node_id: int | None = None
    sendable_until: datetime | None = None
    next_error: str | None = None

    def refused(self, step: StepRow, reason: str, now: datetime) -> "DecidedGroup":
        """The step as failed, because the database won't take what was decided for it."""
        return DecidedGroup(
            Fail(reason), [step], self.failure_node_id, now if self.failure_node_id else None
        )


Decided = tuple[StepRow, DecidedGroup]
"""A step and the group whose decision it shares."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a step whose evaluator raises is tried, and the wait after its first try."""

    max_attempts: int
    backoff: timedelta

    def after(self, step: StepRow, reason: str, now: datetime) -> Decision:
        """Another try later, the wait doubled each time; or the end, with the reason."""
        reason = reason.replace("\x00", "")[:_LONGEST_REASON]
        if step.attempts + 1 >= self.max_attempts:
            return Fail(reason)
        wait = min(self.backoff * 2 ** min(step.attempts, 30), _LONGEST_BACKOFF)
        return Reschedule(now + wait, reason, failed=True)


def decide(
    steps: Sequence[StepRow],
    contacts: Contacts,
    context: BatchContext,
    retry: RetryPolicy,
    now: datetime,
    recent: RecentExecutions | None = None,
    max_steps: int = 500,
    activity: Mapping[ContactKey, ContactActivity] | None = None,
) -> list[DecidedGroup]:
    """Decide every step exactly once.

    Args:
        steps: the batch.
        contacts: the contacts of those steps whose node reads any.
        context: all that the steps stand in.
        retry: what becomes of steps whose evaluator raises.
        now: the moment of execution, aware.
        recent: when the steps at nodes on a cycle were executed before, within the last minute.
        max_steps: what one enrollment may take; one more is taken for an endless loop.
        activity: what the contacts got, of whom the rules ask for it (``Gate.activity_wanted``).
    """
    gate = Gate(contacts, context, now)
    verdicts = gate.verdicts(steps, activity or {})
    batch = _Batch(contacts, context, retry, now, recent or {}, max_steps, gate, verdicts)
    by_node = bucket(steps, lambda step: step.node_id)
    return [group for node_id, alike in by_node for group in batch.decide_node(node_id, alike)]


@dataclass(frozen=True, slots=True)
class _Batch:
    contacts: Contacts
    context: BatchContext
    retry: RetryPolicy
    now: datetime
    recent: RecentExecutions
    max_steps: int
    gate: Gate
    verdicts: Mapping[StepKey, Verdict | ValueError]

    def decide_node(self, node_id: int, steps: list[StepRow]) -> Iterator[DecidedGroup]:
        """Decide all steps that stand at one node, and so belong to one tenant."""
        placed = self.context.nodes.get(node_id)
        if placed is None:
            # Moved to another version in the moment of the claim, most likely: look again.
            for _, tried in bucket(steps, lambda step: step.attempts):
                missing = f"node {node_id} is gone"
                yield DecidedGroup(self.retry.after(tried[0], missing, self.now), tried)
            return
        if placed.node is None:
            yield DecidedGroup(Fail(str(placed.problem)), steps)
            return
        if placed.on_cycle or any(step.steps > self.max_steps for step in steps):
            looping = dict(bucket(steps, lambda step: self._loop(placed, step)))
            steps = looping.pop(None, [])
            yield from (DecidedGroup(Fail(str(reason)), alike) for reason, alike in looping.items())
        yield from self._decide_or_raise(placed, placed.node, steps)

    def _decide_or_raise(
        self, placed: PlacedNode, node: Node, steps: list[StepRow]
    ) -> Iterator[DecidedGroup]:
        """Decide steps together; where one raises, each alone, so that it fails alone."""
        if not steps:
            return
        try:
            yield from list(self._decide(placed, node, steps))
        except Exception as error:  # noqa: BLE001 - a zone or a fact that can't be read, say
            if len(steps) == 1:
                yield from self._raised(placed, error, steps)
            else:
                for step in steps:
                    yield from self._decide_or_raise(placed, node, [step])

    def _decide(
        self, placed: PlacedNode, node: Node, steps: list[StepRow]
    ) -> Iterator[DecidedGroup]:
        tenant_id = steps[0].tenant_id
        zone = self.context.zones.get(tenant_id, "UTC")
        leaving = list(_leave(placed, steps, self.contacts, zone))
        yield from leaving
        gone = {step.id for group in leaving for step in group.steps}
        steps = [step for step in steps if step.id not in gone] if gone else steps
        if not steps:
            return
        for verdict, judged in self._judged(node, steps):
            match verdict:
                case ValueError():
                    yield from self._raised(placed, verdict, judged)
                case Allowed(until):
                    for facts, alike in alike_steps(judged, placed.readers, self.contacts, zone):
                        for group in self._evaluate(placed, node, facts, alike, zone=zone):
                            yield group._replace(sendable_until=until) if until else group
                case Skip(reason):
                    skip = Advance(node.skip_outcome, "SKIPPED", result={"skipped": reason})
                    yield from self._follow(placed, skip, judged, zone=zone)
                case _:
                    yield DecidedGroup(verdict, judged)

    def _judged(
        self, node: Node, steps: list[StepRow]
    ) -> Iterator[tuple[Verdict | ValueError, list[StepRow]]]:
        """The steps by what the tenant's rules say of them."""
        if not node.reaches_contact:
            yield Allowed(), steps
            return
        yield from bucket(steps, lambda step: self.verdicts.get((step.tenant_id, step.id), _PASSED))

    def _loop(self, placed: PlacedNode, step: StepRow) -> str | None:
        """Why the step counts as part of an endless loop, if it does."""
        if step.steps > self.max_steps:
            return f"loop: more than {self.max_steps} steps in one enrollment"
        times = (
            self.recent.get((step.journey_contact_id, step.node_id), ()) if placed.on_cycle else ()
        )
        if any(self.now - time < _LOOP_WINDOW for time in times):
            return f"loop: node {placed.key!r} again within {_LOOP_WINDOW.seconds} seconds"
        return None

    def _raised(
        self, placed: PlacedNode, error: Exception, steps: list[StepRow]
    ) -> Iterator[DecidedGroup]:
        """Another try, or failure, for steps whose evaluation raised."""
        reason = f"{type(error).__name__}: {error}"
        for _, tried in bucket(steps, lambda step: step.attempts):
            yield self._routed(placed, self.retry.after(tried[0], reason, self.now), tried)

    def _routed(self, placed: PlacedNode, decision: Decision, steps: list[StepRow]) -> DecidedGroup:
        """A failed step leaves by the failure edge, where there is one."""
        failure_id = placed.next_ids.get(FAILURE)
        next_id = failure_id if isinstance(decision, Fail) else None
        next_at = None if next_id is None else self.now
        return DecidedGroup(decision, steps, next_id, next_at, failure_node_id=failure_id)

    def _evaluate(
        self, placed: PlacedNode, node: Node, facts: Facts, steps: list[StepRow], *, zone: str
    ) -> Iterator[DecidedGroup]:
        try:
            decision = node.evaluate(facts, self.now)
        except Exception as error:  # noqa: BLE001 - one bad row is one bad row, whatever it raised
            yield from self._raised(placed, error, steps)
            return
        if isinstance(decision, Advance):
            yield from self._follow(placed, decision, steps, zone=zone)
        else:
            yield self._routed(placed, decision, steps)

    def _follow(
        self, placed: PlacedNode, decision: Advance, steps: list[StepRow], *, zone: str
    ) -> Iterator[DecidedGroup]:
        """Steps that leave their node: where to, and when the next ones are due."""
        if placed.next_ids and decision.outcome not in placed.next_ids:
            reason = f"node {placed.key!r} has no edge {decision.outcome!r}"
            yield DecidedGroup(Fail(reason), steps)
            return
        next_id = placed.next_ids.get(decision.outcome)
        failure_id = placed.next_ids.get(FAILURE)
        following = None if next_id is None else self.context.nodes.get(next_id)
        if following is None or following.node is None:
            next_at = None if next_id is None else self.now
            yield DecidedGroup(decision, steps, next_id, next_at, failure_node_id=failure_id)
            return
        wait_key = following.node.wait_key()
        for due_facts, alike in alike_steps(steps, following.due_readers, self.contacts, zone):
            next_at = _due_at(following.node, due_facts, self.now)
            opening = next_at
            if following.node.reaches_contact:
                opening = self.gate.opening(alike[0].tenant_id, next_at)
            yield DecidedGroup(
                decision,
                alike,
                next_id,
                opening,
                wait_key,
                failure_id,
                next_error=None if opening == next_at else CLOSED,
            )


def leavers(
    steps: Sequence[StepRow], contacts: Contacts, context: BatchContext
) -> Iterator[DecidedGroup]:
    """The steps of contacts that leave by their journey's goal or one of its exit tests."""
    for node_id, standing in bucket(steps, lambda step: step.node_id):
        placed = context.nodes.get(node_id)
        if placed is not None:
            zone = context.zones.get(standing[0].tenant_id, "UTC")
            yield from _leaving(placed, standing, contacts, zone)


def _leaving(
    placed: PlacedNode, steps: list[StepRow], contacts: Contacts, zone: str
) -> list[DecidedGroup]:
    """A step that can't be looked at stays: the batch tells why, once it is due."""
    try:
        return list(_leave(placed, steps, contacts, zone))
    except Exception:  # noqa: BLE001 - one bad row is one bad row, whatever it raised
        if len(steps) == 1:
            return []
        return [group for step in steps for group in _leaving(placed, [step], contacts, zone)]


def _leave(
    placed: PlacedNode, steps: list[StepRow], contacts: Contacts, zone: str
) -> Iterator[DecidedGroup]:
    if placed.exits is None:
        return
    for facts, alike in alike_steps(steps, placed.exit_readers, contacts, zone):
        decision = placed.exits.leave(facts)
        if decision is not None:
            yield DecidedGroup(decision, alike)


def _due_at(node: Node, facts: Facts, now: datetime) -> datetime:
    """When to look at the next step. A node that can't say is looked at now, and fails itself."""
    try:
        return node.due_at(facts, now)
    except Exception:  # noqa: BLE001 - whatever it raised
        return now
