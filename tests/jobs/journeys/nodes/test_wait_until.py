from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from jobs.journeys.decisions import Advance, Fail, Reschedule
from jobs.journeys.nodes.wait_until import WaitUntil, read_date
from tests.jobs.journeys.clocks import (
    MINUTE,
    clocks,
    days,
    moments,
    slow_at_local,
    slow_first,
    zones,
)
from tests.jobs.journeys.nodes.windows import slow_inside, windows

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
DATE = "attributes.renewal"


def node(**fields):
    return WaitUntil(**{"date": DATE, "next": "x", **fields})


def facts(value, zone="UTC"):
    return {DATE: value, "zone": zone}


def decided(due, now):
    return Advance("next") if due <= now else Reschedule(due)


offsets = st.tuples(st.integers(-40, 40), st.integers(-50, 50), st.integers(-90, 90))


@given(days, clocks, offsets, zones, moments)
def test_date_at_a_local_time_is_when_a_slow_clock_shows_it(day, clock, offset, zone, now):
    moved, hours, minutes = offset
    waiting = node(days=moved, hours=hours, minutes=minutes, at=clock)
    due = slow_at_local(day + timedelta(days=moved), clock, zone)
    due += (60 * hours + minutes) * MINUTE
    given_facts = facts(day.isoformat(), zone.key)
    assert waiting.evaluate(given_facts, now) == decided(due, now)
    assert waiting.due_at(given_facts, now) == max(due, now)


@given(days, clocks, st.integers(-40, 40), zones, moments)
def test_local_time_of_the_date_itself_is_kept(day, clock, moved, zone, now):
    due = slow_at_local(day + timedelta(days=moved), clock, zone)
    value = datetime.combine(day, clock).isoformat()
    assert node(days=moved).evaluate(facts(value, zone.key), now) == decided(due, now)


@given(moments, zones, zones, moments)
def test_date_with_a_zone_is_that_moment(moment, written_in, zone, now):
    value = moment.astimezone(written_in).isoformat()
    assert node().evaluate(facts(value, zone.key), now) == decided(moment, now)


def test_second_of_two_equal_times_is_kept():
    second = datetime(2026, 11, 1, 6, 30, tzinfo=UTC)  # 01:30 in New York, again
    given_facts = facts("2026-11-01T01:30:00-05:00", "America/New_York")
    assert node().evaluate(given_facts, NOW) == Reschedule(second)
    assert node(at="01:30").evaluate(given_facts, NOW) == Reschedule(second - timedelta(hours=1))


@given(moments, clocks, zones)
def test_at_takes_the_time_of_dates_with_one(moment, clock, zone):
    due = slow_at_local(moment.astimezone(zone).date(), clock, zone)
    assert node(at=clock).evaluate(facts(moment.isoformat(), zone.key), NOW) == decided(due, NOW)


@given(days, st.integers(-2, 2), windows, zones, moments)
def test_nobody_is_let_through_outside_the_window(day, ahead, window, zone, now):
    waiting = node(at="09:00", window=window)
    date_ = now.astimezone(zone).date() + timedelta(days=ahead)
    due = max(now, slow_at_local(date_, time(9), zone))
    opens = slow_first(due, lambda at: slow_inside(window, at, zone))
    given_facts = facts(date_.isoformat(), zone.key)
    assert waiting.evaluate(given_facts, now) == decided(opens, now)
    assert waiting.due_at(given_facts, now) == opens


@given(windows, zones, moments)
def test_window_alone(window, zone, now):
    waiting = WaitUntil(window=window, next="x")
    assert waiting.inputs() == waiting.due_inputs() == {"zone"}
    opens = slow_first(now, lambda at: slow_inside(window, at, zone))
    assert waiting.evaluate({"zone": zone.key}, now) == decided(opens, now)
    assert waiting.due_at({"zone": zone.key}, now) == opens


@pytest.mark.parametrize(
    ("value", "days_after", "due"),
    [
        ("2028-02-29", 0, date(2028, 2, 29)),
        ("2028-02-28", 1, date(2028, 2, 29)),
        ("2027-02-28", 1, date(2027, 3, 1)),
        ("2028-03-01", -1, date(2028, 2, 29)),
    ],
)
def test_leap_day(value, days_after, due):
    waiting = node(days=days_after, at="09:00")
    zone = ZoneInfo("Australia/Adelaide")
    expected = datetime.combine(due, time(9), zone).astimezone(UTC)
    assert waiting.evaluate(facts(value, zone.key), NOW) == Reschedule(expected)


BAD = [
    None, "", " ", "soon", "2026-13-01", "2027-02-29", "01/02/2026", 20260302, True, [], {},
    "2026-03-02T25:00", "20260302", "２０２６-03-02", "x" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("value", BAD)
def test_who_has_no_date_leaves_by_missing_or_fails_with_the_reason(value):
    assert node(missing="y").evaluate(facts(value), NOW) == Advance("missing")
    decision = node().evaluate(facts(value), NOW)
    assert isinstance(decision, Fail)
    assert DATE in decision.reason
    assert len(decision.reason) < 100
    assert node().due_at(facts(value), NOW) == NOW


@pytest.mark.parametrize(("value", "moved"), [("9999-12-31", 1), ("0001-01-01", -1)])
def test_date_beyond_the_calendar_is_none(value, moved):
    for zone in ("America/New_York", "Asia/Tokyo"):
        assert node(days=moved).evaluate(facts(value, zone), NOW).reason == f"{DATE} is no date"


@given(st.none() | st.booleans() | st.integers() | st.text() | st.datetimes().map(str), zones)
def test_any_value_is_a_date_or_none(value, zone):
    local = read_date(value, zone)
    assert local is None or local.tzinfo is None
    assert isinstance(node().evaluate(facts(value, zone.key), NOW), Advance | Reschedule | Fail)


def test_edges():
    assert node().edges() == {"next": "x"}
    assert node(missing="y").edges() == {"next": "x", "missing": "y"}
    assert node().inputs() == {DATE, "zone"}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"date": None}, "give a date or a window"),
        ({"date": None, "window": {}, "days": 1}, "go with a date"),
        ({"date": None, "window": {}, "at": "00:00"}, "go with a date"),
        ({"date": None, "window": {}, "missing": "y"}, "go with a date"),
        ({"date": "renewal"}, "pattern"),
        ({"date": "attributes."}, "pattern"),
        ({"date": "first_name"}, "pattern"),
        ({"days": 0.5}, "integer"),
        ({"days": 40_000}, "less than"),
        ({"at": "9"}, "local time"),
        ({"weeks": 1}, "not permitted"),
    ],
)
def test_mistakes(fields, words):
    with pytest.raises(ValidationError) as caught:
        node(**fields)
    assert caught.value.error_count() == 1
    assert words in str(caught.value)
