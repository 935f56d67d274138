from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from jobs.journeys.decisions import Hold, Reschedule
from jobs.journeys.rules import Allowed, ContactActivity, ExecutionRules, Reach, Skip, judge
from jobs.journeys.rules.activity import BUSY

NOON = datetime(2026, 3, 2, 17, tzinfo=UTC)
MINE, OTHER, THIRD = (UUID(int=n) for n in (1, 2, 3))
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def judged(seen, *, calls=False, **rules):
    reach = Reach.of(ExecutionRules(**rules), "UTC", "America/New_York")
    return judge(reach, seen, MINE, NOON, calls=calls)


NIGHT = datetime(2026, 3, 3, 2, tzinfo=UTC)  # nine in the evening in New York


def test_nothing_in_the_way():
    assert judged(ContactActivity()) == Allowed(NIGHT)


def test_unknown_activity_is_asked_for_again():
    assert judged(None) == Reschedule(NOON + timedelta(seconds=1), BUSY)


@pytest.mark.parametrize(("ago", "runs"), [(4 * MINUTE, False), (5 * MINUTE, True)])
def test_calls_keep_their_distance(ago, runs):
    seen = ContactActivity(called_at=NOON - ago)
    verdict = judged(seen, calls=True)
    if runs:
        assert verdict == Allowed(NIGHT)
    else:
        assert verdict == Reschedule(NOON + MINUTE, "called a moment ago")
    assert judged(ContactActivity(called_at=NOON - ago)) == Allowed(NIGHT)  # a message may go


def test_a_call_is_no_message_of_the_day():
    seen = ContactActivity(messages_today=3)
    assert judged(seen, calls=True, max_messages_per_day=3) == Allowed(NIGHT)
    assert judged(ContactActivity(messages_today=2), max_messages_per_day=3) == Allowed(NIGHT)
    assert judged(ContactActivity(messages_today=3), max_messages_per_day=3) == Reschedule(
        datetime(2026, 3, 3, 13, tzinfo=UTC), "the contact had its messages of the day: 3"
    )


def test_what_is_let_through_is_noted():
    seen = ContactActivity()
    judged(seen)
    judged(seen, calls=True)
    assert seen == ContactActivity(1, {MINE: NOON}, NOON)
    judged(seen, calls=True)  # put off
    assert seen == ContactActivity(1, {MINE: NOON}, NOON)


def test_the_latest_of_other_journeys_counts_and_no_journey_is_none():
    seen = ContactActivity(reached={OTHER: NOON - 30 * HOUR, THIRD: NOON - HOUR, MINE: NOON})
    verdict = judged(seen, resubmission="reschedule")
    assert verdict == Reschedule(NOON + 23 * HOUR, "reached from another journey lately")
    assert judged(seen, resubmission="skip") == Skip("reached from another journey lately")
    assert judged(seen, resubmission="pause") == Hold("reached from another journey lately")
    assert judged(ContactActivity(reached={None: NOON}), resubmission="skip") == Allowed(NIGHT)


def test_of_two_waits_the_longer_counts():
    seen = ContactActivity(1, {OTHER: NOON})
    verdict = judged(seen, resubmission="reschedule", max_messages_per_day=1)
    assert verdict == Reschedule(NOON + 24 * HOUR, "reached from another journey lately")


@pytest.mark.parametrize(
    ("rules", "message", "call"),
    [
        ({}, False, True),
        ({"call_gap": timedelta(0)}, False, False),
        ({"max_messages_per_day": 1, "call_gap": timedelta(0)}, True, False),
        ({"resubmission": "skip", "call_gap": timedelta(0)}, True, True),
    ],
)
def test_activity_is_asked_for_only_where_a_rule_reads_it(rules, message, call):
    laid_down = ExecutionRules(**rules)
    assert laid_down.need_activity(calls=False) is message
    assert laid_down.need_activity(calls=True) is call
