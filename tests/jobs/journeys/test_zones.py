import itertools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given

from jobs.journeys.zones import at_local, clock_change, next_at_local, zone_named
from tests.jobs.journeys.clocks import (
    clocks,
    days,
    minutes_of,
    moments,
    slow_at_local,
    slow_next_at_local,
    zones,
)

NEW_YORK = ZoneInfo("America/New_York")


@given(days, clocks, zones)
def test_at_local_is_the_minute_that_a_slow_clock_shows(day, clock, zone):
    assert at_local(day, clock, zone) == slow_at_local(day, clock, zone)


@given(days, zones)
def test_clock_change_is_where_a_slow_clock_jumps(day, zone):
    start = at_local(day, time(), zone)
    end = at_local(day + timedelta(days=1), time(), zone)
    ticks = list(minutes_of(day, zone))
    jumps = [
        after
        for (_, shown), (after, then) in itertools.pairwise(ticks)
        if then - shown != timedelta(minutes=1) and start < after <= end
    ]
    change = clock_change(day, zone)
    assert ([] if change is None else [change]) == jumps


@given(moments, clocks, zones)
def test_next_is_the_first_minute_from_then_on_that_a_slow_clock_shows(moment, clock, zone):
    assert next_at_local(moment, clock, zone) == slow_next_at_local(moment, clock, zone)


def test_next_may_be_now_and_the_second_of_two():
    nine = datetime(2026, 3, 2, 14, tzinfo=UTC)
    assert next_at_local(nine, time(9), NEW_YORK) == nine
    assert next_at_local(nine + timedelta(microseconds=1), time(9), NEW_YORK) == datetime(
        2026, 3, 3, 14, tzinfo=UTC
    )
    first = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    assert next_at_local(first, time(1, 30), NEW_YORK) == first
    second = first + timedelta(hours=1)
    assert next_at_local(first + timedelta(seconds=1), time(1, 30), NEW_YORK) == second


def test_next_of_a_time_left_out_is_after_the_jump():
    assert next_at_local(datetime(2026, 3, 8, 5, tzinfo=UTC), time(2, 30), NEW_YORK) == datetime(
        2026, 3, 8, 7, 30, tzinfo=UTC
    )


def test_time_that_comes_twice_is_the_first_or_the_second():
    day = date(2026, 11, 1)
    assert at_local(day, time(1, 30), NEW_YORK) == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    assert at_local(day, time(1, 30), NEW_YORK, fold=1) == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)


def test_time_left_out_is_as_long_after_the_jump():
    assert at_local(date(2026, 3, 8), time(2, 30), NEW_YORK) == datetime(
        2026, 3, 8, 7, 30, tzinfo=UTC
    )


@pytest.mark.parametrize(
    "name", ["", "Narnia", "../etc/passwd", "/etc/passwd", "America", "a\0b", "x" * 5000]
)
def test_unknown_zone_is_a_value_error(name):
    with pytest.raises(ValueError, match="unknown time zone"):
        zone_named(name)


def test_zone_is_found_by_name():
    assert zone_named("Asia/Kathmandu") == ZoneInfo("Asia/Kathmandu")
