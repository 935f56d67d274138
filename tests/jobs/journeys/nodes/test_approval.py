from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from db.queries.approvals import WAIT_KEY, wait_key
from jobs.journeys.decisions import Advance, RequestApproval, Reschedule
from jobs.journeys.nodes.approval import Approval
from jobs.journeys.nodes.limited_wait import NEVER
from tests.jobs.journeys.steps import STEP

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=2)
EDGES = {"approved": "send", "rejected": "done"}
LIMITED = Approval(draft=" Hi {{ first_name }} ", expired="late", hours=2, **EDGES)
UNLIMITED = Approval(draft="Hi", edited="again", priority=9, assign_to="ann", **EDGES)


def facts(signal=None, waits_until=None):
    return {"first_name": "Ada", "signal": signal, "waits_until": waits_until}


def waits_until(node, step):
    return node.computed("review")["waits_until"](step, None, "UTC")


def test_it_asks_and_waits_from_that_moment_on():
    assert LIMITED.evaluate(facts(), NOW) == Reschedule(
        LATER, wait_key=WAIT_KEY, effects=(RequestApproval("Hi Ada", expires_at=LATER),)
    )
    assert UNLIMITED.evaluate(facts(), NOW) == Reschedule(
        NEVER, wait_key=WAIT_KEY, effects=(RequestApproval("Hi", 9, "ann", None),)
    )
    assert LIMITED.wait_key() is None  # it is looked at at once, and only then waits
    assert LIMITED.due_at({}, NOW) == NOW


def test_it_asks_once():
    early = LIMITED.evaluate(facts(waits_until=LATER), NOW)
    assert early == Reschedule(LATER, wait_key=WAIT_KEY)
    for now in (NOW, LATER):
        again = UNLIMITED.evaluate(facts(waits_until=NOW), now)
        assert again == Reschedule(NEVER, wait_key=WAIT_KEY)


def test_it_expires():
    assert LIMITED.evaluate(facts(waits_until=LATER), LATER) == Advance("expired")


@pytest.mark.parametrize(
    ("signal", "outcome", "result"),
    [
        ({"decision": "approved", "by": "Ann", "text": "Hi"}, "approved", ["by", "text"]),
        ({"decision": "edited", "by": "Ann", "text": "Ho"}, "edited", ["by", "text"]),
        ({"decision": "rejected", "by": "Ann", "text": None}, "rejected", ["by"]),
    ],
)
def test_a_decision_wins_even_when_the_time_is_over(signal, outcome, result):
    decision = LIMITED.evaluate(facts(signal, LATER), LATER + timedelta(days=1))
    assert decision == Advance(outcome, result={name: signal[name] for name in result})


def test_a_step_waits_only_where_it_has_asked():
    due = STEP._replace(now=NOW, scheduled_at=NOW - timedelta(days=1))
    assert waits_until(LIMITED, due) is None
    assert waits_until(LIMITED, due._replace(wait_key="reply")) is None
    assert waits_until(LIMITED, due._replace(wait_key=wait_key(1))) == NOW
    early = due._replace(wait_key=wait_key(1), scheduled_at=LATER)
    assert waits_until(LIMITED, early) == LATER


def test_edited_goes_where_approved_goes_unless_it_is_told():
    assert LIMITED.edges() == {
        "approved": "send", "edited": "send", "rejected": "done", "expired": "late"
    }  # fmt: skip
    assert UNLIMITED.edges() == {"approved": "send", "edited": "again", "rejected": "done"}


def test_an_empty_draft_is_put_before_nobody():
    node = Approval(draft=" {{ attributes.reply }} ", **EDGES)
    with pytest.raises(ValueError, match="the draft is empty for this contact"):
        node.evaluate({**facts(), "attributes.reply": None}, NOW)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"expired": "late"}, "give expired together with"),
        ({"hours": 1}, "give expired together with"),
        ({"draft": "{{ nam }}"}, "unknown field nam"),
        ({"priority": 101}, "less than or equal to 100"),
        ({"rejected": None}, "valid string"),
        ({"assign_to": ""}, "at least 1 character"),
    ],
)
def test_wrong_configs(fields, words):
    with pytest.raises(ValidationError, match=words) as error:
        Approval(**{"draft": "Hi", **EDGES, **fields})
    assert error.value.error_count() == 1
