"""What the nodes that wait share: local times and windows as journey files write them."""

from collections.abc import Iterable
from datetime import datetime, time
from functools import cached_property
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from jobs.journeys.decisions import Advance, Decision, Reschedule
from jobs.journeys.rules import OpeningHours

_WEEKDAYS = {name: n for n, name in enumerate(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), 1)}


def _as_on_a_clock(at: Any) -> Any:
    # A bare number would be taken as seconds: 930 as a quarter past midnight.
    if not isinstance(at, time) and not (isinstance(at, str) and ":" in at):
        raise ValueError("give a local time, such as 09:00")
    return at


def _local(at: time) -> time:
    if at.tzinfo is not None:
        raise ValueError("give a local time without a zone, such as 09:00")
    return at


LocalTime = Annotated[time, BeforeValidator(_as_on_a_clock), AfterValidator(_local)]
"""A time on the contact's clocks, such as ``09:00``."""


def _midnight(at: Any) -> Any:
    return "00:00" if at == "24:00" else at


EndTime = Annotated[LocalTime, BeforeValidator(_midnight)]
"""A local time at which something ends: ``24:00`` is the midnight at the day's end."""


def _weekday(day: Any) -> Any:
    return _WEEKDAYS.get(day.lower(), day) if isinstance(day, str) else day


def _in_order(days: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted(set(days)))


Weekday = Annotated[int, BeforeValidator(_weekday), Field(ge=1, le=7)]
"""An ISO weekday, 1 for Monday, or ``mon`` … ``sun``."""


class Window(BaseModel):
    """``{from: "09:00", to: "17:00", weekdays: [mon, tue]}``, on the contact's clocks.

    ``to`` itself is outside. Hours that end no later than they begin go on past midnight and
    belong to the day on which they begin: from midnight to midnight is the whole day.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_name=True, serialize_by_alias=True
    )

    opens_at: LocalTime = Field(time(), alias="from")
    closes_at: EndTime = Field(time(), alias="to")
    weekdays: Annotated[
        tuple[Weekday, ...], Field(min_length=1, max_length=7), AfterValidator(_in_order)
    ] = (1, 2, 3, 4, 5, 6, 7)

    @cached_property
    def hours(self) -> OpeningHours:
        return OpeningHours(frozenset(self.weekdays), self.opens_at, self.closes_at)


def not_before(due: datetime, window: Window | None, zone: ZoneInfo, now: datetime) -> datetime:
    """The first moment from ``now`` on that is not before ``due``, and inside the window."""
    at = max(due, now)
    return window.hours.next_opening(at, zone) if window else at


def let_through(due: datetime, window: Window | None, zone: ZoneInfo, now: datetime) -> Decision:
    """Onwards where ``due`` has come and the window is open, else another look when both are so."""
    at = not_before(due, window, zone, now)
    return Advance("next") if at <= now else Reschedule(at)
