"""Drafts that journeys put before people, and take back."""

from datetime import UTC, datetime, timedelta

import pytest

from db.counter import count_statements
from db.queries.approvals import wait_key
from jobs.journeys.approvals import left
from jobs.journeys.batch import StepRunner
from jobs.journeys.decide import DecidedGroup
from jobs.journeys.decisions import GOAL, Advance, Fail, Hold, Reschedule
from jobs.journeys.leaving import run_leaving
from jobs.journeys.lifecycle import contacts as lives
from jobs.journeys.lifecycle.journeys import archive_journey, pause_journey, resume_journey
from jobs.journeys.lifecycle.migration import migrate_journey
from jobs.journeys.lifecycle.overdue import Overdue
from jobs.journeys.lifecycle.retiming import retime
from tests.factories import make_contacts
from tests.jobs.approvals.reviews import (
    JOURNEY,
    OVER,
    START,
    asked,
    decide,
    history,
    left_by,
    queued,
    requests,
)
from tests.jobs.journeys.journeys import apply_journey, enroll, enrolled, query
from tests.jobs.journeys.lifecycle.races import states, statuses
from tests.jobs.journeys.steps import STEP


@pytest.fixture
def runner(database, settings):
    return StepRunner(database, settings.model_copy(update={"batch_size": 5000}))


def contact_ids(database):
    return [row[0] for row in query(database, "SELECT id FROM contacts ORDER BY id")]


def changed(**fields):
    return {**JOURNEY, "nodes": {**JOURNEY["nodes"], "review": fields}}


def test_a_draft_is_put_before_people_once(database, runner):
    asked(database, runner, 2)
    query(  # what a retry or a command may do: the steps are looked at again before their time
        database, "UPDATE pending_executions SET wait_key = NULL, scheduled_at = %s", START
    )
    later = START + timedelta(hours=1)
    assert runner.run_batch(later).rescheduled == 2

    rows = query(
        database,
        "SELECT a.status, a.body, a.decided_body, a.decided_at, a.expires_at, a.created_at,"
        " q.priority, q.assigned_to, a.execution_id = p.id, a.journey_id = p.journey_id,"
        " a.journey_contact_id = p.journey_contact_id, p.scheduled_at"
        " FROM response_approvals a JOIN approval_queue q ON q.approval_id = a.id"
        " JOIN journey_contacts j ON j.contact_id = a.contact_id"
        " JOIN pending_executions p ON p.journey_contact_id = j.id",
    )
    over = later + timedelta(hours=4)
    assert (
        rows
        == [("PENDING", "Hi Ada", None, None, over, START, 3, "ann", True, True, True, over)] * 2
    )
    assert history(database) == [("requested", None, None, "Hi Ada")] * 2


def test_it_comes_with_the_lead_its_contact_brought_last(database, runner):
    tenant_id, _ = enrolled(database, 2, raw=JOURNEY, at=START, first_name="Ada")
    first, _ = contact_ids(database)
    for n, hours in enumerate((2, 1, 3)):
        query(
            database,
            "INSERT INTO leads (tenant_id, contact_id, category, scraped_at)"
            " VALUES (%s, %s, %s, %s)",
            tenant_id, first, str(n), START - timedelta(hours=hours),
        )  # fmt: skip
    runner.run_batch(START)
    assert query(
        database,
        "SELECT a.contact_id, l.category FROM response_approvals a"
        " LEFT JOIN leads l ON l.id = a.lead_id ORDER BY a.contact_id",
    ) == [(first, "1"), (contact_ids(database)[1], None)]


def test_what_nobody_decides_expires(database, runner):
    tenant_id, _ = asked(database, runner, 3)
    one, *_ = requests(database, tenant_id)
    decide(database, (tenant_id, one, "reject", "Ann"))
    assert runner.run_batch(OVER - timedelta(seconds=1)).claimed == 1
    while runner.run_batch(OVER).claimed:
        pass
    assert left_by(database) == {"expired": 2, "rejected": 1}
    assert statuses(database, "response_approvals") == {"EXPIRED": 2, "REJECTED": 1}
    assert history(database)[4:] == [("expired", None, "Hi Ada", None)] * 2
    assert queued(database) == []
    assert query(database, "SELECT count(*) FROM contacts WHERE tags = '{late}'") == [(2,)]
    assert statuses(database) == {}


