from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import uuid4

from jobs.journeys.marks import LowWaterMarks

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
TENANT = uuid4()


def step(minutes_ago, number, tenant_id=TENANT):
    at = NOW - timedelta(minutes=minutes_ago)
    return SimpleNamespace(tenant_id=tenant_id, scheduled_at=at, id=number, now=NOW)


class Clock:
    now_s = 100.0

    def __call__(self):
        return self.now_s


def begun(clock):
    marks = LowWaterMarks(clock)
    assert marks.current() == []  # the first claim begins at the bottom
    return marks


def test_mark_is_the_last_step_taken():
    marks = begun(Clock())
    other = uuid4()
    marks.advance([step(9, 3), step(8, 1), step(8, 2), step(30, 7, other)])

    assert {mark.tenant_id: mark[1:] for mark in marks.current()} == {
        TENANT: (NOW - timedelta(minutes=8), 2),
        other: (NOW - timedelta(minutes=30), 7),
    }


def test_mark_stays_behind_the_clock():
    """A step that another batch makes due right now must not come to lie before it."""
    marks = begun(Clock())
    marks.advance([step(0, 5)])

    assert marks.current()[0][1:] == (NOW - timedelta(seconds=2), 0)


def test_once_a_second_a_claim_begins_at_the_bottom():
    clock = Clock()
    marks = begun(clock)
    marks.advance([step(9, 3)])
    clock.now_s += 0.9
    assert marks.current() != []
    clock.now_s += 0.2
    assert marks.current() == []


def test_nothing_claimed_moves_nothing():
    marks = begun(Clock())
    marks.advance([])

    assert marks.current() == []


def test_looks_from_the_bottom_cost_a_tenth_of_the_time_at_most():
    clock = Clock()
    marks = begun(clock)
    clock.now_s += 0.5  # an old snapshot is held: the look took long
    marks.advance([step(9, 3)])
    clock.now_s += 4.4
    assert marks.current() != []
    clock.now_s += 0.2
    assert marks.current() == []
    marks.advance([step(9, 3)])
    clock.now_s += 1
    assert marks.current() == []
