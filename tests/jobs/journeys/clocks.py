"""Zones, days and a slow clock that tests of times go by."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

MINUTE = timedelta(minutes=1)

ZONES = (
    "UTC",
    "America/New_York",
    "Europe/Berlin",
    "Asia/Kathmandu",  # +05:45
    "Australia/Lord_Howe",  # clocks change by half an hour
    "America/St_Johns",  # -03:30, until 2011 changing at 00:01
    "Africa/Cairo",  # a gap at midnight
    "America/Havana",  # midnight comes twice
    "America/Sao_Paulo",  # 23:00 came twice, until 2019
    "Pacific/Apia",  # 30 December 2011 was left out
    "Pacific/Chatham",  # +12:45
)

# Days around which clocks changed somewhere among these zones.
CHANGES = (
    date(2026, 3, 8),
    date(2026, 11, 1),
    date(2026, 3, 29),
    date(2026, 10, 25),
    date(2026, 4, 5),
    date(2026, 10, 4),
    date(2011, 3, 13),
    date(2010, 11, 7),
    date(2026, 4, 24),
    date(2026, 10, 30),
    date(2018, 11, 4),
    date(2019, 2, 17),
    date(2011, 12, 30),
)

zones = st.sampled_from(ZONES).map(ZoneInfo)
days = st.one_of(
    st.dates(date(2005, 1, 1), date(2035, 1, 1)),
    st.builds(
        lambda day, shift: day + timedelta(days=shift),
        st.sampled_from(CHANGES),
        st.integers(-2, 1),
    ),
)
clocks = st.times().map(lambda clock: clock.replace(second=0, microsecond=0))
moments = st.builds(
    lambda day, minutes: datetime(day.year, day.month, day.day, tzinfo=UTC) + minutes * MINUTE,
    days,
    st.integers(0, 24 * 60 - 1),
)


def minutes_of(day, zone):
    """(moment, what the zone's clocks show) for every minute of three days around ``day``."""
    first = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=1, hours=2)
    for n in range(3 * 24 * 60 + 4 * 60):
        moment = first + n * MINUTE
        yield moment, moment.astimezone(zone).replace(tzinfo=None, fold=0)


def slow_at_local(day, clock, zone):
    """The first minute that shows it; in a gap, as long after the jump as it lies inside."""
    wanted = datetime.combine(day, clock)
    before = None
    for moment, shown in minutes_of(day, zone):
        if shown == wanted:
            return moment
        if before is not None and before < wanted < shown:
            return moment + (wanted - (before + MINUTE))
        before = shown
    raise AssertionError((day, clock, zone))


def slow_next_at_local(moment, clock, zone):
    """The first minute from ``moment`` on that shows it, a jump over it counting as above."""
    before = None
    at = moment - 2 * 24 * 60 * MINUTE  # a gap that leaves the time out may be a day long
    due = []
    while True:
        shown = at.astimezone(zone).replace(tzinfo=None, fold=0)
        if at >= moment and shown.time() == clock:
            due.append(at)
        if before is not None and shown - before > MINUTE:
            wanted = datetime.combine(before.date(), clock)
            while wanted < shown:
                if wanted > before and at + (wanted - before - MINUTE) >= moment:
                    due.append(at + (wanted - before - MINUTE))
                wanted += timedelta(days=1)
        if due and at >= min(due):
            return min(due)
        before = shown
        at += MINUTE


def slow_first(moment, wanted):
    """The first whole minute from ``moment`` on at which ``wanted(minute)`` holds."""
    at = moment
    while not wanted(at):
        at += MINUTE
    return at
