from collections import Counter
from datetime import UTC, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from jobs.journeys.decisions import Advance, Reschedule
from jobs.journeys.nodes.day import Day
from tests.jobs.journeys.clocks import MINUTE, clocks, moments, slow_at_local, slow_first, zones
from tests.jobs.journeys.nodes.windows import slow_inside, windows
from tests.jobs.journeys.steps import step_of


@given(st.integers(0, 400), clocks, moments, moments, zones)
def test_due_is_when_a_slow_clock_shows_it(day, clock, enrolled_at, now, zone):
    node = Day(day=day, at=clock, spread_minutes=0, next="x")
    facts = {"enrolled_at": enrolled_at, "zone": zone.key}
    due = slow_at_local(enrolled_at.astimezone(zone).date() + timedelta(days=day), clock, zone)
    assert node.evaluate(facts, now) == (Advance("next") if due <= now else Reschedule(due))
    assert node.due_at(facts, now) == max(now, due)


def test_day_is_the_contacts_own():
    enrolled_at = datetime(2026, 3, 2, 23, tzinfo=UTC)  # the 3rd already in Kathmandu
    facts = {"enrolled_at": enrolled_at, "zone": "Asia/Kathmandu"}
    due = Day(day=3, at=time(9), next="x").due_at(facts, enrolled_at)
    assert due == datetime(2026, 3, 6, 9, tzinfo=ZoneInfo("Asia/Kathmandu"))


def test_unknown_zone_is_an_error_of_that_contact():
    facts = {"enrolled_at": datetime(2026, 3, 2, tzinfo=UTC), "zone": "Narnia"}
    with pytest.raises(ValueError, match="Narnia"):
        Day(day=3, at=time(9), next="x").evaluate(facts, datetime.now(UTC))


def minutes(node, contact_id, key="day"):
    """The contact's own minute after ``at``."""
    return node.computed(key)["spread_minutes"](step_of(contact_id), None, "UTC")


def test_first_day_is_spread_evenly_over_two_hours():
    node = Day(day=1, at="09:00", next="x")
    counts = Counter(minutes(node, UUID(int=n)) for n in range(12_000))
    assert set(counts) == set(range(120))
    assert 50 < min(counts.values()) <= max(counts.values()) < 150
    enrolled_at = datetime(2026, 3, 2, 12, tzinfo=UTC)
    facts = {"enrolled_at": enrolled_at, "zone": "UTC", "spread_minutes": 119}
    assert node.due_at(facts, enrolled_at) == datetime(2026, 3, 3, 10, 59, tzinfo=UTC)


def test_contact_keeps_its_minute_and_another_node_gives_another():
    node = Day(day=5, at="09:00", spread_minutes=1440, next="x")
    same = [minutes(node, UUID(int=n)) for n in range(50)]
    assert [minutes(node, UUID(int=n)) for n in range(50)] == same
    assert [minutes(node, UUID(int=n), "other") for n in range(50)] != same


@pytest.mark.parametrize(
    ("day", "given_minutes", "spread"),
    [(0, None, 0), (1, None, 120), (2, None, 0), (1, 0, 0), (1, 30, 30), (9, 30, 30)],
)
def test_what_is_spread(day, given_minutes, spread):
    node = Day(day=day, at="09:00", spread_minutes=given_minutes, next="x")
    assert node.spread == spread
    assert ("spread_minutes" in node.inputs()) == ("spread_minutes" in node.due_inputs())
    assert ("spread_minutes" in node.inputs()) == bool(node.computed("x")) == bool(spread)


@given(st.integers(0, 3), clocks, st.integers(0, 200), moments, windows, zones)
def test_nobody_is_let_through_outside_the_window(day, clock, spread, enrolled_at, given_, zone):
    node = Day(day=day, at=clock, spread_minutes=1440, window=given_, next="x")
    facts = {"enrolled_at": enrolled_at, "zone": zone.key, "spread_minutes": spread}
    local_day = enrolled_at.astimezone(zone).date() + timedelta(days=day)
    due = slow_at_local(local_day, clock, zone) + spread * MINUTE
    now = enrolled_at + timedelta(days=2)
    opens = slow_first(max(due, now), lambda at: slow_inside(given_, at, zone))
    assert node.evaluate(facts, now) == (Advance("next") if opens <= now else Reschedule(opens))
    assert node.due_at(facts, now) == opens


@pytest.mark.parametrize("at", [900, 9.5, "900", "9 o'clock", "09:00Z", "25:00", None, True])
def test_time_is_a_clocks(at):
    with pytest.raises(ValidationError):
        Day(day=1, at=at, next="x")


@pytest.mark.parametrize("day", [-1, 3661, "x", 1.5])
def test_day_is_a_number_of_days(day):
    with pytest.raises(ValidationError):
        Day(day=day, at="09:00", next="x")
