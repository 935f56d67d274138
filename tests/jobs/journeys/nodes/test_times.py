from datetime import UTC, datetime, time

import pytest
from hypothesis import given
from pydantic import TypeAdapter, ValidationError

from jobs.journeys.decisions import Advance, Reschedule
from jobs.journeys.nodes.times import LocalTime, Window, let_through, not_before
from jobs.journeys.zones import zone_named
from tests.jobs.journeys.clocks import moments, slow_first, zones
from tests.jobs.journeys.nodes.windows import slow_inside, windows


@given(moments, windows, zones)
def test_window_opens_when_a_slow_clock_says_so(now, raw, zone):
    opens = slow_first(now, lambda at: slow_inside(raw, at, zone))
    window = Window.model_validate(raw)
    assert not_before(now, window, zone, now) == opens
    assert let_through(now, window, zone, now) == (
        Advance("next") if opens == now else Reschedule(opens)
    )


def test_without_a_window_only_the_time_counts():
    early, late = datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC)
    assert let_through(late, None, zone_named("UTC"), early) == Reschedule(late)
    assert let_through(early, None, zone_named("UTC"), late) == Advance("next")
    assert not_before(early, None, zone_named("UTC"), late) == late


def test_window_is_kept_as_it_is_written():
    window = Window.model_validate({"from": "22:00", "to": "06:30", "weekdays": ["Sun", 1, "mon"]})
    assert window.weekdays == (1, 7)
    assert (window.opens_at, window.closes_at) == (time(22), time(6, 30))
    kept = window.model_dump(mode="json")
    assert kept == {"from": "22:00:00", "to": "06:30:00", "weekdays": [1, 7]}
    assert Window.model_validate(kept) == window


def test_window_may_end_at_the_end_of_the_day():
    evening = Window.model_validate({"from": "18:00", "to": "24:00"})
    assert evening == Window.model_validate({"from": "18:00"})
    with pytest.raises(ValidationError):
        Window.model_validate({"from": "24:00", "to": "06:00"})


def test_window_of_weekdays_is_their_whole_days():
    window = Window.model_validate({"weekdays": [3]})
    zone = zone_named("Asia/Kathmandu")
    sunday = datetime(2026, 3, 1, 12, tzinfo=UTC)
    wednesday = datetime(2026, 3, 4, tzinfo=zone).astimezone(UTC)
    assert not_before(sunday, window, zone, sunday) == wednesday
    last = datetime(2026, 3, 4, 23, 59, 59, tzinfo=zone)
    assert not_before(last, window, zone, last) == last


@pytest.mark.parametrize(
    "raw",
    [
        {"from": 9, "to": "17:00"},
        {"from": "09:00Z", "to": "17:00"},
        {"weekdays": []},
        {"weekdays": [0]},
        {"weekdays": [8]},
        {"weekdays": ["someday"]},
        {"weekdays": "mon"},
        {"until": "17:00"},
    ],
)
def test_mistakes(raw):
    with pytest.raises(ValidationError):
        Window.model_validate(raw)


@pytest.mark.parametrize("at", [900, 9.5, "900", "9 o'clock", "09:00Z", "25:00", None, True])
def test_time_is_a_clocks(at):
    with pytest.raises(ValidationError):
        TypeAdapter(LocalTime).validate_python(at)
