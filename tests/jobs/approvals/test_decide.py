"""Decisions of people, on requests that journeys wait for."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

import psycopg
import pytest

import jobs.journeys.approvals as batch_side
from db.counter import count_statements
from jobs.approvals import ApprovalDecision, DecidedApproval, decide_approvals
from jobs.journeys.batch import StepRunner
from jobs.journeys.signals import Signal, send_signals
from jobs.runs import DefiniteError
from tests.factories import make_tenant
from tests.jobs.approvals.reviews import (
    OVER,
    START,
    asked,
    decide,
    history,
    left_by,
    queued,
    requests,
)
from tests.jobs.journeys.journeys import query
from tests.jobs.journeys.lifecycle.races import statuses, waiting
from tests.waiting import wait_until

SOON = START + timedelta(minutes=5)


@pytest.fixture
def runner(database, settings):
    return StepRunner(database, settings)


def run_on(runner, now):
    while runner.run_batch(now).claimed:
        pass


def test_decisions_lead_each_contact_down_its_branch(database, runner):
    tenant_id, _ = asked(database, runner, 4)
    approved, edited, rejected, pending = requests(database, tenant_id)

    told = decide(
        database,
        (tenant_id, approved, "approve", "Ann"),
        (tenant_id, edited, "edit", " Ben ", " Hello! "),
        (tenant_id, rejected, "reject", "Ann"),
        now=SOON,
    )

    assert told == [
        DecidedApproval(approved, True, "APPROVED", "Ann", SOON),
        DecidedApproval(edited, True, "EDITED", "Ben", SOON),
        DecidedApproval(rejected, True, "REJECTED", "Ann", SOON),
    ]
    assert queued(database) == [pending]
    assert history(database)[4:] == [
        ("approved", "Ann", "Hi Ada", "Hi Ada"),
        ("edited", "Ben", "Hi Ada", "Hello!"),
        ("rejected", "Ann", "Hi Ada", None),
    ]
    run_on(runner, SOON)
    assert left_by(database) == {"approved": 1, "edited": 1, "rejected": 1}
    assert query(database, "SELECT body FROM messages ORDER BY body") == [("Hello!",), ("Hi Ada",)]
    assert query(database, "SELECT count(*) FROM contacts WHERE tags = '{rejected}'") == [(1,)]
    results = query(
        database,
        "SELECT outcome, result FROM journey_node_executions WHERE outcome IN"
        " ('approved', 'edited', 'rejected') ORDER BY 1",
    )
    assert results == [
        ("approved", {"by": "Ann", "text": "Hi Ada"}),
        ("edited", {"by": "Ben", "text": "Hello!"}),
        ("rejected", {"by": "Ann"}),
    ]


def test_the_first_decision_stands_and_the_second_is_told(database, runner):
    tenant_id, _ = asked(database, runner, 1)
    (one,) = requests(database, tenant_id)

    first, second = decide(
        database, (tenant_id, one, "approve", "Ann"), (tenant_id, one, "reject", "Ben")
    )
    (third,) = decide(database, (tenant_id, one, "reject", "Eve"), now=SOON)

    assert first == DecidedApproval(one, True, "APPROVED", "Ann", START)
    assert second == third == DecidedApproval(one, False, "APPROVED", "Ann", START)
    assert [line[0] for line in history(database)] == ["requested", "approved"]


def test_two_people_at_once_decide_once(database, runner):
    tenant_id, _ = asked(database, runner, 20)
    ids = requests(database, tenant_id)

    def work(name):
        order = ids if name == "Ann" else ids[::-1]
        return decide(database, *((tenant_id, one, "approve", name) for one in order))

    with ThreadPoolExecutor(2) as pool:
        with database.transaction() as connection:  # both wait here, and go on together
            connection.execute("SELECT FROM pending_executions FOR UPDATE")
            jobs = [pool.submit(work, name) for name in ("Ann", "Ben")]
            wait_until(lambda: waiting(database) == 2)
        told = [outcome for job in jobs for outcome in job.result(60)]

    assert sum(outcome.changed for outcome in told) == 20
    by = dict(query(database, "SELECT id, decided_by FROM response_approvals"))
    assert {(o.approval_id, o.status, o.decided_by) for o in told} == {
        (one, "APPROVED", by[one]) for one in ids
    }
    assert query(database, "SELECT count(*) FROM approval_history") == [(40,)]
    run_on(runner, START)
    assert statuses(database) == {"QUEUED": 20}


def test_what_there_is_not_and_what_is_another_tenants(database, runner):
    tenant_id, _ = asked(database, runner, 1)
    (one,) = requests(database, tenant_id)
    other, nowhere = make_tenant(database, "other"), uuid4()

    told = decide(database, (other, one, "approve", "Ann"), (tenant_id, nowhere, "approve", "Ann"))

    assert told == [DecidedApproval(one, False, None), DecidedApproval(nowhere, False, None)]
    assert queued(database) == [one]
    assert decide(database) == []


def test_a_decision_during_the_batch_that_ends_its_time_comes_too_late(
    database, runner, monkeypatch
):
    """The batch has the steps and is about to close the requests; neither locks the other out."""
    tenant_id, _ = asked(database, runner, 2)
    ids = requests(database, tenant_id)
    about_to_close, go_on = threading.Event(), threading.Event()
    close = batch_side.queries.close_requests

    def stop_before(*given):
        about_to_close.set()
        assert go_on.wait(20)
        close(*given)

    monkeypatch.setattr(batch_side.queries, "close_requests", stop_before)
    with ThreadPoolExecutor(2) as pool:
        batch = pool.submit(runner.run_batch, OVER)
        assert about_to_close.wait(20)
        deciding = pool.submit(
            decide, database, *((tenant_id, one, "approve", "Ann") for one in ids)
        )
        wait_until(lambda: waiting(database))
        go_on.set()
        told, outcome = deciding.result(20), batch.result(20)
    assert outcome.completed == 2
    assert [(one.changed, one.status, one.decided_by) for one in told] == [
        (False, "EXPIRED", None)
    ] * 2
    assert left_by(database) == {"expired": 2}


def test_a_batch_passes_over_what_is_being_decided_and_then_follows_it(database, runner):
    tenant_id, _ = asked(database, runner, 2)
    one, _ = requests(database, tenant_id)
    with database.transaction() as connection:
        decide_approvals(connection, [ApprovalDecision(tenant_id, one, "approve", "Ann")], OVER)
        assert runner.run_batch(OVER).claimed == 1
    run_on(runner, OVER)
    assert left_by(database) == {"approved": 1, "expired": 1}
    assert statuses(database, "response_approvals") == {"APPROVED": 1, "EXPIRED": 1}


def test_only_the_step_that_asked_gets_the_decision(database, runner):
    """A contact may have drafts before people in several journeys, and wait for a reply."""
    tenant_id, _ = asked(database, runner, 1)
    query(
        database,
        "INSERT INTO journey_contacts"
        " (tenant_id, journey_id, contact_id, version, entry_no, source)"
        " SELECT tenant_id, journey_id, contact_id, version, 2, 'manual' FROM journey_contacts",
    )
    query(
        database,
        "INSERT INTO pending_executions (tenant_id, journey_id, journey_contact_id, node_id,"
        " scheduled_at, entered_at) SELECT tenant_id, journey_id, 2, node_id, %s, %s"
        " FROM pending_executions",
        START,
        START,
    )
    assert runner.run_batch(START).rescheduled == 1
    _, second = requests(database, tenant_id)
    decide(database, (tenant_id, second, "approve", "Ann"), now=SOON)
    assert query(
        database, "SELECT journey_contact_id FROM pending_executions WHERE signal IS NOT NULL"
    ) == [(2,)]
    with database.transaction() as connection:  # an event of a name like the state's is none
        ((contact_id,),) = connection.execute("SELECT id FROM contacts").fetchall()
        assert send_signals(connection, [Signal(tenant_id, contact_id, "approval", {})], SOON) == 0


def test_a_request_without_a_journey_can_be_decided(database, runner):
    tenant_id, _ = asked(database, runner, 1)
    query(
        database,
        "INSERT INTO response_approvals (tenant_id, contact_id, body)"
        " SELECT tenant_id, id, 'Hello' FROM contacts",
    )
    own = requests(database, tenant_id)[1]
    (told,) = decide(database, (tenant_id, own, "approve", "Ann"))
    assert told.changed
    assert runner.run_batch(START).claimed == 0
    assert history(database)[1:] == [
        ("requested", None, None, "Hello"),
        ("approved", "Ann", "Hello", "Hello"),
    ]


@pytest.mark.parametrize("size", [10, 300])
def test_any_number_is_three_statements_and_wakes_the_scheduler(database, settings, runner, size):
    tenant_id, _ = asked(database, runner, size)
    decisions = [(tenant_id, one, "approve", "Ann") for one in requests(database, tenant_id)]
    with psycopg.connect(settings.require("database_url"), autocommit=True) as listener:
        listener.execute("LISTEN trunkline")
        with count_statements() as count:
            told = decide(database, *decisions)
        assert sum(one.changed for one in told) == size
        assert count.statements == 3
        notices = listener.notifies(timeout=5, stop_after=1)
        assert [notice.payload for notice in notices] == ["journeys"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"by": " "}, "1 to 200 characters"),
        ({"by": "x" * 201}, "1 to 200 characters"),
        ({"action": "edit"}, "a text belongs to an edit"),
        ({"text": "Hi"}, "a text belongs to an edit"),
        ({"action": "edit", "text": " "}, "1 to 1,600 characters"),
        ({"action": "edit", "text": "secret" * 400}, "1 to 1,600 characters"),
        ({"action": "edit", "text": "a\x00"}, "no database keeps"),
        ({"by": "\ud800"}, "no database keeps"),
        ({"action": "burn"}, "'burn' is none of approve, edit, reject"),
    ],
)
def test_what_is_no_decision_decides_nothing(database, runner, fields, words):
    tenant_id, _ = asked(database, runner, 2)
    first, second = requests(database, tenant_id)
    good = ApprovalDecision(tenant_id, first, "approve", "Ann")
    bad = ApprovalDecision(
        **{
            "tenant_id": tenant_id,
            "approval_id": second,
            "action": "approve",
            "by": "Ann",
            **fields,
        }
    )
    with pytest.raises(DefiniteError, match=words) as error, database.transaction() as connection:
        decide_approvals(connection, [good, bad])
    assert str(error.value).startswith(f"decision 2, on approval {second}: ")
    assert "secret" not in str(error.value)
    assert queued(database) == [first, second]


def test_ids_that_are_nowhere_cost_no_more(database):
    with count_statements() as count:
        told = decide(database, (UUID(int=1), UUID(int=2), "reject", "Ann"))
    assert (told[0].status, count.statements) == (None, 2)
