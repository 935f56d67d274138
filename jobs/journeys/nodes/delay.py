"""``delay``: the contact stays for a length of time, or until a time of day."""

from datetime import datetime, timedelta
from typing import ClassVar

from pydantic import Field, model_validator

from jobs.journeys.decisions import Advance, Decision, Reschedule
from jobs.journeys.facts import Facts
from jobs.journeys.nodes.linear import LinearNode
from jobs.journeys.nodes.times import LocalTime
from jobs.journeys.zones import next_at_local, zone_named

_LONGEST = timedelta(days=3660)


class Delay(LinearNode):
    """Waits days + hours + minutes + seconds from the moment the contact came; at least one.

    With ``until`` it goes on waiting until the contact's clocks next show that time: its zone,
    else the tenant's, else UTC. Then the length may be nothing.
    """

    type: ClassVar[str] = "delay"
    waits: ClassVar[bool] = True

    seconds: float = Field(0, ge=0)
    minutes: float = Field(0, ge=0)
    hours: float = Field(0, ge=0)
    days: float = Field(0, ge=0)
    until: LocalTime | None = None

    @model_validator(mode="after")
    def _some_time(self) -> "Delay":
        if self.length > _LONGEST or not (self.length or self.until):
            raise ValueError(
                "give seconds, minutes, hours or days, above 0 and up to 10 years, or until"
            )
        return self

    @property
    def length(self) -> timedelta:
        try:
            return timedelta(
                days=self.days, hours=self.hours, minutes=self.minutes, seconds=self.seconds
            )
        except OverflowError:
            return timedelta.max

    def inputs(self) -> frozenset[str]:
        return self.due_inputs() | {"entered_at"}

    def evaluate(self, facts: Facts, now: datetime) -> Decision:
        due = self._due(facts, facts["entered_at"])
        return Advance("next") if due <= now else Reschedule(due)

    def due_inputs(self) -> frozenset[str]:
        return frozenset() if self.until is None else frozenset({"zone"})

    def due_at(self, facts: Facts, now: datetime) -> datetime:
        return self._due(facts, now)

    def _due(self, facts: Facts, entered_at: datetime) -> datetime:
        passed = entered_at + self.length
        if self.until is None:
            return passed
        return next_at_local(passed, self.until, zone_named(facts["zone"]))
