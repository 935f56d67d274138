"""Contacts that leave while they wait, soon after whatever it was that changed them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from db.counter import count_statements
from jobs.journeys.batch import StepRunner
from jobs.journeys.decisions import EXIT, GOAL
from jobs.journeys.exits import Exits
from jobs.journeys.leaving import LeavingOutcome, run_leaving
from jobs.journeys.lifecycle import contacts as lives
from jobs.journeys.lifecycle.journeys import pause_journey, suspend_tenant
from tests.factories import make_contacts, make_tenant
from tests.jobs.journeys.journeys import WELCOME, apply_journey, enroll, enrolled, query
from tests.jobs.journeys.lifecycle.races import Stopped, during, statuses, waiting
from tests.waiting import wait_until

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
LATER = START + timedelta(minutes=1)
LONG = {
    "journey": "long",
    "start": "mark",
    "exit": [{"field": "status", "op": "eq", "value": "LOST"}],
    "goal": {"field": "attributes.bought", "op": "eq", "value": True},
    "nodes": {
        "mark": {"type": "update_contact", "add_tags": ["in"], "next": "month"},
        "month": {"type": "delay", "days": 30, "next": "done"},
        "done": {"type": "end"},
    },
}
LOSE = "UPDATE contacts SET status = 'LOST' WHERE phone_number = '+15550000000'"
BUY = "UPDATE contacts SET attributes = '{\"bought\": true}' WHERE phone_number = '+15550000001'"


@pytest.fixture
def runner(database, settings):
    return StepRunner(database, settings)


def leave(database, settings, now=LATER):
    """What all that is noted comes to: how many enrollments ended."""
    left = 0
    while (outcome := run_leaving(database, settings, now)).noted:
        left += outcome.left
    return left


def waiting_ones(database, count, *, slug="acme", raw=LONG):
    """Contacts who stand in the month's wait, with nothing noted."""
    tenant_id, journey = enrolled(database, count, slug=slug, raw=raw, node="month", at=START)
    query(
        database,
        "UPDATE pending_executions SET scheduled_at = %s WHERE tenant_id = %s",
        START + timedelta(days=30),
        tenant_id,
    )
    query(database, "DELETE FROM changed_contacts")
    return tenant_id, journey


def test_whoever_changed_them_they_leave_out_of_a_long_wait_once(database, settings):
    waiting_ones(database, 4)
    query(database, LOSE)
    query(database, BUY)
    query(database, "UPDATE contacts SET first_name = 'A' WHERE phone_number = '+15550000002'")

    assert leave(database, settings) == 2
    assert query(
        database,
        "SELECT e.status, e.error, e.finished_at FROM journey_contacts e"
        " JOIN contacts c ON c.id = e.contact_id ORDER BY c.phone_number",
    ) == [
        ("REMOVED", EXIT, LATER),
        ("COMPLETED", None, LATER),
        ("ACTIVE", None, None),
        ("ACTIVE", None, None),
    ]
    assert query(
        database,
        "SELECT x.status, x.outcome, x.result, x.scheduled_at, x.executed_at"
        " FROM journey_node_executions x ORDER BY x.outcome",
    ) == [
        ("SKIPPED", EXIT, {"exit": 1}, START + timedelta(days=30), LATER),
        ("SKIPPED", GOAL, None, START + timedelta(days=30), LATER),
    ]
    assert query(database, "SELECT count(*) FROM pending_executions") == [(2,)]
    assert query(database, "SELECT claimed, completed, late_ms FROM batch_runs") == [(2, 2, 0)]
    query(database, LOSE)
    assert leave(database, settings) == 0
    assert run_leaving(database, settings) == LeavingOutcome()


