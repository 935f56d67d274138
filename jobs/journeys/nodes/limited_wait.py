"""What the nodes share that wait for an answer, but not for ever."""

from datetime import UTC, datetime, timedelta
from typing import ClassVar

from pydantic import Field, model_validator

from jobs.journeys.nodes.node import Node

NEVER = datetime(9999, 1, 1, tzinfo=UTC)
"""When a wait without a time limit is over."""

_LONGEST = timedelta(days=3660)


class LimitedWait(Node):
    """Waits for minutes + hours + days; without any there is no time limit."""

    waits: ClassVar[bool] = True

    minutes: float = Field(0, ge=0)
    hours: float = Field(0, ge=0)
    days: float = Field(0, ge=0)

    @model_validator(mode="after")
    def _some_years_at_most(self) -> "LimitedWait":
        if self.length > _LONGEST:
            raise ValueError("give a length of up to 10 years")
        return self

    @property
    def length(self) -> timedelta:
        try:
            return timedelta(minutes=self.minutes, hours=self.hours, days=self.days)
        except OverflowError:
            return timedelta.max

    def over_at(self, since: datetime) -> datetime:
        """When a wait that began at ``since`` is over."""
        return since + self.length if self.length else NEVER
