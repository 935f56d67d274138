from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from workers.calendar import ENTRIES, WORKS, CalendarEntry, due_firings

CRONS = ("* * * * *", "*/7 * * * *", "17 3 * * *", "0 9 * * mon", "30 4 1 * *", "0 0 29 2 *")
moments = st.datetimes(datetime(2024, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
entries = st.builds(
    CalendarEntry,
    name=st.sampled_from(["a", "b"]),
    cron=st.sampled_from(CRONS),
    work=st.none(),
    timezone=st.sampled_from(["UTC", "America/New_York", "Asia/Kolkata"]),
)


@settings(deadline=None)
@given(entries, moments, st.none() | moments)
def test_an_entry_fires_once_for_its_latest_time(entry, now, last):
    firings = due_firings([entry], {} if last is None else {entry.name: last}, now)

    if firings:
        [(name, fire_at)] = firings
        assert name == entry.name
        assert fire_at <= now
        assert last is None or fire_at > last
        assert due_firings([entry], {name: fire_at}, now) == []
        assert due_firings([entry], {}, fire_at) == firings
    elif last is None:
        assert entry.cron == "0 0 29 2 *"  # may have had none in five years


@settings(deadline=None)
@given(entries.filter(lambda entry: "29 2" not in entry.cron), moments, st.integers(0, 10**6))
def test_time_that_passes_brings_times_in_order(entry, now, seconds):
    earlier = entry.latest(now)
    later = entry.latest(now + timedelta(seconds=seconds))

    assert later >= earlier
    if later > earlier:
        assert later > now


def test_many_missed_times_are_caught_up_once():
    entry = CalendarEntry("daily", "17 3 * * *", None)
    last = datetime(2026, 1, 1, 3, 17, tzinfo=UTC)
    now = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)

    assert due_firings([entry], {"daily": last}, now) == [
        ("daily", datetime(2026, 3, 5, 3, 17, tzinfo=UTC))
    ]


def test_entries_have_work_and_distinct_names():
    assert len(WORKS) == len(ENTRIES)