@pytest.mark.parametrize("hold", ["contact", "journey", "tenant", "rule"])
def test_paused_and_held_ones_leave_as_well(database, settings, hold):
    tenant_id, _ = waiting_ones(database, 2)
    ids = [row[0] for row in query(database, "SELECT id FROM contacts")]
    if hold == "contact":
        lives.pause_contacts(database, tenant_id, ids)
    elif hold == "journey":
        pause_journey(database, tenant_id, "long")
    elif hold == "tenant":
        suspend_tenant(database, tenant_id)
    else:
        query(database, "UPDATE pending_executions SET state = 'HELD', error = 'a rule'")
    query(database, LOSE)
    assert leave(database, settings) == 1
    assert statuses(database, "journey_contacts")["REMOVED"] == 1
    assert query(database, "SELECT count(*) FROM pending_executions") == [(1,)]


def test_a_batchs_own_update_takes_the_contact_out_of_the_wait_that_follows(
    database, settings, runner
):
    lost = {"type": "update_contact", "set": {"status": "LOST"}, "next": "month"}
    raw = {**LONG, "nodes": {**LONG["nodes"], "mark": lost}}
    enrolled(database, 3, raw=raw, at=START)
    assert runner.run_batch(START).completed == 3
    assert query(database, "SELECT count(*) FROM changed_contacts") == [(3,)]
    assert leave(database, settings) == 3
    assert statuses(database, "journey_contacts") == {"REMOVED": 3}


def test_a_result_that_the_exits_look_at_takes_the_contact_out_of_the_wait(
    database, settings, runner
):
    raw = {
        "journey": "long",
        "start": "hello",
        "exit": [{"field": "results.hello.segments", "op": "ge", "value": 2}],
        "nodes": {
            "hello": {"type": "send_sms", "body": "{{ first_name }}", "next": "quiet"},
            "quiet": {"type": "delay", "days": 30, "next": "done"},
            "done": {"type": "end"},
        },
    }
    tenant_id, journey = enrolled(database, 2, raw=raw, at=START, first_name="x" * 161)
    short = make_contacts(database, tenant_id, 2, start=2, first_name="x")
    enroll(database, tenant_id, journey, short, at=START)
    assert runner.run_batch(START).messages == 4
    assert leave(database, settings) == 2
    assert statuses(database, "journey_contacts") == {"REMOVED": 2, "ACTIVE": 2}
    # and journeys whose exits don't look at results pay nothing for it
    enrolled(database, 2, slug="other", raw={**raw, "exit": LONG["exit"]}, at=START, first_name="x")
    assert runner.run_batch(START).messages == 2
    assert query(database, "SELECT count(*) FROM changed_contacts") == [(0,)]


@pytest.mark.parametrize("change", [LOSE, BUY.replace("0001", "0000")], ids=["exit", "goal"])
def test_whoever_leaves_is_neither_messaged_nor_called(database, settings, runner, change):
    """Of the journey it left: what another journey has queued goes out."""
    raw = {
        **LONG,
        "start": "hello",
        "nodes": {
            "hello": {"type": "send_sms", "body": "Hi", "next": "call"},
            "call": {"type": "make_call", "next": "done"},
            "done": {"type": "end"},
        },
    }
    tenant_id, _ = enrolled(database, 2, raw=raw, at=START)
    query(database, "INSERT INTO dids (tenant_id, number) VALUES (%s, '+15559990000')", tenant_id)
    for _ in range(2):
        runner.run_batch(START)
    other = apply_journey(database, tenant_id, {**WELCOME, "journey": "other"})
    contacts = [row[0] for row in query(database, "SELECT id FROM contacts")]
    enroll(database, tenant_id, other, contacts, at=START)
    runner.run_batch(START)
    query(database, change)
    assert leave(database, settings) == 1

    assert query(
        database,
        "SELECT j.key, m.status, m.error, count(*) FROM messages m"
        " JOIN journeys j ON j.id = m.journey_id GROUP BY 1, 2, 3 ORDER BY 1, 2",
    ) == [
        ("long", "CANCELLED", "the contact left the journey", 1),
        ("long", "QUEUED", None, 1),
        ("other", "QUEUED", None, 2),
    ]
    assert query(database, "SELECT state, error FROM call_queue ORDER BY state") == [
        ("CANCELLED", "the contact left the journey"),
        ("QUEUED", None),
    ]


