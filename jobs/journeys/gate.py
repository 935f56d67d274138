"""Which steps may reach their contacts now: every one at a node that does passes here first."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from db.queries.journeys.rows import ContactRow, StepRow
from jobs.journeys.context import BatchContext
from jobs.journeys.rules import (
    DEFAULT_RULES,
    Allowed,
    ContactActivity,
    ExecutionRules,
    Reach,
    Skip,
    Verdict,
    judge,
)
from jobs.journeys.zones import zone_named

ContactKey = tuple[UUID, UUID]
"""(tenant_id, contact_id)"""
Contacts = Mapping[ContactKey, ContactRow]
StepKey = tuple[UUID, int]
"""(tenant_id, id)"""

_NEVER = Skip("do_not_contact")


class WantedActivity(NamedTuple):
    """A contact whose activity the rules ask for, and its day (first moment, next day's first)."""

    tenant_id: UUID
    contact_id: UUID
    day_starts_at: datetime
    day_ends_at: datetime


class Gate:
    """Judges a batch's steps by the rules of their tenants, once for each distinct zone."""

    def __init__(self, contacts: Contacts, context: BatchContext, now: datetime) -> None:
        self._contacts = contacts
        self._context = context
        self._now = now
        self._reaches: dict[tuple[UUID, str], tuple[Reach, Verdict] | ValueError] = {}

    def activity_wanted(self, steps: Sequence[StepRow]) -> list[WantedActivity]:
        """The contacts of whom ``verdicts`` has to know what they got, in key order."""
        wanted: dict[ContactKey, WantedActivity] = {}
        for step, calls in self._reaching(steps):
            if not self._rules(step.tenant_id).need_activity(calls=calls):
                continue
            judged = self._judged(step)
            if not isinstance(judged, tuple) or not isinstance(judged[1], Allowed):
                continue
            key = (step.tenant_id, step.contact_id)
            if key not in wanted:
                wanted[key] = WantedActivity(*key, *judged[0].day_of(self._now))
        return [wanted[key] for key in sorted(wanted)]

    def verdicts(
        self, steps: Sequence[StepRow], activity: Mapping[ContactKey, ContactActivity]
    ) -> dict[StepKey, Verdict | ValueError]:
        """What becomes of each step that would reach its contact; an error where a zone is none.

        The steps of one contact are judged in order of time, each counting those before it.
        """
        noted = {key: seen.copy() for key, seen in activity.items()}
        return {
            (step.tenant_id, step.id): self._verdict(step, noted, calls=calls)
            for step, calls in sorted(self._reaching(steps), key=_due)
        }

    def opening(self, tenant_id: UUID, at: datetime) -> datetime:
        """When a step that would reach a contact at ``at`` is worth looking at.

        It saves looking at steps that their tenant's hours would only put off.
        """
        rules = self._rules(tenant_id)
        if rules.hours.always or rules.outside in {"skip", "pause"}:
            return at
        try:
            zone = zone_named(self._context.zones.get(tenant_id, "UTC"))
            if rules.hours.open_at(at, zone):
                return at
            return Reach(rules, zone, zone).reopening(at)
        except ValueError:
            return at

    def _verdict(
        self, step: StepRow, noted: Mapping[ContactKey, ContactActivity], *, calls: bool
    ) -> Verdict | ValueError:
        key = (step.tenant_id, step.contact_id)
        contact = self._contacts.get(key)
        if contact is not None and contact.do_not_contact:
            return _NEVER
        judged = self._judged(step)
        if isinstance(judged, ValueError):
            return judged
        reach, verdict = judged
        if not isinstance(verdict, Allowed) or not reach.rules.need_activity(calls=calls):
            return verdict
        return judge(reach, noted.get(key), step.journey_id, self._now, calls=calls)

    def _judged(self, step: StepRow) -> tuple[Reach, Verdict] | ValueError:
        """What the clock says, computed once for all contacts of a zone."""
        contact = self._contacts.get((step.tenant_id, step.contact_id))
        zone = self._context.zones.get(step.tenant_id, "UTC")
        key = (step.tenant_id, (contact and contact.timezone) or zone)
        if key not in self._reaches:
            try:
                reach = Reach.of(self._rules(step.tenant_id), zone, key[1])
                self._reaches[key] = reach, reach.verdict(self._now)
            except ValueError as error:
                self._reaches[key] = error
        return self._reaches[key]

    def _rules(self, tenant_id: UUID) -> ExecutionRules:
        return self._context.rules.get(tenant_id, DEFAULT_RULES)

    def _reaching(self, steps: Sequence[StepRow]) -> list[tuple[StepRow, bool]]:
        """The steps that would reach their contacts, each with whether by a call.

        One that waits for what it has asked for already would not.
        """
        calls = {
            node_id: placed.node.calls
            for node_id, placed in self._context.nodes.items()
            if placed.node is not None and placed.node.reaches_contact
        }
        return [
            (step, calls[step.node_id])
            for step in steps
            if step.node_id in calls and step.wait_key is None
        ]


def _due(reaching: tuple[StepRow, bool]) -> tuple[datetime, int]:
    return reaching[0].scheduled_at, reaching[0].id
