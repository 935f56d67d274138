from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest

from db.counter import count_statements
from jobs.journeys.batch import StepRunner
from jobs.journeys.signals import Signal, send_signals
from tests.jobs.journeys.journeys import enrolled, query

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
LATER = START + timedelta(minutes=5)

JOURNEY = {
    "journey": "ask",
    "start": "mark",
    "nodes": {
        "mark": {"type": "update_contact", "add_tags": ["asked"], "next": "wait"},
        "wait": {
            "type": "wait_for",
            "event": "reply",
            "next": "won",
            "timeout": "done",
            "hours": 1,
        },
        "won": {"type": "goal"},
        "done": {"type": "end"},
    },
}


def send(database, signals, now=LATER):
    with database.transaction() as connection:
        return send_signals(connection, signals, now)


def outcomes(database):
    return query(
        database,
        "SELECT x.outcome, count(*) FROM journey_node_executions x JOIN journey_nodes n"
        " ON n.id = x.node_id WHERE n.key = 'wait' GROUP BY 1 ORDER BY 1",
    )


@pytest.fixture
def waiting(database, settings):
    """(tenant_id, contact ids, runner): contacts that wait for a reply."""
    tenant_id, _ = enrolled(database, 10, raw=JOURNEY, at=START)
    runner = StepRunner(database, settings)
    assert runner.run_batch(START).claimed == 10
    contacts = [row[0] for row in query(database, "SELECT id FROM contacts ORDER BY phone_number")]
    return tenant_id, contacts, runner


def test_event_wakes_those_who_wait_for_it(database, waiting):
    tenant_id, contacts, runner = waiting
    signals = [
        Signal(tenant_id, contact, "reply", {"n": n}) for n, contact in enumerate(contacts[:4])
    ]

    assert send(database, signals) == 4
    assert runner.run_batch(LATER).claimed == 4
    assert outcomes(database) == [("reply", 4)]
    results = query(
        database,
        "SELECT result FROM journey_node_executions WHERE outcome = 'reply' ORDER BY result",
    )
    assert [result["n"] for (result,) in results] == [0, 1, 2, 3]

    while runner.run_batch(START + timedelta(hours=1)).claimed:
        pass
    assert outcomes(database) == [("reply", 4), ("timeout", 6)]
    assert query(database, "SELECT DISTINCT status FROM journey_contacts") == [("COMPLETED",)]


def test_first_event_stands_and_others_change_nothing(database, waiting):
    tenant_id, contacts, runner = waiting
    first = Signal(tenant_id, contacts[0], "reply", {"text": "first"})
    second = Signal(tenant_id, contacts[0], "reply", {"text": "second"})

    assert send(database, [first, second]) == 1
    assert send(database, [second]) == 0
    assert send(database, [Signal(tenant_id, contacts[1], "other", {})]) == 0
    assert send(database, [Signal(uuid4(), contacts[1], "reply", {})]) == 0
    runner.run_batch(LATER)
    assert query(
        database, "SELECT result FROM journey_node_executions WHERE outcome = 'reply'"
    ) == [({"text": "first"},)]


def test_event_for_a_paused_contact_is_kept_until_it_goes_on(database, waiting):
    tenant_id, contacts, runner = waiting
    query(database, "UPDATE journey_contacts SET status = 'PAUSED'")
    query(database, "UPDATE pending_executions SET state = 'HELD'")

    assert send(database, [Signal(tenant_id, contacts[0], "reply", {})]) == 1
    assert runner.run_batch(LATER).claimed == 0
    query(database, "UPDATE journey_contacts SET status = 'ACTIVE'")
    query(database, "UPDATE pending_executions SET state = 'DUE'")
    assert runner.run_batch(LATER).claimed == 1
    assert outcomes(database) == [("reply", 1)]


def test_any_number_of_events_is_one_statement_and_wakes_the_scheduler(database, settings, waiting):
    tenant_id, contacts, _ = waiting
    with psycopg.connect(settings.require("database_url"), autocommit=True) as listener:
        listener.execute("LISTEN trunkline")
        with count_statements() as count:
            send(database, [Signal(tenant_id, contact, "reply", {}) for contact in contacts])
        assert count.statements == 1
        assert [notice.payload for notice in listener.notifies(timeout=5, stop_after=1)] == [
            "journeys"
        ]
