"""Contacts that run in circles, and steps that fail with somewhere to go."""

from datetime import UTC, datetime, timedelta

import pytest

from db.counter import count_statements
from jobs.journeys.batch import StepRunner
from jobs.journeys.graph import on_cycles
from tests.jobs.journeys.journeys import enrolled, query

START = datetime(2026, 3, 2, 12, tzinfo=UTC)


def circle(seconds):
    return {
        "journey": "circle",
        "start": "mark",
        "nodes": {
            "mark": {"type": "update_contact", "add_tags": ["seen"], "next": "pause"},
            "pause": {"type": "delay", "seconds": seconds, "next": "mark"},
        },
    }


def failures(database):
    return query(
        database,
        "SELECT n.key, x.error, count(*) FROM journey_node_executions x"
        " JOIN journey_nodes n ON n.id = x.node_id WHERE x.status = 'FAILED' GROUP BY 1, 2",
    )


@pytest.fixture
def runner(database, settings):
    return StepRunner(database, settings)


def run_until(runner, seconds):
    """Run whatever comes due in so many seconds, a second at a time."""
    for second in range(seconds + 1):
        while runner.run_batch(START + timedelta(seconds=second)).claimed:
            pass


def test_nodes_on_a_cycle_are_known():
    edges = {"a": ["b"], "b": ["c", "d"], "c": ["b"], "d": ["d"], "e": ["a"]}

    assert on_cycles(edges) == {"b", "c", "d"}


def test_same_node_again_within_five_seconds_fails_the_contact(database, runner):
    enrolled(database, 3, raw=circle(2), at=START)
    run_until(runner, 10)

    assert failures(database) == [("mark", "loop: node 'mark' again within 5 seconds", 3)]
    assert query(database, "SELECT DISTINCT status FROM journey_contacts") == [("FAILED",)]


def test_slower_circle_goes_on_until_the_most_steps(database, settings):
    runner = StepRunner(database, settings.model_copy(update={"enrollment_max_steps": 6}))
    enrolled(database, 2, raw=circle(6), at=START)
    run_until(runner, 60)

    assert failures(database) == [("mark", "loop: more than 6 steps in one enrollment", 2)]
    assert query(database, "SELECT count(*) FROM journey_node_executions") == [(14,)]


def test_looking_for_loops_is_one_statement_and_only_on_cycles(database, runner):
    enrolled(database, 50, raw=circle(6), at=START)
    enrolled(database, 50, slug="plain", node="done", at=START)
    with count_statements() as count:
        assert runner.run_batch(START).claimed == 100

    looks = [text for text in count.texts if "journey_node_executions AS x" in text]
    assert len(looks) <= 1
    query(database, "DELETE FROM pending_executions")
    enrolled(database, 50, slug="other", node="done", at=START)
    with count_statements() as count:
        runner.run_batch(START)
    assert not [text for text in count.texts if "recent" in text]


FAILING = {
    "journey": "failing",
    "start": "sms",
    "nodes": {
        "sms": {
            "type": "send_sms",
            "body": "{{ attributes.text }}",
            "next": "done",
            "on_failure": "mark",
        },
        "mark": {
            "type": "update_contact",
            "set": {"status": "{{ attributes.status or 'UNREACHED' }}"},
            "next": "done",
            "on_failure": "done",
        },
        "done": {"type": "end"},
    },
}


def test_failed_step_leaves_by_its_failure_edge(database, settings):
    runner = StepRunner(database, settings.model_copy(update={"step_max_attempts": 1}))
    enrolled(database, 2, raw=FAILING, at=START)
    enrolled(database, 1, slug="b", raw=FAILING, at=START, attributes={"status": "refused here"})
    run_until(runner, 1)

    assert query(database, "SELECT DISTINCT status FROM journey_contacts") == [("COMPLETED",)]
    assert query(
        database,
        "SELECT n.key, x.status, x.outcome, count(*) FROM journey_node_executions x"
        " JOIN journey_nodes n ON n.id = x.node_id GROUP BY 1, 2, 3 ORDER BY 1, 2",
    ) == [
        ("done", "COMPLETED", "end", 3),
        ("mark", "COMPLETED", "next", 2),
        ("mark", "FAILED", "failure", 1),
        ("sms", "FAILED", "failure", 3),
    ]
