"""One bad row is one bad row: it fails with its reason, and its batch goes on."""

import math
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from db.counter import count_statements
from db.queries.journeys.claims import claim_steps
from jobs.journeys.apply import apply
from jobs.journeys.batch import StepRunner
from jobs.journeys.decide import DecidedGroup, RetryPolicy
from jobs.journeys.decisions import Advance, Reschedule, UpdateContact
from tests.factories import set_rules
from tests.jobs.journeys.journeys import enrolled, query

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
SIZE = 5000
BROKEN_CHECK = 'new row for relation "contacts" violates check constraint "contacts_status_check"'
CLEAN_BATCH = 9  # statements, caches cold

POISON = {
    "journey": "poison",
    "start": "split",
    "nodes": {
        "split": {
            "type": "condition",
            "branches": [
                {"when": {"field": "attributes.do", "op": "eq", "value": "raise"}, "next": "sms"}
            ],
            "default": "mark",
        },
        "sms": {"type": "send_sms", "body": "{{ attributes.text }}", "next": "done"},
        "mark": {
            "type": "update_contact",
            "set": {"status": "{{ attributes.status or 'SEEN' }}"},
            "next": "coded",
        },
        "coded": {
            "type": "update_contact",
            # Postgres never keeps a character 0, so the template has to make one.
            "set": {"company": "{{ 'Nr\\x00' if attributes.code == 0 else 'Nr' }}"},
            "next": "done",
        },
        "done": {"type": "end"},
    },
}


@pytest.fixture
def runner(database, settings):
    update = {"batch_size": SIZE, "step_max_attempts": 1}
    return StepRunner(database, settings.model_copy(update=update))


def poison(database, *attributes):
    """Give the first contacts these attributes, in order of phone."""
    query(
        database,
        "UPDATE contacts c SET attributes = p.attributes FROM (SELECT c.id, a.attributes FROM"
        " unnest(%s::jsonb[]) WITH ORDINALITY a (attributes, n) JOIN (SELECT id, row_number()"
        " OVER (ORDER BY phone_number) n FROM contacts) c USING (n)) p WHERE p.id = c.id"
        "",
        [psycopg.types.json.Jsonb(value) for value in attributes],
    )


def move_to(database, poisoned):
    """Put each of the first contacts' steps at a node, all others at `mark`."""
    query(
        database,
        "UPDATE pending_executions p SET node_id = n.id FROM journey_nodes n, journey_contacts jc,"
        " (SELECT id, row_number() OVER (ORDER BY phone_number) n FROM contacts) c"
        " WHERE jc.id = p.journey_contact_id AND c.id = jc.contact_id AND"
        " n.key = coalesce((%s::text[])[c.n], 'mark')",
        poisoned,
    )


def test_three_poisonous_rows_of_5000_fail_alone(database, runner):
    enrolled(database, SIZE, raw=POISON, at=START)
    poison(database, {"text": " "}, {"status": "not a status"}, {"code": 0})
    move_to(database, ["sms", "mark", "coded"])

    outcome = runner.run_batch(START)

    assert (outcome.claimed, outcome.completed, outcome.failed) == (SIZE, SIZE - 3, 3)
    reasons = query(
        database,
        "SELECT n.key, x.error FROM journey_node_executions x JOIN journey_nodes n"
        " ON n.id = x.node_id WHERE x.status = 'FAILED' ORDER BY n.key DESC",
    )
    assert reasons == [
        ("sms", "ValueError: the message is empty for this contact"),
        ("mark", f"refused by the database: {BROKEN_CHECK}"),
        ("coded", "refused by the database: unsupported Unicode escape sequence"),
    ]
    assert query(
        database, "SELECT status, count(*) FROM journey_contacts GROUP BY 1 ORDER BY 1"
    ) == [("ACTIVE", SIZE - 3), ("FAILED", 3)]
    assert query(database, "SELECT count(*) FROM contacts WHERE status = 'SEEN'") == [(SIZE - 3,)]
    refused = 2
    halvings = 2 * refused * math.ceil(math.log2(SIZE)) + 1
    assert outcome.statements <= CLEAN_BATCH + 4 * halvings
    assert query(database, "SELECT status, failed FROM batch_runs") == [("SPLIT", 3)]


def test_step_that_raises_is_tried_again_later_then_fails(database, settings):
    update = {"step_max_attempts": 3, "step_backoff_s": 10}
    runner = StepRunner(database, settings.model_copy(update=update))
    enrolled(database, 2, raw=POISON, node="sms", at=START)
    poison(database, {"text": "hello"}, {"text": ""})

    first = runner.run_batch(START)
    assert (first.completed, first.rescheduled, first.messages) == (1, 1, 1)
    waiting = "SELECT attempts, scheduled_at, error FROM pending_executions WHERE attempts > 0"
    reason = "ValueError: the message is empty for this contact"
    assert query(database, waiting) == [(1, START + timedelta(seconds=10), reason)]

    second_try = START + timedelta(seconds=10)
    runner.run_batch(second_try)
    assert query(database, waiting) == [(2, second_try + timedelta(seconds=20), reason)]

    assert runner.run_batch(second_try + timedelta(seconds=20)).failed == 1
    assert query(
        database, "SELECT attempts, error FROM journey_node_executions WHERE status = 'FAILED'"
    ) == [(3, reason)]


