"""Who gets which steps, and what keeps a batch from touching them."""

import threading
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from db.engine import Database
from db.queries.journeys.claims import claim_steps
from db.queries.journeys.rows import Mark
from db.statements import statement
from jobs.journeys.batch import StepRunner
from tests.jobs.journeys.journeys import WELCOME, apply_journey, enroll, enrolled, query
from tests.waiting import wait_until

START = datetime(2026, 3, 2, 12, tzinfo=UTC)


def claimed_tenants(steps):
    counts = {}
    for step in steps:
        counts[step.tenant_id] = counts.get(step.tenant_id, 0) + 1
    return counts


def test_batch_is_shared_among_tenants(database):
    big, _ = enrolled(database, 500, slug="big", at=START)
    small, _ = enrolled(database, 20, slug="small", at=START + timedelta(seconds=1))
    with database.transaction() as connection:
        steps = claim_steps(connection, 100, START + timedelta(minutes=1))

    assert claimed_tenants(steps) == {big: 80, small: 20}


def test_places_that_others_have_no_use_for_are_shared_by_weight(database):
    """Steps that others hold, of paused journeys, or that are few."""
    heavy, _ = enrolled(database, 500, slug="heavy", at=START)
    light, _ = enrolled(database, 500, slug="light", at=START)
    query(database, "UPDATE tenants SET weight = 3 WHERE slug = 'heavy'")
    enrolled(database, 300, slug="paused", at=START)
    query(
        database,
        "UPDATE journeys SET status = 'PAUSED' WHERE tenant_id ="
        " (SELECT id FROM tenants WHERE slug = 'paused')",
    )
    few, _ = enrolled(database, 5, slug="few", at=START)
    busy, _ = enrolled(database, 50, slug="busy", at=START)
    with database.transaction() as other, database.transaction() as connection:
        held = other.execute(
            "SELECT id FROM pending_executions WHERE tenant_id = %s FOR UPDATE", [busy]
        ).fetchall()
        steps = claim_steps(connection, 105, START)

    assert len(held) == 50
    assert claimed_tenants(steps) == {heavy: 75, light: 25, few: 5}
    for tenant_id in (heavy, light):  # the earliest of each, none twice
        mine = sorted(step.id for step in steps if step.tenant_id == tenant_id)
        due = query(
            database,
            "SELECT id FROM pending_executions WHERE tenant_id = %s ORDER BY scheduled_at, id",
            tenant_id,
        )
        assert mine == [step for (step,) in due[: len(mine)]]


def test_no_tenant_is_left_out_for_another_that_has_more(database):
    """More tenants than places."""
    for n in range(12):
        enrolled(database, 30, slug=f"tenant-{n}", at=START)
    with database.transaction() as connection:
        steps = claim_steps(connection, 10, START)

    assert sorted(claimed_tenants(steps).values()) == [1] * 10


def test_more_is_due_where_a_tenant_could_have_had_more(database, settings):
    """However many others have little."""
    runner = StepRunner(database, settings.model_copy(update={"batch_size": 100}))
    enrolled(database, 500, slug="big", node="done", at=START)
    enrolled(database, 1, slug="small", node="done", at=START)
    outcome = runner.run_batch(START)

    assert (outcome.claimed, outcome.more_due) == (100, True)
    query(
        database,
        "DELETE FROM pending_executions WHERE id NOT IN (SELECT min(id) FROM pending_executions)",
    )
    assert runner.run_batch(START).more_due is False


def test_weights_divide_the_batch(database):
    heavy, _ = enrolled(database, 200, slug="heavy", at=START)
    light, _ = enrolled(database, 200, slug="light", at=START)
    query(database, "UPDATE tenants SET weight = 4 WHERE slug = 'heavy'")
    with database.transaction() as connection:
        steps = claim_steps(connection, 100, START)

    assert claimed_tenants(steps) == {heavy: 80, light: 20}


def test_claim_begins_at_the_mark(database):
    tenant_id, _ = enrolled(database, 30, at=START)
    ids = [step for (step,) in query(database, "SELECT id FROM pending_executions ORDER BY id")]
    with database.transaction() as connection:
        steps = claim_steps(connection, 5, START, [Mark(tenant_id, START, ids[20])])

    assert [step.id for step in steps] == ids[20:25]


