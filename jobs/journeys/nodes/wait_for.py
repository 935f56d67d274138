"""``wait_for``: the contact stays until an event comes, or for so long."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import Field, field_validator, model_validator

from jobs.journeys.decisions import Advance, Decision, Reschedule
from jobs.journeys.facts import Facts
from jobs.journeys.nodes.limited_wait import LimitedWait
from jobs.journeys.nodes.node import FAILURE, NodeKey


class WaitFor(LimitedWait):
    """Waits for ``event``: ``reply``, ``call_answered`` or any word other services signal.

    When it comes the contact goes to ``next``, its payload kept as the step's result; after
    minutes + hours + days without it, to ``timeout``. An event that came before the contact did is
    not remembered. Without a length there is no time limit.
    """

    type: ClassVar[str] = "wait_for"

    # One that ends in a colon would be a step's own event: the step's id goes on after it.
    event: Annotated[
        str, Field(min_length=1, max_length=64, pattern=r"^[a-z0-9]([a-z0-9_.:-]*[a-z0-9_.-])?$")
    ]
    next: NodeKey
    timeout: NodeKey | None = None

    @field_validator("event")
    @classmethod
    def _not_an_outcome(cls, event: str) -> str:
        if event in {"timeout", FAILURE}:
            raise ValueError(f"{event!r} is an outcome of its own")
        return event

    @model_validator(mode="after")
    def _timeout_has_a_length(self) -> "WaitFor":
        if bool(self.timeout) != bool(self.length):
            raise ValueError("give timeout together with minutes, hours or days, or neither")
        return self

    def edges(self) -> Mapping[str, str]:
        timeout = {"timeout": self.timeout} if self.timeout else {}
        return {self.event: self.next, **timeout}

    def wait_key(self) -> str | None:
        return self.event

    def inputs(self) -> frozenset[str]:
        return frozenset({"entered_at", "signal"})

    def evaluate(self, facts: Facts, now: datetime) -> Decision:
        if facts["signal"] is not None:
            return Advance(self.event, result=facts["signal"])
        until = self.over_at(facts["entered_at"])
        if until <= now:
            return Advance("timeout")
        return Reschedule(until, wait_key=self.event)

    def due_at(self, facts: Facts, now: datetime) -> datetime:
        del facts
        return self.over_at(now)
