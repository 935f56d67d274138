"""Conditions on calls and appointments, in a real database."""

from datetime import UTC, datetime, timedelta

import pytest

from db.counter import count_statements
from db.queries.journeys.past import load_appointments, load_calls
from db.queries.journeys.rows import AppointmentFacts, CallFacts
from jobs.journeys.batch import StepRunner
from jobs.journeys.leaving import run_leaving
from tests.factories import make_contacts, make_tenant
from tests.jobs.journeys.journeys import apply_journey, enroll, query

NOON = datetime(2026, 3, 2, 17, tzinfo=UTC)
DAY = timedelta(days=1)


def when(field, op, value=None):
    return {"when": {"field": field, "op": op, "value": value}, "next": "z"}


RAW = {
    "journey": "j",
    "start": "which",
    "nodes": {
        "which": {
            "type": "condition",
            "branches": [
                when("calls.last_disposition", "eq", "busy"),
                when("calls.answered", "ge", 2),
                when("appointments.status", "in", ["CONFIRMED", "SCHEDULED"]),
                when("appointments.last_status", "eq", "NO_SHOW"),
                when("calls.last_at", "lt", "2026-03-01"),
            ],
            "default": "z",
        },
        "z": {"type": "end"},
    },
}


@pytest.fixture
def runner(database, settings):
    return StepRunner(database, settings)


def call(database, contact_id, disposition, at=NOON - DAY, direction="outbound", seconds=0):
    query(
        database,
        "INSERT INTO call_logs (tenant_id, pbx, unique_id, linked_id, direction, from_number,"
        " to_number, disposition, started_at, created_at, billable_seconds)"
        " SELECT tenant_id, 'p', gen_random_uuid()::text, 'x', %s, phone_number, phone_number, %s,"
        " %s, %s, %s FROM contacts WHERE id = %s",
        *(direction, disposition, at, at, seconds, contact_id),
    )


def appoint(database, contact_id, status, at):
    query(
        database,
        "INSERT INTO appointments (tenant_id, contact_id, status, scheduled_at)"
        " SELECT tenant_id, id, %s, %s FROM contacts WHERE id = %s",
        *(status, at, contact_id),
    )


def test_each_contact_takes_the_branch_of_its_own_past(database, runner):
    tenant_id, other = make_tenant(database), make_tenant(database, "other")
    journey = apply_journey(database, tenant_id, RAW)
    contacts = make_contacts(database, tenant_id, 7)
    strangers = make_contacts(database, other, 7)  # of the same numbers
    busy, twice, expected, absent, long_ago, cancelled, _nothing = contacts
    call(database, busy, "ANSWERED", NOON - 2 * DAY)
    call(database, busy, "BUSY")
    for direction in ("inbound", "outbound"):
        call(database, twice, "ANSWERED", direction=direction)
    appoint(database, expected, "CONFIRMED", NOON + DAY)
    appoint(database, expected, "NO_SHOW", NOON - DAY)
    appoint(database, absent, "NO_SHOW", NOON - DAY)
    appoint(database, absent, "COMPLETED", NOON - 2 * DAY)
    call(database, long_ago, "NO ANSWER", NOON - 10 * DAY)
    appoint(database, cancelled, "CANCELLED", NOON + DAY)
    for stranger in strangers:
        call(database, stranger, "BUSY")
        appoint(database, stranger, "CONFIRMED", NOON + DAY)
    enroll(database, tenant_id, journey, contacts, at=NOON)

    runner.run_batch(NOON)

    took = dict(
        query(
            database,
            "SELECT jc.contact_id, x.outcome FROM journey_node_executions x"
            " JOIN journey_contacts jc ON jc.id = x.journey_contact_id",
        )
    )
    assert [took[contact] for contact in contacts] == [
        *("branch-1", "branch-2", "branch-3", "branch-4", "branch-5", "default", "default")
    ]


def test_all_that_is_known_of_a_contact(database):
    tenant_id = make_tenant(database)
    one, nobody = make_contacts(database, tenant_id, 2)
    call(database, one, "NO ANSWER", NOON - 2 * DAY)
    call(database, one, "ANSWERED", NOON - DAY, "inbound", 42)
    query(database, "UPDATE contacts SET last_call_outcome = 'no_answer' WHERE id = %s", one)
    for days, status in ((-3, "COMPLETED"), (-1, "NO_SHOW"), (1, "CANCELLED"), (2, "CONFIRMED")):
        appoint(database, one, status, NOON + days * DAY)
    keys = [(tenant_id, one), (tenant_id, nobody)]
    with database.transaction() as connection:
        calls = load_calls(connection, keys)
        appointments = load_appointments(connection, keys, NOON)
    assert calls == {
        keys[0]: CallFacts(2, 1, NOON - DAY, "inbound", "ANSWERED", "no_answer", 42),
        keys[1]: CallFacts(0, 0, None, None, None, None, None),
    }
    assert appointments == {
        keys[0]: AppointmentFacts(4, NOON + 2 * DAY, "CONFIRMED", NOON - DAY, "NO_SHOW"),
        keys[1]: AppointmentFacts(0, None, None, None, None),
    }


@pytest.mark.parametrize("size", [10, 300])
def test_they_cost_a_statement_each_and_only_where_a_node_looks(database, runner, size):
    tenant_id = make_tenant(database)
    contacts = make_contacts(database, tenant_id, size)
    enroll(database, tenant_id, apply_journey(database, tenant_id, RAW), contacts, at=NOON)
    looks = []
    for _ in range(2):
        with count_statements() as count:
            runner.run_batch(NOON)
        looks.append(sum("total." in text for text in count.texts))
    assert looks == [2, 0], count.texts


def test_a_goal_may_be_an_answered_call(database, runner, settings):
    tenant_id = make_tenant(database)
    contacts = make_contacts(database, tenant_id, 2)
    goal = {"field": "calls.last_disposition", "op": "eq", "value": "ANSWERED"}
    raw = {
        "journey": "j",
        "start": "wait",
        "goal": goal,
        "nodes": {"wait": {"type": "delay", "days": 3, "next": "z"}, "z": {"type": "end"}},
    }
    enroll(database, tenant_id, apply_journey(database, tenant_id, raw), contacts, at=NOON)
    runner.run_batch(NOON)
    call(database, contacts[0], "ANSWERED")
    # As its outcome does, which tells those who look for whom changes take out.
    query(database, "UPDATE contacts SET last_call_outcome = 'answered' WHERE id = %s", contacts[0])

    run_leaving(database, settings, NOON)

    assert query(
        database, "SELECT contact_id FROM journey_contacts WHERE status = 'COMPLETED'"
    ) == [(contacts[0],)]
    call(database, contacts[1], "ANSWERED")
    runner.run_batch(NOON + 3 * DAY)
    assert query(database, "SELECT count(*) FROM journey_contacts WHERE status = 'ACTIVE'") == [
        (0,)
    ]
