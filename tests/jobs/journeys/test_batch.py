from datetime import UTC, datetime, timedelta

import pytest

from db.counter import count_statements
from jobs.journeys.batch import StepRunner
from tests.factories import make_contacts
from tests.jobs.journeys.journeys import WELCOME, apply_journey, enroll, enrolled, query

START = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def runner(database, settings):
    return StepRunner(database, settings.model_copy(update={"batch_size": 5000}))


def test_contact_goes_the_whole_way(database, runner):
    enrolled(database, 1, at=START, first_name="Ada", last_name="L", attributes={"plan": "pro"})

    assert runner.run_batch(START).messages == 1
    assert runner.run_batch(START).claimed == 0  # the delay is not over
    later = START + timedelta(seconds=5)
    outcomes = [runner.run_batch(later) for _ in range(5)]

    assert [outcome.completed for outcome in outcomes] == [1, 1, 1, 1, 1]
    assert [outcome.more_due for outcome in outcomes] == [True, True, True, True, False]
    assert query(database, "SELECT body FROM messages ORDER BY created_at") == [
        ("Hi Ada!",),
        ("Bye L",),
    ]
    assert query(database, "SELECT status, tags, attributes FROM contacts") == [
        ("VIP", ["vip"], {"plan": "pro", "seen": True})
    ]
    assert query(database, "SELECT status, error FROM journey_contacts") == [("COMPLETED", None)]
    assert query(database, "SELECT count(*) FROM pending_executions") == [(0,)]
    assert query(
        database,
        "SELECT n.key, x.status, x.outcome, x.attempts, x.scheduled_at FROM"
        " journey_node_executions x JOIN journey_nodes n ON n.id = x.node_id ORDER BY x.created_at",
    ) == [
        ("hello", "COMPLETED", "next", 1, START),
        ("pause", "COMPLETED", "next", 1, later),
        ("which", "COMPLETED", "branch-1", 1, later),
        ("mark", "COMPLETED", "next", 1, later),
        ("bye", "COMPLETED", "next", 1, later),
        ("done", "COMPLETED", "end", 1, later),
    ]


@pytest.mark.parametrize("size", [100, 5000])
def test_batch_costs_the_same_statements_at_any_size(database, runner, size):
    """Every kind of change at once, caches cold: 9, and warm: 7."""
    nodes = ["hello", "pause", "mark", "which", "done"]
    journeys = {
        node: enrolled(database, size // 5, slug=node, node=node, at=START) for node in nodes
    }
    with count_statements() as count:
        outcome = runner.run_batch(START)

    assert outcome.claimed == size
    assert outcome.statements == count.statements  # the ledger's own line is not counted
    assert outcome.statements == 9, count.texts

    query(database, "DELETE FROM pending_executions")
    for node, (tenant_id, journey) in journeys.items():
        more = make_contacts(database, tenant_id, size // 5, start=size)
        enroll(database, tenant_id, journey, more, node=node, at=START)
    outcome = runner.run_batch(START)
    assert (outcome.claimed, outcome.statements) == (size, 7)


def test_same_contact_in_two_journeys_gets_both_updates(database, runner):
    raw = {
        "start": "mark",
        "nodes": {"mark": {**WELCOME["nodes"]["mark"], "next": "done"}, "done": {"type": "end"}},
    }
    first = {**raw, "journey": "one"}
    tenant_id, _ = enrolled(database, 1, raw=first, at=START)
    second = {**raw, "journey": "two"}
    second["nodes"] = {
        **raw["nodes"],
        "mark": {"type": "update_contact", "set": {"company": "X"}, "next": "done"},
    }
    contacts = [row[0] for row in query(database, "SELECT id FROM contacts")]
    enroll(database, tenant_id, apply_journey(database, tenant_id, second), contacts, at=START)

    assert runner.run_batch(START).completed == 2
    assert query(database, "SELECT status, company, tags FROM contacts") == [("VIP", "X", ["vip"])]
