from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from jobs.journeys.decisions import Advance, Reschedule
from jobs.journeys.nodes.limited_wait import NEVER
from jobs.journeys.nodes.wait_for import WaitFor

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
LIMITED = WaitFor(event="reply", next="thank", timeout="nag", hours=2)
UNLIMITED = WaitFor(event="paid", next="thank")


def facts(entered_ago=timedelta(0), signal=None):
    return {"entered_at": NOW - entered_ago, "signal": signal}


def test_it_waits_for_the_event_until_the_time_is_over():
    assert LIMITED.evaluate(facts(), NOW) == Reschedule(NOW + timedelta(hours=2), wait_key="reply")
    assert UNLIMITED.evaluate(facts(timedelta(days=999)), NOW) == Reschedule(NEVER, wait_key="paid")
    assert LIMITED.due_at({}, NOW) == NOW + timedelta(hours=2)
    assert UNLIMITED.due_at({}, NOW) == NEVER


def test_the_event_wins_even_when_the_time_is_over():
    late = facts(timedelta(hours=3), {"text": "yes"})
    assert LIMITED.evaluate(late, NOW) == Advance("reply", result={"text": "yes"})
    assert LIMITED.evaluate(facts(timedelta(hours=3), {}), NOW) == Advance("reply", result={})


def test_without_the_event_it_times_out():
    assert LIMITED.evaluate(facts(timedelta(hours=2)), NOW) == Advance("timeout")


def test_edges():
    assert LIMITED.edges() == {"reply": "thank", "timeout": "nag"}
    assert UNLIMITED.edges() == {"paid": "thank"}
    assert (LIMITED.wait_key(), UNLIMITED.wait_key()) == ("reply", "paid")


@pytest.mark.parametrize(
    "fields",
    [
        {"event": "reply", "timeout": "nag"},
        {"event": "reply", "hours": 1},
        {"event": "timeout"},
        {"event": "failure"},
        {"event": "No spaces"},
        {"event": "order:"},
        {"event": "reply", "timeout": "nag", "days": 1e300},
    ],
)
def test_wrong_configs(fields):
    with pytest.raises(ValidationError) as error:
        WaitFor(next="x", **fields)
    assert error.value.error_count() == 1
