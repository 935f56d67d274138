"""What a batch with every kind of change in it costs, at two sizes."""

from datetime import UTC, datetime, timedelta

import pytest

from jobs.journeys.batch import StepRunner
from tests.factories import make_contacts
from tests.jobs.journeys.journeys import WELCOME, apply_journey, enroll, enrolled, query
from tests.jobs.journeys.lifecycle.races import statuses

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
FIRST_KINDS = {"hello", "pause", "mark", "which", "fail", "end"}
JOURNEY = {
    "journey": "kinds",
    "start": "fork",
    "nodes": {
        "fork": {
            "type": "split",
            "branches": [
                {"weight": 1, "next": key, "name": key}
                for key in (
                    *("hello", "pause", "mark", "which", "join", "leave", "enter", "ask", "asked"),
                    *("score", "call", "fail"),
                )
            ],
        },
        "hello": {"type": "send_sms", "body": "Hi", "next": "end"},
        "pause": {"type": "delay", "hours": 9, "next": "end"},
        "mark": {"type": "update_contact", "add_tags": ["x"], "next": "end"},
        "which": {
            "type": "condition",
            "branches": [
                {"when": {"field": "results.fork.outcome", "op": "eq", "value": "x"}, "next": "end"}
            ],
            "default": "end",
        },
        "join": {"type": "add_to_campaign", "campaign": "A", "next": "end"},
        "leave": {"type": "remove_from_campaign", "campaign": "B", "next": "end"},
        "enter": {"type": "enroll", "journey": "welcome", "next": "end"},
        "ask": {"type": "approval", "draft": "Hi", "approved": "end", "rejected": "end"},
        "asked": {
            "type": "approval",
            "draft": "Hi",
            "hours": 1,
            "approved": "end",
            "rejected": "end",
            "expired": "end",
        },
        "score": {
            "type": "score_lead",
            "weights": {"recency": 1},
            "branches": [{"at_least": 0, "next": "end"}],
        },
        "call": {"type": "make_call", "next": "end"},
        "fail": {"type": "send_sms", "body": "{{ attributes.nothing }}", "next": "end"},
        "end": {"type": "end"},
    },
}
PLACES = [key for key in JOURNEY["nodes"] if key != "fork"]
FURTHER_KINDS = set(PLACES) - FIRST_KINDS


def fill(database, tenant_id, journey, count, *, start, at):
    """Contacts with a lead at every node, ``count`` at each."""
    for n, key in enumerate(PLACES):
        contacts = make_contacts(database, tenant_id, count, start=start + n * count)
        enroll(database, tenant_id, journey, contacts, node=key, at=at)
    query(
        database,
        "INSERT INTO leads (tenant_id, contact_id) SELECT tenant_id, id FROM contacts c"
        " WHERE NOT EXISTS (SELECT FROM leads l WHERE l.contact_id = c.id)",
    )


def hold_back(database, keys, state):
    query(
        database,
        "UPDATE pending_executions p SET state = %s FROM journey_nodes n"
        " WHERE n.id = p.node_id AND n.key = ANY (%s)",
        state,
        keys,
    )


@pytest.mark.parametrize("count", [9, 450])
def test_every_kind_of_change_in_one_batch(database, settings, count):
    runner = StepRunner(
        database, settings.model_copy(update={"batch_size": 6000, "step_max_attempts": 1})
    )
    tenant_id, _ = enrolled(database, 1, raw=WELCOME)
    query(database, "DELETE FROM pending_executions")
    journey = apply_journey(database, tenant_id, JOURNEY)
    others = [key for key in PLACES if key != "asked"]
    figures = []
    for n in range(2):
        now = START + timedelta(days=n)
        fill(database, tenant_id, journey, count, start=1 + n * count * len(PLACES), at=now)
        hold_back(database, others, "HELD")
        assert runner.run_batch(now).rescheduled == count  # those that have asked
        hold_back(database, others, "DUE")
        outcome = runner.run_batch(now + timedelta(hours=1))
        assert outcome.claimed == count * len(PLACES)
        assert (outcome.failed, outcome.rescheduled, outcome.messages) == (count, 3 * count, count)
        figures.append(outcome.statements)
        query(database, "DELETE FROM pending_executions")
    assert statuses(database, "response_approvals") == {
        "EXPIRED": 2 * count,
        "PENDING": 2 * count,
    }
    assert query(database, "SELECT count(*) FROM leads WHERE score IS NOT NULL") == [(2 * count,)]
    cold, warm = figures
    assert (cold, warm) == (18, 17)  # prices are asked for once
    assert warm <= 10 + 2 * len(FURTHER_KINDS)