def test_appointments_and_calls_that_the_tests_look_at_take_contacts_out(database, settings):
    watching = {
        **LONG,
        "exit": [{"field": "calls.answered", "op": "ge", "value": 1}],
        "goal": {"field": "appointments.next_at", "op": "is_set"},
    }
    waiting_ones(database, 3, raw=watching)
    waiting_ones(database, 3, slug="other")  # whose tests look at neither
    query(
        database,
        "INSERT INTO appointments (tenant_id, contact_id, scheduled_at)"
        " SELECT tenant_id, id, now() + interval '1 day' FROM contacts"
        " WHERE phone_number = '+15550000000'",
    )
    query(
        database,
        "INSERT INTO call_logs (tenant_id, pbx, unique_id, linked_id, to_number, direction)"
        " SELECT tenant_id, 'pbx', id, id, phone_number, 'outbound' FROM contacts"
        " WHERE phone_number = '+15550000001'",
    )
    assert leave(database, settings, datetime.now(UTC)) == 1
    query(database, "UPDATE call_logs SET disposition = 'ANSWERED'")
    assert query(
        database, "SELECT t.slug FROM changed_contacts JOIN tenants t ON t.id = tenant_id"
    ) == [("acme",)]
    assert leave(database, settings, datetime.now(UTC)) == 1
    assert query(
        database,
        "SELECT c.phone_number, e.status FROM journey_contacts e"
        " JOIN contacts c ON c.id = e.contact_id WHERE e.status <> 'ACTIVE' ORDER BY 1",
    ) == [("+15550000000", "COMPLETED"), ("+15550000001", "REMOVED")]
    query(database, "UPDATE appointments SET notes = 'x'")
    query(database, "DELETE FROM appointments")
    assert query(database, "SELECT count(*) FROM changed_contacts") == [(2,)]


def test_a_file_with_other_exits_is_held_against_those_who_wait(database, settings, runner):
    plain = {name: value for name, value in LONG.items() if name not in {"exit", "goal"}}
    tenant_id, _ = waiting_ones(database, 2, raw=plain)
    query(database, LOSE)
    runner.run_batch(START)  # has the journey's nodes in its cache now
    assert query(database, "SELECT count(*) FROM changed_contacts") == [(0,)]
    apply_journey(database, tenant_id, LONG)
    assert query(database, "SELECT count(*) FROM changed_contacts") == [(2,)]
    assert leave(database, settings) == 1
    apply_journey(database, tenant_id, {**LONG, "name": "Another name"})
    assert query(database, "SELECT count(*) FROM changed_contacts") == [(0,)]
    assert statuses(database, "journey_contacts") == {"REMOVED": 1, "ACTIVE": 1}


def test_only_tenants_with_exits_note_anything(database):
    waiting_ones(database, 2)
    other = make_tenant(database, "other")
    apply_journey(database, other, WELCOME)
    make_contacts(database, other, 2)
    query(database, "UPDATE contacts SET first_name = 'A'")
    assert query(
        database, "SELECT t.slug, count(*) FROM changed_contacts JOIN tenants t ON t.id = tenant_id"
        " GROUP BY 1"
    ) == [("acme", 2)]  # fmt: skip
    query(database, "DELETE FROM changed_contacts")
    query(
        database,
        "INSERT INTO contacts (tenant_id, phone_number)"
        " SELECT tenant_id, phone_number FROM contacts"
        " ON CONFLICT (tenant_id, phone_number) DO UPDATE SET last_name = 'B'",
    )
    assert query(database, "SELECT count(*) FROM changed_contacts") == [(2,)]


