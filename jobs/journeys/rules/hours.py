"""Hours that open and close on weekdays: a tenant's opening hours, and quiet hours turned round."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from jobs.journeys.zones import at_local, clock_change

EVERY_DAY = frozenset(range(1, 8))
MIDNIGHT = time()
_DAY = timedelta(days=1)
# A fortnight: this week's only hours may be those that the clocks jump over.
_LONGEST_SEARCH = 16


class NeverOpenError(ValueError):
    """There is no moment at which the rules let anybody be reached."""


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """ISO weekdays (Monday is 1) and the hours ``opens_at`` ≤ t < ``closes_at`` of each of them.

    ``closes_at`` None means midnight at the day's end. Hours that close no later than they open
    go on past midnight; they belong to the day on which they open.
    """

    weekdays: frozenset[int]
    opens_at: time
    closes_at: time | None

    @property
    def always(self) -> bool:
        """They never close."""
        closes_at = self.closes_at or MIDNIGHT
        return self.opens_at == closes_at and self.weekdays == EVERY_DAY

    def open_at(self, moment: datetime, zone: ZoneInfo) -> bool:
        local = moment.astimezone(zone)
        clock, weekday = local.time(), local.isoweekday()
        closes_at = self.closes_at or MIDNIGHT
        if self.opens_at < closes_at:
            return weekday in self.weekdays and self.opens_at <= clock < closes_at
        opened_yesterday = (weekday - 2) % 7 + 1 in self.weekdays
        return (weekday in self.weekdays and clock >= self.opens_at) or (
            opened_yesterday and clock < closes_at
        )

    def next_opening(self, moment: datetime, zone: ZoneInfo) -> datetime:
        """``moment`` itself where it is open, else the first moment (UTC) after it that is.

        Raises:
            NeverOpenError: there is none.
        """
        if self.open_at(moment, zone):
            return moment
        opening = self._next_change(moment, zone, lambda at: self.open_at(at, zone))
        if opening is None:
            raise NeverOpenError("the opening hours never open")
        return opening

    def next_close(self, moment: datetime, zone: ZoneInfo) -> datetime | None:
        """``moment`` itself where it is closed, else the first moment (UTC) after it that is.

        None where they never close.
        """
        if not self.open_at(moment, zone):
            return moment
        if self.always:
            return None
        return self._next_change(moment, zone, lambda at: not self.open_at(at, zone))

    def _next_change(
        self, moment: datetime, zone: ZoneInfo, wanted: Callable[[datetime], bool]
    ) -> datetime | None:
        """The first moment after ``moment`` that is wanted, of those at which anything changes."""
        today = moment.astimezone(zone).date()
        found: datetime | None = None
        for n in range(-1, _LONGEST_SEARCH):
            changes = [
                at
                for at in self._changes(today + n * _DAY, zone)
                if at > moment and (found is None or at < found) and wanted(at)
            ]
            if found is not None:  # a time in a gap may lie after the next day's first
                return min(changes, default=found)
            found = min(changes, default=None)
        return found

    def _changes(self, day: date, zone: ZoneInfo) -> Iterator[datetime]:
        """Moments of a day at which hours may begin or end.

        Besides the hours themselves, which may come twice, it is midnight, and where clocks jump.
        """
        for clock in {MIDNIGHT, self.opens_at, self.closes_at or MIDNIGHT}:
            for fold in (0, 1):
                yield at_local(day, clock, zone, fold=fold)
        change = clock_change(day, zone)
        if change is not None:
            yield change
