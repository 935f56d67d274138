from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from jobs.journeys.decisions import Advance, Reschedule
from jobs.journeys.nodes.delay import Delay
from tests.jobs.journeys.clocks import MINUTE, clocks, moments, slow_next_at_local, zones

NOW = datetime(2026, 3, 8, 6, 30, tzinfo=UTC)
parts = st.integers(0, 1000)


@given(parts, parts, parts, parts, st.timedeltas(timedelta(0), timedelta(days=2000)))
def test_contact_stays_from_when_it_came(seconds, minutes, hours, days, ago):
    total = seconds + 60 * (minutes + 60 * (hours + 24 * days))
    if not total:
        return
    node = Delay(seconds=seconds, minutes=minutes, hours=hours, days=days, next="x")
    due = NOW - ago + timedelta(seconds=total)
    decision = node.evaluate({"entered_at": NOW - ago}, NOW)
    assert decision == (Advance("next") if due <= NOW else Reschedule(due))
    assert node.due_at({}, NOW) == NOW + timedelta(seconds=total)


def test_the_moment_it_is_over_counts():
    node = Delay(seconds=1.5, next="x")
    entered = {"entered_at": NOW - timedelta(seconds=1.5)}
    assert node.evaluate(entered, NOW) == Advance("next")
    assert node.evaluate(entered, NOW - timedelta(microseconds=1)) == Reschedule(NOW)


@given(moments, st.integers(0, 3000), clocks, zones, moments)
def test_until_is_the_next_time_a_slow_clock_shows_it(entered_at, minutes, clock, zone, now):
    node = Delay(minutes=minutes, until=clock, next="x")
    due = slow_next_at_local(entered_at + minutes * MINUTE, clock, zone)
    decision = node.evaluate({"entered_at": entered_at, "zone": zone.key}, now)
    assert decision == (Advance("next") if due <= now else Reschedule(due))
    assert node.due_at({"zone": zone.key}, entered_at) == due


def test_until_alone_is_enough_and_needs_the_zone():
    node = Delay(until="09:00", next="x")
    assert node.inputs() == {"entered_at", "zone"}
    assert node.due_inputs() == {"zone"}
    assert Delay(days=1, next="x").due_inputs() == set()
    kathmandu = node.due_at({"zone": "Asia/Kathmandu"}, NOW)
    assert kathmandu == datetime(2026, 3, 9, 3, 15, tzinfo=UTC)


@pytest.mark.parametrize("until", [900, "9", "09:00Z", "25:00"])
def test_until_is_a_clocks_time(until):
    with pytest.raises(ValidationError):
        Delay(until=until, next="x")


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"days": 0},
        {"seconds": -1},
        {"seconds": -1, "days": 1},
        {"seconds": 1e-9},
        {"days": 3661},
        {"days": 3661, "until": "09:00"},
        {"days": 1e300},
        {"days": float("inf")},
        {"days": float("nan")},
        {"days": "soon"},
        {"weeks": 1},
    ],
)
def test_length_is_above_nothing_and_up_to_ten_years(fields):
    with pytest.raises(ValidationError) as caught:
        Delay(next="x", **fields)
    assert caught.value.error_count() == 1