def test_tenants_with_exits_are_found_by_their_index(database):
    tenant_id = make_tenant(database)
    query(
        database,
        "INSERT INTO journeys (tenant_id, key, name, version, definition)"
        " SELECT %s, n, n, 1, CASE n WHEN 7 THEN '{\"goal\": 1}' ELSE '{}' END::jsonb"
        " FROM generate_series(1, 3000) AS n",
        tenant_id,
    )
    query(database, "ANALYZE journeys")
    (body,) = query(
        database, "SELECT prosrc FROM pg_proc WHERE proname = 'trunkline_note_contacts'"
    )[0]
    asked = [part.split(")")[0] for part in body.split("SELECT ") if "FROM journeys" in part]
    assert len(asked) == 2
    for question in asked:
        plan = query(database, "EXPLAIN SELECT " + question)
        assert "idx_journeys_exits" in str(plan), plan


def test_the_batch_under_way_is_waited_for_and_nothing_is_lost(
    database, settings, runner, monkeypatch
):
    """The batch decided by what the contacts were; the step it puts in place is ended."""
    enrolled(database, 2, raw=LONG, at=START)
    with Stopped(runner, monkeypatch, now=START) as stopped, ThreadPoolExecutor(1) as pool:
        changed = pool.submit(query, database, LOSE)  # waits: the batch updates the contact
        wait_until(lambda: waiting(database) or changed.done())
        stopped.commit()
        changed.result(20)
    assert leave(database, settings) == 1
    assert statuses(database, "journey_contacts") == {"REMOVED": 1, "ACTIVE": 1}


def test_a_step_that_a_batch_moves_meanwhile_is_found_where_it_went(
    database, settings, runner, monkeypatch
):
    raw = {
        **LONG,
        "start": "which",
        "nodes": {
            **{key: node for key, node in LONG["nodes"].items() if key != "mark"},
            "which": {
                "type": "condition",
                "branches": [{"when": {"field": "tags", "op": "is_set"}, "next": "done"}],
                "default": "month",
            },
        },
    }
    enrolled(database, 2, raw=raw, at=START)
    with Stopped(runner, monkeypatch, now=START) as stopped:
        query(database, LOSE)  # the batch has decided by what was before
        left, outcome, waited = during(
            database, stopped, lambda: run_leaving(database, settings, LATER)
        )
    assert (waited, outcome.completed, left.left) == (True, 2, 1)
    assert query(
        database, "SELECT outcome, count(*) FROM journey_node_executions GROUP BY 1 ORDER BY 1"
    ) == [("default", 2), (EXIT, 1)]
    assert query(database, "SELECT count(*) FROM pending_executions") == [(1,)]


def test_many_at_once_end_each_enrollment_once(database, settings):
    """Batches, changes, removals and looks side by side: deadlocks would raise here."""
    raw = {
        **LONG,
        "nodes": {
            "mark": {"type": "update_contact", "add_tags": ["in"], "next": "again"},
            "again": {"type": "delay", "seconds": 1, "next": "mark"},
        },
    }
    tenant_id, _ = enrolled(database, 300, raw=raw, at=START)
    ids = [row[0] for row in query(database, "SELECT id FROM contacts ORDER BY id")]
    settings = settings.model_copy(update={"batch_size": 40})
    runner = StepRunner(database, settings)
    change = (  # in order, as whoever changes many contacts must
        "WITH locked AS (SELECT id FROM contacts WHERE id = ANY (%s) ORDER BY id FOR UPDATE)"
        " UPDATE contacts c SET status = 'LOST' FROM locked WHERE c.id = locked.id"
    )
    with ThreadPoolExecutor(6) as pool:
        jobs = [
            pool.submit(work)
            for n in range(0, 200, 20)
            for work in (
                lambda n=n: runner.run_batch(START + timedelta(days=n)),
                lambda n=n: query(database, change, ids[n : n + 20]),
                lambda: run_leaving(database, settings, LATER),
                lambda n=n: runner.run_batch(START + timedelta(days=n)),
                lambda n=n: lives.remove_contacts(database, tenant_id, ids[n + 90 : n + 100]),
                lambda: run_leaving(database, settings, LATER),
            )
        ]
        for job in jobs:
            job.result(60)
    leave(database, settings)
    lost = query(database, "SELECT count(*) FROM contacts WHERE status = 'LOST'")[0][0]
    assert lost == 200
    assert query(
        database,
        "SELECT DISTINCT e.status, p.id IS NULL FROM contacts c"
        " JOIN journey_contacts e ON e.contact_id = c.id"
        " LEFT JOIN pending_executions p ON p.journey_contact_id = e.id"
        " WHERE c.status = 'LOST' OR e.status <> 'ACTIVE'",
    ) == [("REMOVED", True)]
    assert query(
        database,
        "SELECT max(n) FROM (SELECT count(*) AS n FROM journey_node_executions"
        " WHERE outcome = %s GROUP BY journey_contact_id) x",
        EXIT,
    ) == [(1,)]