def test_steps_before_the_mark_wait_a_second_at_most(database, settings):
    """Those of a batch that was rolled back, say."""
    enrolled(database, 30, raw=WELCOME, node="done", at=START)
    runner = StepRunner(database, settings.model_copy(update={"batch_size": 10}))
    later = START + timedelta(minutes=1)
    with database.transaction() as connection:
        held = claim_steps(connection, 10, later)
        assert runner.run_batch(later).claimed == 10

    seen = query(database, "SELECT id FROM pending_executions ORDER BY id")
    assert [step.id for step in held] == [step for (step,) in seen[:10]]
    assert runner.run_batch(later).claimed == 10
    assert runner.run_batch(later).claimed == 0
    wait_until(lambda: runner.run_batch(later).claimed == 10, timeout_s=2)


def test_two_workers_never_hold_the_same_step(database):
    enrolled(database, 100, at=START)
    with database.transaction() as first, database.transaction() as second:
        one = claim_steps(first, 60, START)
        other = claim_steps(second, 60, START)

    assert (len(one), len(other)) == (60, 40)
    assert not {step.id for step in one} & {step.id for step in other}


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE tenants SET status = 'SUSPENDED'",
        "UPDATE journeys SET status = 'PAUSED'",
        "UPDATE journeys SET status = 'ARCHIVED'",
        "UPDATE journey_contacts SET status = 'PAUSED'",
        "UPDATE journey_contacts SET status = 'REMOVED'",
        "UPDATE pending_executions SET state = 'HELD'",
    ],
)
def test_what_is_not_active_is_not_claimed(database, settings, change):
    enrolled(database, 3, at=START)
    runner = StepRunner(database, settings)
    query(database, change)

    assert runner.run_batch(START).claimed == 0


def test_runnable_steps_behind_a_paused_journey_are_found(database):
    tenant_id, _ = enrolled(database, 50, at=START)
    query(database, "UPDATE journeys SET status = 'PAUSED'")
    other = apply_journey(database, tenant_id, {**WELCOME, "journey": "other"})
    contacts = [row[0] for row in query(database, "SELECT id FROM contacts")]
    enroll(database, tenant_id, other, contacts, at=START + timedelta(seconds=1))
    with database.transaction() as connection:
        steps = claim_steps(connection, 10, START + timedelta(minutes=1))

    assert [step.journey_id for step in steps] == [other.id] * 10


@pytest.mark.parametrize(
    "change",
    ["UPDATE journeys SET status = 'PAUSED'", "UPDATE tenants SET status = 'SUSPENDED'"],
)
def test_pause_returns_after_the_batch_under_way_and_is_obeyed(database, settings, change):
    enrolled(database, 3, at=START)
    runner = StepRunner(database, settings)
    paused = threading.Thread(target=query, args=(database, change))
    with database.transaction() as connection:
        assert len(claim_steps(connection, 10, START)) == 3
        paused.start()
        wait_until(
            lambda: (
                query(
                    database,
                    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                    " AND datname = current_database()",
                )
                == [(1,)]
            )
        )
        assert runner.run_batch(START).claimed == 0
    paused.join()

    assert runner.run_batch(START).claimed == 0
    assert query(database, "SELECT count(*) FROM pending_executions") == [(3,)]


def test_frozen_worker_is_cut_off_and_its_steps_go_to_another(database, settings):
    enrolled(database, 3, at=START)
    frozen = Database(
        settings.model_copy(update={"idle_in_transaction_timeout_s": 0.2}), min_size=1, max_size=1
    )
    with (  # noqa: PT012 - what raises is the late use of a connection that was cut off
        pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout),
        frozen.transaction() as connection,
    ):
        assert len(claim_steps(connection, 10, START)) == 3
        runner = StepRunner(database, settings)
        wait_until(lambda: runner.run_batch(START).messages == 3)
        connection.execute("SELECT 1")
    frozen.close()


@pytest.mark.parametrize("known", [False, True])
def test_claim_walks_the_due_index_whatever_the_planner_knows(database, known):
    """Of fresh tables it knows nothing; of others it takes joins for narrower than they are.

    Steps must be looked up by index all the same, in order, and no more of them than are taken.
    """
    for n in range(20):
        enrolled(database, 100, slug=f"tenant-{n}", at=START)
    if known:
        query(database, "ANALYZE pending_executions, journey_contacts")
    with database.transaction() as connection:
        plan = connection.execute(
            "EXPLAIN " + statement("journeys/claim_steps"),
            {
                "batch_size": 100,
                "now": START,
                "mark_tenants": [],
                "mark_ats": [],
                "mark_ids": [],
            },
        ).fetchall()
    text = "\n".join(line for (line,) in plan)

    assert text.count("idx_pending_executions_due") == 3, text
    assert "journey_contacts_pkey" in text, text
    assert "Seq Scan on pending_executions" not in text
    assert "Seq Scan on journey_contacts" not in text
    assert "Sort Key: p" not in text, text
