"""Contacts in flight brought to the current version."""

from datetime import UTC, datetime, timedelta

import pytest

from db.counter import count_statements
from jobs.journeys.batch import StepRunner
from jobs.journeys.lifecycle.migration import migrate_journey
from tests.jobs.journeys.journeys import WELCOME, apply_journey, enroll, enrolled, query
from tests.jobs.journeys.lifecycle.races import Stopped, during

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
CHANGED = {
    **WELCOME,
    "nodes": {
        **{key: node for key, node in WELCOME["nodes"].items() if key not in ("hello", "mark")},
        "first": {"type": "send_sms", "body": "First", "next": "pause"},
        "which": {"type": "delay", "days": 1, "next": "bye"},
        "bye": {"type": "send_sms", "body": "New bye", "next": "done"},
    },
    "start": "first",
}
AT = (
    "SELECT n.key, n.version, c.version, count(*) FROM pending_executions p"
    " JOIN journey_contacts c ON c.id = p.journey_contact_id"
    " JOIN journey_nodes n ON n.id = p.node_id GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
)


@pytest.fixture
def runner(database, settings):
    return StepRunner(database, settings)


def test_whose_node_is_there_moves_and_the_rest_is_told(database, runner):
    tenant_id, journey = enrolled(database, 3, at=START, node="bye")
    ids = [row[0] for row in query(database, "SELECT id FROM contacts")]
    other = apply_journey(database, tenant_id, {**WELCOME, "journey": "other"})
    enroll(database, tenant_id, other, ids, at=START)
    query(
        database,
        "UPDATE pending_executions SET node_id ="
        " (SELECT id FROM journey_nodes WHERE key = 'mark' AND journey_id = %s)"
        " WHERE id = (SELECT min(id) FROM pending_executions WHERE journey_id = %s)",
        journey.id,
        journey.id,
    )
    apply_journey(database, tenant_id, CHANGED)
    assert migrate_journey(database, tenant_id, "welcome", 7).moved == 0
    done = migrate_journey(database, tenant_id, "welcome", 1)
    assert (done.version, done.moved, done.left) == (2, 2, [(1, "mark", 1, False)])
    assert query(database, AT) == [("bye", 2, 2, 2), ("hello", 1, 1, 3), ("mark", 1, 1, 1)]
    assert migrate_journey(database, tenant_id, "welcome").moved == 0
    runner.run_batch(START)
    assert query(database, "SELECT body, count(*) FROM messages GROUP BY body ORDER BY body")[
        1:
    ] == [("New bye", 2)]


def test_the_next_step_of_a_batch_under_way_moves_too(database, runner, monkeypatch):
    tenant_id, _ = enrolled(database, 3, at=START)
    apply_journey(database, tenant_id, {**WELCOME, "name": "Another"})
    with Stopped(runner, monkeypatch, now=START) as stopped:
        done, _, waited = during(
            database, stopped, lambda: migrate_journey(database, tenant_id, "welcome")
        )
    assert (waited, done.moved, done.left) == (True, 3, [])
    assert query(database, AT) == [("pause", 2, 2, 3)]


def test_another_type_of_node_does_not_wait_as_the_old_one_did(database, runner):
    tenant_id, _ = enrolled(database, 1, at=START, node="which")
    query(database, "UPDATE pending_executions SET wait_key = 'x', scheduled_at = 'infinity'")
    apply_journey(database, tenant_id, CHANGED)
    migrate_journey(database, tenant_id, "welcome")
    assert query(
        database, "SELECT wait_key, scheduled_at < now() + interval '1s' FROM pending_executions"
    ) == [(None, True)]
    assert runner.run_batch(datetime.now(UTC) + timedelta(seconds=1)).claimed == 1


@pytest.mark.parametrize("kind", ["make_call", "send_sms"])
def test_a_queued_call_is_made_only_where_its_node_still_calls(database, runner, kind):
    call = {"type": "make_call", "next": "done"}
    raw = {"journey": "welcome", "start": "call", "nodes": {"call": call, "done": {"type": "end"}}}
    tenant_id, _ = enrolled(database, 2, raw=raw, at=START)
    runner.run_batch(START)
    changed = {"type": "send_sms", "body": "Hi"} if kind == "send_sms" else {"ring_seconds": 20}
    apply_journey(
        database, tenant_id, raw | {"nodes": raw["nodes"] | {"call": {**call, **changed}}}
    )

    assert migrate_journey(database, tenant_id, "welcome").moved == 2

    left = "QUEUED" if kind == "make_call" else "CANCELLED"
    assert query(database, "SELECT state, count(*) FROM call_queue GROUP BY 1") == [(left, 2)]


def test_a_step_whose_version_was_not_loaded_is_tried_again(database, runner):
    """A claim may have read the version before and the node after a migration."""
    tenant_id, _ = enrolled(database, 1, at=START)
    apply_journey(database, tenant_id, CHANGED)
    query(
        database,
        "UPDATE pending_executions SET node_id ="
        " (SELECT id FROM journey_nodes WHERE version = 2 AND key = 'first')",
    )
    assert runner.run_batch(START).rescheduled == 1
    query(database, "UPDATE journey_contacts SET version = 2")
    assert runner.run_batch(START + timedelta(minutes=1)).messages == 1


def test_statements_do_not_grow_with_the_contacts(database):
    counts = []
    for slug, count in (("small", 5), ("large", 1000)):
        tenant_id, _ = enrolled(database, count, slug=slug, at=START, node="bye")
        apply_journey(database, tenant_id, CHANGED)
        with count_statements() as counted:
            migrate_journey(database, tenant_id, "welcome")
        counts.append(counted.statements)
    assert counts[0] == counts[1]


def test_a_step_that_a_batch_puts_off_meanwhile_moves_with_its_contact(
    database, runner, monkeypatch
):
    tenant_id, _ = enrolled(database, 3, node="pause", at=START)
    apply_journey(database, tenant_id, CHANGED)
    with Stopped(runner, monkeypatch, now=START) as stopped:
        done, outcome, waited = during(
            database, stopped, lambda: migrate_journey(database, tenant_id, "welcome", now=START)
        )
    assert (waited, outcome.rescheduled, done.moved) == (True, 3, 3)
    assert query(database, AT) == [("pause", 2, 2, 3)]
