from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jobs.journeys.rules import NeverOpenError, OpeningHours
from tests.jobs.journeys.clocks import MINUTE, moments, zones
from tests.jobs.journeys.rules.slow_hours import hours, shown, shown_open

NEW_YORK = ZoneInfo("America/New_York")
DAILY = frozenset(range(1, 8))


def slow_change(opening_hours, moment, zone, *, is_open):
    """Minute by minute; everything these zones' clocks do, they do on whole minutes."""
    for n in range(16 * 24 * 60):
        if shown_open(opening_hours, shown(moment + n * MINUTE, zone)) is is_open:
            return moment + n * MINUTE
    return None


@settings(max_examples=300)
@given(hours, moments, zones)
# Opens inside a gap; opens in the second of two equal hours; reopens when clocks go back; only
# hours this week inside a gap; clocks that go back over midnight.
@example(OpeningHours(DAILY, time(2, 30), time(5)), datetime(2026, 3, 8, 5, tzinfo=UTC), NEW_YORK)
@example(
    OpeningHours(DAILY, time(1, 30), time(5)), datetime(2026, 11, 1, 6, 10, tzinfo=UTC), NEW_YORK
)
@example(
    OpeningHours(DAILY, time(0), time(1, 30)), datetime(2026, 11, 1, 5, 40, tzinfo=UTC), NEW_YORK
)
@example(
    OpeningHours(frozenset({7}), time(2, 30), time(2, 45)),
    datetime(2026, 3, 8, 5, tzinfo=UTC),
    NEW_YORK,
)
@example(
    OpeningHours(DAILY, time(23), None),
    datetime(2010, 11, 7, 2, 30, tzinfo=UTC),
    ZoneInfo("America/St_Johns"),
)
@example(
    OpeningHours(DAILY, time(23, 30), None),
    datetime(2010, 11, 7, 2, 30, tzinfo=UTC),
    ZoneInfo("America/St_Johns"),
)
@example(
    OpeningHours(frozenset({7}), time(2, 30), time(2, 45)),
    datetime(2026, 3, 1, 12, tzinfo=UTC),
    NEW_YORK,
)
def test_next_opening_is_what_a_walk_by_minutes_finds(opening_hours, moment, zone):
    found = opening_hours.next_opening(moment, zone)
    assert found == slow_change(opening_hours, moment, zone, is_open=True)
    assert opening_hours.open_at(found, zone)


@settings(max_examples=300)
@given(hours, moments, zones)
# The hour that comes twice is open, then closed, then open; a close inside a gap; a day left out.
@example(
    OpeningHours(DAILY, time(1), time(1, 30)), datetime(2026, 11, 1, 5, 10, tzinfo=UTC), NEW_YORK
)
@example(OpeningHours(DAILY, time(22), time(2, 30)), datetime(2026, 3, 8, 5, tzinfo=UTC), NEW_YORK)
@example(
    OpeningHours(frozenset({4, 5}), time(20), time(2)),
    datetime(2011, 12, 30, 8, tzinfo=UTC),
    ZoneInfo("Pacific/Apia"),
)
def test_next_close_is_what_a_walk_by_minutes_finds(opening_hours, moment, zone):
    found = opening_hours.next_close(moment, zone)
    assert found == slow_change(opening_hours, moment, zone, is_open=False)
    assert (found is None) == opening_hours.always


@given(hours, moments, zones)
def test_open_is_what_the_days_spans_hold(opening_hours, moment, zone):
    assert opening_hours.open_at(moment, zone) is shown_open(opening_hours, shown(moment, zone))


def test_hours_past_midnight_belong_to_the_day_they_open_on():
    friday_night = OpeningHours(frozenset({5}), time(20), time(2))
    saturday, sunday = (
        datetime(2026, 7, 4, 1, 59, tzinfo=NEW_YORK),
        datetime(2026, 7, 5, 1, tzinfo=NEW_YORK),
    )
    friday_morning = datetime(2026, 7, 3, 1, tzinfo=NEW_YORK)
    assert friday_night.open_at(saturday, NEW_YORK)
    assert not friday_night.open_at(friday_morning, NEW_YORK)
    assert not friday_night.open_at(sunday, NEW_YORK)


def test_leap_day_is_a_day_like_any():
    thursdays = OpeningHours(frozenset({4}), time(9), time(17))  # 29 February 2024 was a Thursday
    late = datetime(2024, 2, 28, 23, tzinfo=NEW_YORK)
    assert thursdays.next_opening(late, NEW_YORK) == datetime(2024, 2, 29, 9, tzinfo=NEW_YORK)


@given(hours, moments, zones, st.timedeltas(timedelta(0), MINUTE))
def test_moment_in_the_hours_is_its_own_opening(opening_hours, moment, zone, more):
    moment += more
    if opening_hours.open_at(moment, zone):
        assert opening_hours.next_opening(moment, zone) is moment
    else:
        assert opening_hours.next_opening(moment, zone) > moment


@pytest.mark.parametrize(
    ("clock", "is_open"),
    [(time(8, 59, 59), False), (time(9), True), (time(19, 59, 59), True), (time(20), False)],
)
def test_hours_hold_their_opening_and_not_their_close(clock, is_open):
    moment = datetime.combine(datetime(2026, 7, 1, tzinfo=UTC), clock, tzinfo=NEW_YORK)
    assert OpeningHours(DAILY, time(9), time(20)).open_at(moment, NEW_YORK) is is_open


def test_no_close_is_midnight():
    late = datetime(2026, 7, 1, 23, 59, 59, 999999, tzinfo=NEW_YORK)
    assert OpeningHours(DAILY, time(9), None).open_at(late, NEW_YORK)


def test_hours_that_never_open_are_a_value_error():
    with pytest.raises(NeverOpenError, match="never open"):
        OpeningHours(frozenset(), time(9), None).next_opening(datetime.now(UTC), NEW_YORK)
