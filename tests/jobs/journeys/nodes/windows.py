"""Windows as journey files write them, and whether a moment lies inside, told slowly."""

from datetime import date, datetime, time, timedelta

from hypothesis import strategies as st

from tests.jobs.journeys.clocks import clocks

NAMES = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def _written(opens, length, weekdays):
    closes = datetime.combine(date(2026, 1, 1), opens) + timedelta(minutes=length)
    return {
        "from": opens.isoformat("minutes"),
        "to": closes.time().isoformat("minutes"),
        "weekdays": sorted(weekdays),
    }


# An hour at least: the clocks may jump over a shorter window, for a week or for ever.
windows = st.builds(
    _written, clocks, st.integers(60, 1440), st.sets(st.sampled_from(NAMES), min_size=1)
)


def slow_inside(window, moment, zone):
    """Whether the clocks show a time of the window that began today, or yesterday."""
    opens, closes = time.fromisoformat(window["from"]), time.fromisoformat(window["to"])
    shown = moment.astimezone(zone).replace(tzinfo=None, fold=0)
    for day in (shown.date(), shown.date() - timedelta(days=1)):
        begins = datetime.combine(day, opens)
        ends = datetime.combine(day, closes)
        if ends <= begins:
            ends += timedelta(days=1)
        if NAMES[day.weekday()] in window["weekdays"] and begins <= shown < ends:
            return True
    return False