def test_without_a_limit_it_waits_for_ever(database, runner):
    raw = changed(type="approval", draft="Hi", approved="send", rejected="no")
    del raw["nodes"]["late"]
    asked(database, runner, 1, raw=raw)
    assert query(database, "SELECT expires_at FROM response_approvals") == [(None,)]
    assert runner.run_batch(START + timedelta(days=3650)).claimed == 0
    query(database, "UPDATE pending_executions SET scheduled_at = %s", START)
    assert runner.run_batch(START).rescheduled == 1
    assert runner.run_batch(START).claimed == 0
    assert len(queued(database)) == 1


def test_a_draft_that_the_database_refuses_fails_alone(database, runner):
    enrolled(database, 4, raw=JOURNEY, at=START, first_name="Ada")
    query(
        database,
        "UPDATE contacts SET first_name = repeat('x', 1600) WHERE id = %s",
        contact_ids(database)[0],
    )
    outcome = runner.run_batch(START)
    assert (outcome.failed, outcome.rescheduled) == (1, 3)
    assert len(queued(database)) == 3
    ((error,),) = query(database, "SELECT error FROM journey_contacts WHERE status = 'FAILED'")
    assert "response_approvals_body_check" in error


@pytest.mark.parametrize("change", [lives.remove_contacts, lives.forbid_contacts])
def test_removing_contacts_takes_their_requests_back(database, runner, change):
    tenant_id, _ = asked(database, runner, 3)
    change(database, tenant_id, contact_ids(database)[:2])
    assert statuses(database, "response_approvals") == {"CANCELLED": 2, "PENDING": 1}
    assert history(database)[3:] == [("cancelled", None, "Hi Ada", None)] * 2
    assert len(queued(database)) == 1
    one, *_ = requests(database, tenant_id)
    (told,) = decide(database, (tenant_id, one, "approve", "Ann"))
    assert (told.changed, told.status) == (False, "CANCELLED")


def test_removal_costs_the_same_statements(database, runner):
    figures = []
    for slug, size in (("small", 10), ("large", 500)):
        tenant_id, _ = asked(database, runner, size, slug=slug)
        ids = [
            row[0]
            for row in query(database, "SELECT id FROM contacts WHERE tenant_id = %s", tenant_id)
        ]
        with count_statements() as count:
            lives.remove_contacts(database, tenant_id, ids)
        figures.append(count.statements)
    assert figures == [2, 2]
    assert queued(database) == []


def test_archiving_takes_requests_back_and_resuming_asks_anew(database, runner):
    tenant_id, _ = asked(database, runner, 3)
    one, *_ = requests(database, tenant_id)
    decide(database, (tenant_id, one, "approve", "Ann"), now=START)

    archive_journey(database, tenant_id, "reply")

    assert queued(database) == []
    assert statuses(database, "response_approvals") == {"APPROVED": 1, "CANCELLED": 2}
    assert states(database) == {"HELD": 3}
    resume_journey(database, tenant_id, "reply", Overdue("run"))
    now = datetime.now(UTC) + timedelta(seconds=1)
    outcome = runner.run_batch(now)
    assert (outcome.rescheduled, outcome.completed) == (2, 1)
    assert statuses(database, "response_approvals") == {
        "APPROVED": 1, "CANCELLED": 2, "PENDING": 2
    }  # fmt: skip
    assert len(queued(database)) == 2


