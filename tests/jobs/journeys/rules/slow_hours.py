"""Opening hours as spans of what clocks show: the plain way to say when they are open."""

from datetime import datetime, time, timedelta

from hypothesis import strategies as st

from jobs.journeys.rules import OpeningHours
from tests.jobs.journeys.clocks import clocks

weekdays = st.frozensets(st.integers(1, 7), min_size=1)
hours = st.builds(
    lambda days, opens, closes: OpeningHours(days, opens, closes if closes != opens else None),
    weekdays,
    st.one_of(clocks, st.sampled_from([time(0), time(0, 30), time(1, 30), time(2, 15)])),
    st.one_of(clocks, st.sampled_from([time(0), time(1), time(2, 45), time(3)])),
)


def shown(moment, zone):
    """What the zone's clocks show, a plain date and time."""
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def shown_open(opening_hours, local):
    """Whether a span that began today or yesterday holds what the clocks show."""
    for day in (local.date(), local.date() - timedelta(days=1)):
        begins = datetime.combine(day, opening_hours.opens_at)
        ends = datetime.combine(day, opening_hours.closes_at or time())
        if ends <= begins:
            ends += timedelta(days=1)
        if day.isoweekday() in opening_hours.weekdays and begins <= local < ends:
            return True
    return False
