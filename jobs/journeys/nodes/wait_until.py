"""``wait_until``: the contact stays until a date it carries, or until a window opens."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from jobs.journeys.decisions import Advance, Decision, Fail
from jobs.journeys.facts import Facts
from jobs.journeys.nodes.linear import LinearNode
from jobs.journeys.nodes.node import NodeKey
from jobs.journeys.nodes.times import LocalTime, Window, let_through, not_before
from jobs.journeys.zones import at_local, zone_named

MISSING = "missing"
_ISO_DATE = len("2000-01-01")


class WaitUntil(LinearNode):
    """Waits for the ``date`` a contact carries, moved by days, hours and minutes, or for a window.

    ``date`` names a fact that is an ISO date, or an ISO date and time; one without a zone is on
    the contact's clocks (its zone, else the tenant's, else UTC). ``days`` are calendar days on
    those clocks; ``at`` then sets the time of day, which else is the date's own, or midnight;
    ``hours`` and ``minutes`` are lengths of time and come last. All three may be negative. What is
    past lets the contact through at once.

    A contact whose date is missing or can't be read leaves by ``missing`` where that is given, and
    else fails. The date is read anew when the step is due: one that moved back is waited for.

    Nobody is let through outside the ``window``.
    """

    type: ClassVar[str] = "wait_until"
    waits: ClassVar[bool] = True

    date: str | None = Field(None, pattern=r"^(attributes|data)\..+$")
    days: int = Field(0, ge=-36600, le=36600)
    hours: int = Field(0, ge=-8784, le=8784)
    minutes: int = Field(0, ge=-527_040, le=527_040)
    at: LocalTime | None = None
    window: Window | None = None
    missing: NodeKey | None = None

    @model_validator(mode="after")
    def _something_to_wait_for(self) -> "WaitUntil":
        if self.date is None:
            if self.window is None:
                raise ValueError("give a date or a window")
            if self.days or self.hours or self.minutes or self.at or self.missing:
                raise ValueError("days, hours, minutes, at and missing go with a date")
        return self

    def edges(self) -> Mapping[str, str]:
        return {**super().edges(), **({MISSING: self.missing} if self.missing else {})}

    def inputs(self) -> frozenset[str]:
        return frozenset({"zone"} if self.date is None else {"zone", self.date})

    def evaluate(self, facts: Facts, now: datetime) -> Decision:
        zone = zone_named(facts["zone"])
        due = self._due(facts, zone, now)
        if due is None:
            # A value can be long, and private; its name tells enough.
            reason = f"{self.date} is no date" if facts[str(self.date)] else f"no {self.date}"
            return Advance(MISSING) if self.missing else Fail(reason)
        return let_through(due, self.window, zone, now)

    def due_inputs(self) -> frozenset[str]:
        return self.inputs()

    def due_at(self, facts: Facts, now: datetime) -> datetime:
        zone = zone_named(facts["zone"])
        due = self._due(facts, zone, now)
        return now if due is None else not_before(due, self.window, zone, now)

    def _due(self, facts: Facts, zone: ZoneInfo, now: datetime) -> datetime | None:
        """When the date and its offset have come; None where there is no date."""
        if self.date is None:
            return now
        local = read_date(facts[self.date], zone)
        if local is None:
            return None
        try:
            day = local.date() + timedelta(days=self.days)
            fold = local.fold if self.at is None else 0
            moment = at_local(day, self.at or local.time(), zone, fold=fold)
            return moment + timedelta(hours=self.hours, minutes=self.minutes)
        except OverflowError:  # beyond the year 9999, or before the first
            return None


def read_date(value: Any, zone: ZoneInfo) -> datetime | None:
    """The local date and time (naive) that a value of a contact names, midnight of a mere date.

    None where it is neither an ISO date nor an ISO date and time.
    """
    if not isinstance(value, str):
        return None
    text = value.strip()
    if text[4:5] != "-" or not text.isascii():
        return None
    try:
        if len(text) == _ISO_DATE:
            return datetime.combine(date.fromisoformat(text), time())
        moment = datetime.fromisoformat(text)
        local = moment if moment.tzinfo is None else moment.astimezone(zone)
    except (ValueError, OverflowError):
        return None
    return local.replace(tzinfo=None)