def test_a_decision_on_a_paused_journey_is_followed_when_it_goes_on(database, runner):
    tenant_id, _ = asked(database, runner, 1)
    pause_journey(database, tenant_id, "reply")
    (one,) = requests(database, tenant_id)
    (told,) = decide(database, (tenant_id, one, "approve", "Ann"))
    assert told.changed
    assert runner.run_batch(OVER).claimed == 0
    resume_journey(database, tenant_id, "reply", Overdue("run"))
    runner.run_batch(OVER)
    assert left_by(database) == {"approved": 1}


def test_a_version_with_another_node_in_its_place_takes_the_request_back(database, runner):
    tenant_id, _ = asked(database, runner, 2)
    same = {**JOURNEY, "name": "Another name"}
    apply_journey(database, tenant_id, same)
    assert migrate_journey(database, tenant_id, "reply").moved == 2
    assert len(queued(database)) == 2

    other = changed(type="delay", days=1, next="send")
    other["nodes"] = {key: other["nodes"][key] for key in ("review", "send", "done")}
    apply_journey(database, tenant_id, other)
    assert migrate_journey(database, tenant_id, "reply").moved == 2
    assert queued(database) == []
    assert statuses(database, "response_approvals") == {"CANCELLED": 2}


def test_new_hours_do_not_move_what_has_asked_nor_keep_from_asking(database, runner):
    raw = changed(**{**JOURNEY["nodes"]["review"], "draft": "{{ zone }}"})
    tenant_id, journey = asked(database, runner, 1, raw=raw)
    enroll(database, tenant_id, journey, make_contacts(database, tenant_id, 1, start=9), at=START)
    assert retime(database, tenant_id, None, START) == 0
    assert query(database, "SELECT scheduled_at FROM pending_executions ORDER BY 1") == [
        (START,),
        (OVER,),
    ]


def test_who_leaves_by_an_exit_leaves_no_request(database, runner):
    raw = {**JOURNEY, "exit": [{"field": "status", "op": "eq", "value": "GONE"}]}
    asked(database, runner, 2, raw=raw)
    query(database, "UPDATE contacts SET status = 'GONE'")
    assert runner.run_batch(OVER).completed == 2
    assert statuses(database, "response_approvals") == {"CANCELLED": 2}
    assert queued(database) == []


def test_who_leaves_by_an_exit_while_waiting_leaves_no_request(database, runner, settings):
    raw = {**JOURNEY, "exit": [{"field": "status", "op": "eq", "value": "GONE"}]}
    asked(database, runner, 3, raw=raw)
    query(
        database,
        "UPDATE contacts SET status = 'GONE' WHERE id = ANY (%s)",
        contact_ids(database)[:2],
    )
    assert run_leaving(database, settings, START).left == 2
    assert statuses(database, "response_approvals") == {"CANCELLED": 2, "PENDING": 1}
    assert len(queued(database)) == 1


@pytest.mark.parametrize(
    ("decision", "status"),
    [
        (Advance("expired"), "EXPIRED"),
        (Advance(GOAL, "SKIPPED"), "CANCELLED"),
        (Fail("x"), "CANCELLED"),
        (Hold("x"), None),
        (Reschedule(START), None),
    ],
)
def test_which_steps_leave_undecided(decision, status):
    waiting = STEP._replace(wait_key=wait_key(1))
    group = DecidedGroup(decision, [waiting])
    found = left([(waiting, group), (STEP, group), (waiting._replace(signal={}), group)])
    assert [step.status for step in found] == ([status] if status else [])


@pytest.mark.parametrize("size", [100, 5000])
def test_asking_and_expiring_are_a_statement_each(database, runner, size):
    """A half whose time is over, a half that asks; caches are warm."""
    half = size // 2
    tenant_id, journey = asked(database, runner, half)
    more = make_contacts(database, tenant_id, half, start=half, first_name="Ben")
    enroll(database, tenant_id, journey, more, at=OVER)
    with count_statements() as count:
        outcome = runner.run_batch(OVER)
    assert (outcome.claimed, outcome.completed, outcome.rescheduled) == (size, half, half)
    assert outcome.statements == count.statements == 6, count.texts
    assert statuses(database, "response_approvals") == {"EXPIRED": half, "PENDING": half}
