"""``approval``: a drafted reply is put before a person, and the contact waits for the decision."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar

from pydantic import Field, field_validator, model_validator

from db.queries.approvals import WAIT_KEY
from db.queries.journeys.rows import ContactRow, StepRow
from jobs.journeys.decisions import Advance, Decision, RequestApproval, Reschedule
from jobs.journeys.facts import FactReader, Facts
from jobs.journeys.nodes.limited_wait import NEVER, LimitedWait
from jobs.journeys.nodes.node import NodeKey
from jobs.journeys.templates import render, template_facts

EXPIRED = "expired"
_WAITS_UNTIL = "waits_until"


class Approval(LimitedWait):
    """Renders ``draft`` and waits until somebody approves, edits or rejects it.

    The contact goes to ``approved``, to ``edited`` (by default where the approved ones go) or to
    ``rejected``; after minutes + hours + days from the moment the draft was put before people, to
    ``expired``. Without a length there is no time limit. Requests with the highest ``priority``
    (0–100) are looked at first; ``assign_to`` names the user who shall decide.

    The step's result holds ``by``, who decided, and where it was approved or edited the ``text``
    that may be sent: ``{{ results.NODE.text }}`` in a later ``send_sms``. What was rejected, or
    nobody looked at, leaves no text.
    """

    type: ClassVar[str] = "approval"

    draft: str = Field(min_length=1, max_length=1600)
    approved: NodeKey
    edited: NodeKey | None = None
    rejected: NodeKey
    expired: NodeKey | None = None
    priority: int = Field(0, ge=0, le=100)
    assign_to: Annotated[str, Field(min_length=1, max_length=200)] | None = None

    @field_validator("draft")
    @classmethod
    def _renders(cls, draft: str) -> str:
        template_facts(draft)
        return draft

    @model_validator(mode="after")
    def _expired_has_a_length(self) -> "Approval":
        if bool(self.expired) != bool(self.length):
            raise ValueError("give expired together with minutes, hours or days, or neither")
        return self

    def edges(self) -> Mapping[str, str]:
        return {
            "approved": self.approved,
            "edited": self.edited or self.approved,
            "rejected": self.rejected,
            **({EXPIRED: self.expired} if self.expired else {}),
        }

    def inputs(self) -> frozenset[str]:
        return template_facts(self.draft) | {"signal", _WAITS_UNTIL}

    def computed(self, key: str) -> Mapping[str, FactReader]:
        del key
        return {_WAITS_UNTIL: _waits_until}

    def evaluate(self, facts: Facts, now: datetime) -> Decision:
        if facts["signal"] is not None:
            return self._decided(facts["signal"])
        waits_until = facts[_WAITS_UNTIL]
        if waits_until is not None:
            if self.expired is None:
                return Reschedule(NEVER, wait_key=WAIT_KEY)
            if waits_until <= now:
                return Advance(EXPIRED)
            return Reschedule(waits_until, wait_key=WAIT_KEY)
        draft = render(self.draft, facts).strip()
        if not draft:
            raise ValueError("the draft is empty for this contact")
        until = self.over_at(now)
        request = RequestApproval(
            draft, self.priority, self.assign_to, None if until == NEVER else until
        )
        return Reschedule(until, wait_key=WAIT_KEY, effects=(request,))

    def _decided(self, signal: Mapping[str, Any]) -> Decision:
        result = {name: signal[name] for name in ("by", "text") if signal.get(name) is not None}
        return Advance(str(signal["decision"]), result=result)


def _waits_until(step: StepRow, _contact: ContactRow | None, _zone: str) -> datetime | None:
    """Until when a step waits that has asked; the batch's own clock for all whose time is over."""
    has_asked = step.wait_key is not None and step.wait_key.startswith(WAIT_KEY)
    return max(step.scheduled_at, step.now) if has_asked else None
