"""When one tenant may reach contacts of one zone: what the clock says, for all of them at once."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from jobs.journeys.decisions import Hold, Reschedule
from jobs.journeys.rules.execution import ExecutionRules
from jobs.journeys.rules.hours import NeverOpenError
from jobs.journeys.zones import at_local, zone_named

CLOSED = "outside the tenant's opening hours"
QUIET = "quiet hours of the contact"
_UTC = ZoneInfo("UTC")
_DAY = timedelta(days=1)
# Hours of two zones may meet only on some days of a week, or not for the weeks between two
# countries' changes of clocks.
_LONGEST_SEARCH = timedelta(days=60)
LOOK_AGAIN = _DAY
"""How long a step waits where the rules leave no moment: somebody may mend them."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """The contact may be reached, until then; ``until`` None: at any time."""

    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Skip:
    """The contact is not reached by this step; its journey goes on."""

    reason: str


Verdict = Allowed | Skip | Reschedule | Hold


@dataclass(frozen=True, slots=True)
class Reach:
    """A tenant's rules with the zones they are read in."""

    rules: ExecutionRules
    tenant_zone: ZoneInfo
    contact_zone: ZoneInfo

    @classmethod
    def of(cls, rules: ExecutionRules, tenant_zone: str, contact_zone: str) -> "Reach":
        """Rules in zones by name; a zone that no rule reads isn't looked up.

        Raises:
            ValueError: a zone is unknown, or its data is missing.
        """
        local = rules.audible is not None or rules.max_messages_per_day is not None
        return cls(
            rules,
            _UTC if rules.hours.always else zone_named(tenant_zone),
            zone_named(contact_zone) if local else _UTC,
        )

    def verdict(self, now: datetime) -> Verdict:
        """What becomes of a step that would reach the contact now."""
        hours = self.rules.hours
        try:
            if not hours.open_at(now, self.tenant_zone):
                match self.rules.outside:
                    case "skip":
                        return Skip(CLOSED)
                    case "pause":
                        return Hold(CLOSED)
                    case _:
                        return Reschedule(self.next_allowed(self.reopening(now)), CLOSED)
            allowed = self.next_allowed(now)
        except NeverOpenError as error:
            return Reschedule(now + LOOK_AGAIN, str(error))
        return Allowed(self.allowed_until(now)) if allowed == now else Reschedule(allowed, QUIET)

    def reopening(self, closed: datetime) -> datetime:
        """Where a moment outside the opening hours is put off to: an open one after it."""
        hours, zone = self.rules.hours, self.tenant_zone
        local = closed.astimezone(zone)
        match self.rules.outside:
            case "next_business_day":
                days = (local.date() + n * _DAY for n in range(1, 8))
                opened = [day for day in days if day.isoweekday() in hours.weekdays]
                if opened:
                    return hours.next_opening(at_local(opened[0], hours.opens_at, zone), zone)
            case "same_time_next_day":
                # That may be a day off as well, or a time that is never open.
                for n in range(1, 8):
                    again = at_local(local.date() + n * _DAY, local.time(), zone)
                    if hours.open_at(again, zone):
                        return again
        return hours.next_opening(closed, zone)

    def next_allowed(self, moment: datetime) -> datetime:
        """``moment`` itself or the first after it that is in all hours.

        Raises:
            NeverOpenError: there is none within two months.
        """
        at = moment
        while at - moment < _LONGEST_SEARCH:
            opening = self.rules.hours.next_opening(at, self.tenant_zone)
            audible = self.rules.audible
            at = audible.next_opening(opening, self.contact_zone) if audible else opening
            if at == opening:
                return at
        raise NeverOpenError("the opening hours lie within the contact's quiet hours")

    def allowed_until(self, allowed: datetime) -> datetime | None:
        """The first moment after an allowed one that isn't; None where all are."""
        closes = self.rules.hours.next_close(allowed, self.tenant_zone)
        audible = self.rules.audible
        quiet = audible.next_close(allowed, self.contact_zone) if audible else None
        return min((at for at in (closes, quiet) if at is not None), default=None)

    def day_of(self, moment: datetime) -> tuple[datetime, datetime]:
        """The contact's day around a moment: its first moment and that of the next day."""
        day = moment.astimezone(self.contact_zone).date()
        first = at_local(day, time(), self.contact_zone)
        return first, at_local(day + _DAY, time(), self.contact_zone)
