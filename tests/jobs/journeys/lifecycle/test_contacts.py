"""Contacts removed, forbidden and paused while batches hold their steps."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from db.counter import count_statements
from jobs.journeys.batch import StepRunner
from jobs.journeys.lifecycle import contacts as lives
from jobs.journeys.lifecycle.journeys import pause_journey
from jobs.journeys.lifecycle.overdue import Overdue, OverdueError
from tests.factories import set_rules
from tests.jobs.journeys.journeys import WELCOME, apply_journey, enroll, enrolled, query
from tests.jobs.journeys.lifecycle.races import Stopped, during, states, statuses

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
CHANGES = {
    "removed": lives.remove_contacts,
    "do not contact": lives.forbid_contacts,
}


@pytest.fixture
def runner(database, settings):
    return StepRunner(database, settings)


def contact_ids(database):
    return [row[0] for row in query(database, "SELECT id FROM contacts ORDER BY id")]


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_message_of_the_batch_under_way_is_cancelled(database, runner, monkeypatch, change):
    tenant_id, _ = enrolled(database, 4, at=START)
    ids = contact_ids(database)
    with Stopped(runner, monkeypatch, now=START) as stopped:
        removed, outcome, waited = during(
            database, stopped, lambda: change(database, tenant_id, ids[:3])
        )

    assert (waited, outcome.messages) == (True, 4)
    assert removed == (3, 3, 3, 0)
    assert statuses(database) == {"CANCELLED": 3, "QUEUED": 1}
    assert statuses(database, "journey_contacts") == {"REMOVED": 3, "ACTIVE": 1}
    assert states(database) == {"DUE": 1}
    assert runner.run_batch(START + timedelta(days=1)).claimed == 1


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_batch_that_comes_during_the_change_never_queues(database, runner, monkeypatch, change):
    """The change has locked the steps and not committed: the batch passes them over."""
    tenant_id, _ = enrolled(database, 4, at=START)
    claimed = []
    remove = lives.queries.remove_enrollments

    def while_locked(*args, **kwargs):
        claimed.append(runner.run_batch(START).claimed)
        done = remove(*args, **kwargs)
        claimed.append(runner.run_batch(START).claimed)
        return done

    monkeypatch.setattr(lives.queries, "remove_enrollments", while_locked)
    assert change(database, tenant_id, contact_ids(database)) == (4, 4, 0, 0)
    assert claimed == [0, 0]
    assert (runner.run_batch(START).claimed, statuses(database)) == (0, {})


def test_who_enters_during_the_removal_keeps_its_call(database, runner, monkeypatch):
    """Its step would wait for ever for the outcome of a call that nobody makes."""
    call = {"type": "make_call", "next": "done"}
    raw = {"journey": "phone", "start": "call", "nodes": {"call": call, "done": {"type": "end"}}}
    tenant_id, journey = enrolled(database, 1, raw=raw | {"reentry": "many"}, at=START)
    with database.transaction() as connection:
        set_rules(
            connection, tenant_id, quiet_starts_at=None, quiet_ends_at=None, call_gap_minutes=0
        )
    runner.run_batch(START)
    ids = contact_ids(database)
    remove = lives.queries.remove_enrollments

    def enter_again(*args, **kwargs):
        query(
            database,
            "INSERT INTO journey_contacts"
            " (tenant_id, journey_id, contact_id, version, source, entry_no)"
            " VALUES (%s, %s, %s, 1, 'manual', 2)",
            tenant_id,
            journey.id,
            ids[0],
        )
        query(
            database,
            "INSERT INTO pending_executions"
            " (tenant_id, journey_id, journey_contact_id, node_id, scheduled_at, entered_at)"
            " SELECT c.tenant_id, c.journey_id, c.id, p.node_id, %s, %s FROM journey_contacts c,"
            " pending_executions p WHERE c.entry_no = 2",
            START,
            START,
        )
        assert runner.run_batch(START).rescheduled == 1
        return remove(*args, **kwargs)

    monkeypatch.setattr(lives.queries, "remove_enrollments", enter_again)
    lives.remove_contacts(database, tenant_id, ids)

    assert query(
        database,
        "SELECT c.entry_no, c.status, q.state FROM call_queue q"
        " JOIN journey_contacts c ON c.id = q.journey_contact_id ORDER BY 1",
    ) == [(1, "REMOVED", "CANCELLED"), (2, "ACTIVE", "QUEUED")]


def test_batches_and_removals_side_by_side_lose_nothing(database, settings):
    """Deadlocks raise here, and whoever is removed has neither a step nor a queued message."""
    tenant_id, _ = enrolled(database, 300, at=START)
    ids = contact_ids(database)
    runner = StepRunner(database, settings.model_copy(update={"batch_size": 40}))
    with ThreadPoolExecutor(6) as pool:
        batches = [pool.submit(runner.run_batch, START + timedelta(days=1)) for _ in range(40)]
        removals = [
            pool.submit(lives.remove_contacts, database, tenant_id, ids[n : n + 50])
            for n in range(0, 200, 40)
        ]
        for job in [*batches, *removals]:
            job.result(60)
    removed = [row[0] for row in query(database, "SELECT id FROM contacts ORDER BY id")][:210]
    assert query(
        database,
        "SELECT count(*) FROM messages WHERE status = 'QUEUED' AND contact_id = ANY(%s)",
        removed,
    ) == [(0,)]
    assert query(
        database,
        "SELECT count(*) FROM pending_executions p JOIN journey_contacts c"
        " ON c.id = p.journey_contact_id WHERE c.status <> 'ACTIVE' OR c.contact_id = ANY(%s)",
        removed,
    ) == [(0,)]


def test_removed_from_one_journey_only(database):
    tenant_id, journey = enrolled(database, 3, at=START)
    other = apply_journey(database, tenant_id, {**WELCOME, "journey": "other"})
    enroll(database, tenant_id, other, contact_ids(database), at=START)
    removed = lives.remove_contacts(
        database, tenant_id, contact_ids(database), journey.id, reason="asked to"
    )
    assert removed == (3, 3, 0, 0)
    assert (
        query(
            database,
            "SELECT journey_id, status, error, finished_at FROM journey_contacts ORDER BY id",
        )[3:]
        == [(other.id, "ACTIVE", None, None)] * 3
    )
    assert query(database, "SELECT DISTINCT error FROM journey_contacts WHERE status = 'REMOVED'")[
        0
    ] == ("asked to",)


def test_do_not_contact_is_kept_and_may_be_lifted(database, runner):
    tenant_id, _ = enrolled(database, 3, at=START)
    ids = contact_ids(database)
    lives.forbid_contacts(database, tenant_id, ids[:2])
    assert query(database, "SELECT count(*) FROM contacts WHERE do_not_contact") == [(2,)]
    assert lives.allow_contacts(database, tenant_id, ids) == 2
    assert statuses(database, "journey_contacts") == {"REMOVED": 2, "ACTIVE": 1}
    assert runner.run_batch(START).messages == 1


def test_pause_waits_for_the_batch_and_resume_brings_the_step_back(database, runner, monkeypatch):
    tenant_id, _ = enrolled(database, 3, at=START)
    ids = contact_ids(database)
    with Stopped(runner, monkeypatch, now=START) as stopped:
        paused, _, waited = during(
            database, stopped, lambda: lives.pause_contacts(database, tenant_id, ids[:2])
        )
    assert (paused, waited) == (2, True)
    assert states(database) == {"HELD": 2, "DUE": 1}
    later = START + timedelta(days=1)
    with pytest.raises(OverdueError, match="2 overdue steps"):
        lives.resume_contacts(database, tenant_id, ids, now=later)
    assert statuses(database, "journey_contacts") == {"PAUSED": 2, "ACTIVE": 1}
    resumed = lives.resume_contacts(
        database, tenant_id, ids, overdue=Overdue("spread", 10), now=later
    )
    assert (resumed.enrollments, resumed.overdue) == (2, 2)
    assert query(
        database, "SELECT scheduled_at FROM pending_executions ORDER BY scheduled_at OFFSET 1"
    ) == [(later,), (later + timedelta(minutes=5),)]
    assert states(database) == {"DUE": 3}


def test_a_contact_resumed_in_a_paused_journey_stays_held(database):
    tenant_id, _ = enrolled(database, 2, at=START)
    ids = contact_ids(database)
    lives.pause_contacts(database, tenant_id, ids)
    pause_journey(database, tenant_id, "welcome")
    lives.resume_contacts(database, tenant_id, ids, overdue=Overdue("run"))
    assert states(database) == {"HELD": 2}
    assert statuses(database, "journey_contacts") == {"ACTIVE": 2}


def test_statements_do_not_grow_with_the_contacts(database):
    figures = []
    for slug, count in (("small", 10), ("large", 2000)):
        tenant_id, _ = enrolled(database, count, slug=slug, at=START)
        ids = [
            row[0]
            for row in query(database, "SELECT id FROM contacts WHERE tenant_id = %s", tenant_id)
        ]
        with count_statements() as counted:
            lives.pause_contacts(database, tenant_id, ids)
            lives.resume_contacts(database, tenant_id, ids, overdue=Overdue("skip"))
            lives.forbid_contacts(database, tenant_id, ids)
        figures.append(counted.statements)
    assert figures == [9, 9]