def test_one_that_can_not_be_looked_at_keeps_no_other(database, settings, monkeypatch):
    waiting_ones(database, 4)
    query(database, "UPDATE contacts SET status = 'LOST'")
    query(database, "UPDATE contacts SET status = 'BAD' WHERE phone_number LIKE '%%2'")
    leave_by = Exits.leave

    def raising(self, facts):
        if facts["status"] == "BAD":
            raise RuntimeError("no")
        return leave_by(self, facts)

    monkeypatch.setattr(Exits, "leave", raising)
    assert leave(database, settings) == 3
    assert statuses(database, "journey_contacts") == {"REMOVED": 3, "ACTIVE": 1}


def test_exits_that_others_have_spoiled_fail_their_journey_alone(database, settings, runner):
    tenant_id, journey = waiting_ones(database, 2)
    enrolled(database, 2, slug="other", raw=LONG, node="done", at=START)
    query(
        database,
        'UPDATE journeys SET definition = definition || \'{"exit": [{"field": "x"}]}\''
        " WHERE id = %s",
        journey.id,
    )
    query(database, LOSE)
    assert leave(database, settings) == 1  # the other tenant's
    query(
        database,
        "UPDATE pending_executions SET scheduled_at = %s WHERE tenant_id = %s",
        START,
        tenant_id,
    )
    outcome = runner.run_batch(START)
    assert (outcome.completed, outcome.failed) == (1, 2)
    errors = query(database, "SELECT DISTINCT error FROM journey_contacts WHERE status = 'FAILED'")
    assert "the journey's goal or exits can't be used" in errors[0][0]
    assert "exit.0" in errors[0][0]


def test_killed_in_the_middle_the_changes_are_noted_still(database, settings, monkeypatch):
    waiting_ones(database, 2)
    query(database, LOSE)
    with monkeypatch.context() as patch:
        patch.setattr(
            "jobs.journeys.leaving.apply", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
        )
        with pytest.raises(KeyboardInterrupt):
            run_leaving(database, settings, LATER)
    assert statuses(database, "journey_contacts") == {"ACTIVE": 2}
    assert leave(database, settings) == 1


def test_tenants_share_a_look_and_the_rest_is_told(database, settings):
    waiting_ones(database, 30, slug="big")
    waiting_ones(database, 2, slug="small")
    query(database, "UPDATE contacts SET status = 'LOST'")
    small = settings.model_copy(update={"batch_size": 10})
    assert run_leaving(database, small, LATER) == LeavingOutcome(7, 7, more=True)
    assert query(
        database,
        "SELECT t.slug, count(*) FROM journey_contacts e JOIN tenants t ON t.id = e.tenant_id"
        " WHERE e.status = 'REMOVED' GROUP BY 1 ORDER BY 1",
    ) == [("big", 5), ("small", 2)]
    assert leave(database, small) == 25


def test_statements_do_not_grow_with_the_changes(database, settings):
    counts = []
    for slug, count in (("little", 3), ("large", 900)):
        waiting_ones(database, count, slug=slug)
        query(database, "UPDATE contacts SET status = 'LOST'")
        query(database, "UPDATE contacts SET status = 'LOST'")
        with count_statements() as counted:
            assert run_leaving(database, settings.model_copy(update={"batch_size": 5000})).left
        counts.append(counted.statements)
    assert counts == [8, 8]