def test_node_of_an_unknown_type_fails_its_own_steps(database, runner):
    enrolled(database, 2, raw=POISON, node="done", at=START)
    enrolled(database, 1, slug="other", raw=POISON, node="done", at=START)
    query(
        database,
        "UPDATE journey_nodes SET type = 'teleport' WHERE key = 'done' AND tenant_id ="
        " (SELECT id FROM tenants WHERE slug = 'other')",
    )

    outcome = runner.run_batch(START)

    assert (outcome.completed, outcome.failed) == (2, 1)
    ((error,),) = query(
        database, "SELECT error FROM journey_node_executions WHERE status = 'FAILED'"
    )
    assert "'done' can't be used" in error
    assert "teleport" in error


def test_what_is_no_rows_fault_rolls_the_batch_back(database, runner):
    enrolled(database, 3, raw=POISON, node="mark", at=START)
    query(database, "ALTER TABLE contacts RENAME TO hidden")

    with pytest.raises(psycopg.errors.UndefinedTable):
        runner.run_batch(START)

    query(database, "ALTER TABLE hidden RENAME TO contacts")
    assert runner.run_batch(START).completed == 3


def test_step_outside_opening_hours_waits_for_the_opening(database, runner):
    tenant_id, _ = enrolled(database, 2, node="hello", at=START)
    with database.transaction() as connection:
        set_rules(connection, tenant_id, weekdays=[2], opens_at="09:00", closes_at="17:00")

    outcome = runner.run_batch(START)  # a Monday

    assert (outcome.rescheduled, outcome.messages, outcome.more_due) == (2, 0, False)
    assert query(database, "SELECT DISTINCT scheduled_at, attempts FROM pending_executions") == [
        (datetime(2026, 3, 3, 14, tzinfo=UTC), 0)  # nine in New York on Tuesday
    ]
    assert runner.run_batch(datetime(2026, 3, 3, 14, tzinfo=UTC)).messages == 2


def test_text_that_no_driver_can_send_fails_its_own_step(database, runner):
    """Half an emoji, which a template can make."""
    enrolled(database, 2, raw=POISON, node="sms", at=START, attributes={"text": "fine"})
    half = {
        "journey": "half",
        "start": "sms",
        "nodes": {
            "sms": {"type": "send_sms", "body": "Hi {{ '\\ud83d' }}", "next": "done"},
            "done": {"type": "end"},
        },
    }
    enrolled(database, 1, slug="other", raw=half, at=START)

    outcome = runner.run_batch(START)

    assert (outcome.completed, outcome.failed, outcome.messages) == (2, 1, 2)


def test_missing_partition_is_no_rows_fault(database, runner):
    """Nothing is lost, and the batch isn't halved in vain."""
    enrolled(database, 64, raw=POISON, node="mark", at=START)
    ((name,),) = query(
        database,
        "SELECT to_char(now() AT TIME ZONE 'UTC', '\"journey_node_executions_\"YYYY_MM')",
    )
    query(database, f"ALTER TABLE journey_node_executions DETACH PARTITION {name}")
    with count_statements() as count, pytest.raises(psycopg.errors.CheckViolation):
        runner.run_batch(START)

    assert count.statements < 10
    query(database, f"DROP TABLE {name}")
    query(database, "SELECT trunkline_extend_partitions(0)")
    assert runner.run_batch(START).completed == 64


def test_enrollment_paused_during_its_last_step_is_not_stranded(database):
    enrolled(database, 1, raw=POISON, node="done", at=START)
    with database.transaction() as connection:
        (step,) = claim_steps(connection, 10, START)
        query(database, "UPDATE journey_contacts SET status = 'PAUSED'")
        apply(connection, [DecidedGroup(Advance("end"), [step])], START)

    assert query(database, "SELECT status FROM journey_contacts") == [("COMPLETED",)]


def test_step_that_asks_and_waits_does_both_or_leaves_by_its_failure_branch(database):
    """What a waiting step asks for is done at once; where it is refused, the step has failed."""
    until = START + timedelta(days=1)
    leads_on = {"mark": {**POISON["nodes"]["mark"], "on_failure": "done"}}
    enrolled(database, 2, raw=POISON | {"nodes": POISON["nodes"] | leads_on}, node="mark", at=START)
    with database.transaction() as connection:
        first, second = claim_steps(connection, 10, START)
        ((done,),) = connection.execute(
            "SELECT id FROM journey_nodes WHERE key = 'done'"
        ).fetchall()
        groups = [
            DecidedGroup(
                Reschedule(
                    until, wait_key="answer", effects=(UpdateContact(fields={"status": status}),)
                ),
                [step],
                failure_node_id=done,
            )
            for step, status in [(first, "ASKED"), (second, "not a status")]
        ]
        apply(connection, groups, START)

    assert query(database, "SELECT status FROM contacts ORDER BY status") == [("ASKED",), ("NEW",)]
    assert query(
        database,
        "SELECT n.key, wait_key, scheduled_at FROM pending_executions p JOIN journey_nodes n"
        " ON n.id = p.node_id ORDER BY n.key",
    ) == [("done", None, START), ("mark", "answer", until)]
    with database.transaction() as connection:
        assert {step.wait_key for step in claim_steps(connection, 10, until)} == {None, "answer"}


def test_another_try_waits_for_the_same_answer(database):
    """Else the step would ask a second time for what it has asked for."""
    enrolled(database, 1, raw=POISON, node="mark", at=START)
    query(database, "UPDATE pending_executions SET wait_key = 'answer'")
    later = START + timedelta(seconds=10)
    with database.transaction() as connection:
        steps = claim_steps(connection, 10, START)
        retry = RetryPolicy(5, timedelta(seconds=10)).after(steps[0], "broken", START)
        apply(connection, [DecidedGroup(retry, steps)], START)

    assert query(
        database, "SELECT wait_key, scheduled_at, attempts, error FROM pending_executions"
    ) == [("answer", later, 1, "broken")]
