"""``day``: the contact stays until a day after its enrollment, at a local time."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import ClassVar

from pydantic import Field

from db.queries.journeys.rows import ContactRow, StepRow
from jobs.journeys.decisions import Decision
from jobs.journeys.facts import FactReader, Facts
from jobs.journeys.lots import draw
from jobs.journeys.nodes.linear import LinearNode
from jobs.journeys.nodes.times import LocalTime, Window, let_through, not_before
from jobs.journeys.zones import at_local, zone_named

_SPREAD = "spread_minutes"
_FIRST_DAY_SPREAD_MINUTES = 120


class Day(LinearNode):
    """Waits until ``at`` o'clock on the ``day``-th calendar day after the day of enrollment.

    Days and hours are those of the contact's zone (else the tenant's, else UTC); day 0 is the day
    of enrollment itself. A time already past lets the contact through at once.

    ``spread_minutes`` sends contacts on over so many minutes from ``at``, each at a whole minute
    drawn for it by lot (SHA-256 of the contact and the node's name), so that not everybody is due
    at nine sharp. By default it is 120 on day 1, from which most journeys start, and else 0.
    Nobody is let through outside the ``window``.
    """

    type: ClassVar[str] = "day"
    waits: ClassVar[bool] = True

    day: int = Field(ge=0, le=3660)
    at: LocalTime
    spread_minutes: int | None = Field(None, ge=0, le=1440)
    window: Window | None = None

    @property
    def spread(self) -> int:
        """Minutes over which contacts are spread; 0 and 1 don't spread them."""
        if self.spread_minutes is None:
            return _FIRST_DAY_SPREAD_MINUTES if self.day == 1 else 0
        return self.spread_minutes

    def inputs(self) -> frozenset[str]:
        return frozenset({"enrolled_at", "zone", *([_SPREAD] if self.spread else [])})

    def computed(self, key: str) -> Mapping[str, FactReader]:
        spread = self.spread

        def minutes(step: StepRow, _contact: ContactRow | None, _zone: str) -> int:
            return draw(step.contact_id, key, spread)

        return {_SPREAD: minutes} if spread else {}

    def evaluate(self, facts: Facts, now: datetime) -> Decision:
        return let_through(self._due(facts), self.window, zone_named(facts["zone"]), now)

    def due_inputs(self) -> frozenset[str]:
        return self.inputs()

    def due_at(self, facts: Facts, now: datetime) -> datetime:
        return not_before(self._due(facts), self.window, zone_named(facts["zone"]), now)

    def _due(self, facts: Facts) -> datetime:
        zone = zone_named(facts["zone"])
        enrolled_on = facts["enrolled_at"].astimezone(zone).date()
        at = at_local(enrolled_on + timedelta(days=self.day), self.at, zone)
        return at + timedelta(minutes=facts.get(_SPREAD, 0))
