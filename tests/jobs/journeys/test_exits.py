"""Contacts that leave a journey by its own tests, wherever they stand."""

from datetime import UTC, datetime, timedelta

import pytest

from jobs.journeys.batch import StepRunner
from jobs.journeys.decisions import EXIT, GOAL
from jobs.journeys.definition import DefinitionError, check_definition
from jobs.journeys.exits import Exits, read_exits
from tests.jobs.journeys.journeys import WELCOME, apply_journey, enrolled, query

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
LEAVING = {
    **WELCOME,
    "exit": [
        {"field": "status", "op": "eq", "value": "LOST"},
        {"field": "tags", "op": "contains", "value": "stop"},
    ],
    "goal": {"field": "attributes.bought", "op": "eq", "value": True},
}


@pytest.fixture
def runner(database, settings):
    return StepRunner(database, settings)


def test_whoever_meets_a_test_leaves_before_the_step_does_anything(database, runner):
    enrolled(database, 4, raw=LEAVING, at=START)
    for n, change in enumerate(
        ("status = 'LOST'", "tags = '{stop}'", "attributes = '{\"bought\": true}'")
    ):
        query(database, f"UPDATE contacts SET {change} WHERE phone_number = '+1555000000{n}'")
    assert runner.run_batch(START).messages == 1
    assert query(
        database,
        "SELECT e.status, e.error FROM journey_contacts e JOIN contacts c ON c.id = e.contact_id"
        " ORDER BY c.phone_number",
    ) == [("REMOVED", EXIT), ("REMOVED", EXIT), ("COMPLETED", None), ("ACTIVE", None)]
    assert sorted(
        query(database, "SELECT outcome, status, result FROM journey_node_executions"),
        key=str,
    ) == sorted(
        [
            (EXIT, "SKIPPED", {"exit": 1}),
            (EXIT, "SKIPPED", {"exit": 2}),
            (GOAL, "SKIPPED", None),
            ("next", "COMPLETED", {"encoding": "GSM-7", "segments": 1}),
        ],
        key=str,
    )
    assert query(database, "SELECT count(*) FROM pending_executions") == [(1,)]


def test_in_the_middle_and_by_the_file_applied_last(database, runner):
    tenant_id, _ = enrolled(database, 2, at=START)
    runner.run_batch(START)
    apply_journey(database, tenant_id, LEAVING)
    query(database, "UPDATE contacts SET status = 'LOST' WHERE phone_number = '+15550000000'")
    runner.run_batch(START + timedelta(minutes=1))
    assert query(database, "SELECT status, version FROM journey_contacts ORDER BY status") == [
        ("ACTIVE", 1),
        ("REMOVED", 1),
    ]


def test_goal_before_exit_and_exits_in_order():
    exits = Exits.model_validate({name: LEAVING[name] for name in ("exit", "goal")})
    assert exits.facts() == {"status", "tags", "attributes.bought"}
    facts = {"status": "LOST", "tags": ["stop"], "attributes.bought": True}
    assert exits.leave(facts).outcome == GOAL
    assert exits.leave({**facts, "attributes.bought": False}).result == {"exit": 1}
    assert exits.leave({"status": "NEW", "tags": [], "attributes.bought": None}) is None
    assert read_exits(None) is None
    assert read_exits({"exit": None, "goal": LEAVING["goal"]}).exit == ()


def test_mistakes_in_exits_are_named():
    raw = {
        **WELCOME,
        "reentry": "twice",
        "exit": [{"field": "nickname", "op": "is_set"}],
        "goal": {"field": "status", "op": "near", "value": 1},
    }
    with pytest.raises(DefinitionError) as error:
        check_definition(raw)
    text = "\n".join(error.value.problems)
    assert "field 'reentry'" in text
    assert "field 'exit.0.field': unknown field 'nickname'" in text
    assert "field 'goal.op'" in text
