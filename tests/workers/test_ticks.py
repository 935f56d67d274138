"""Rings in proportion to what is due, bounded, in one statement."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings import load_settings
from db.counter import count_statements
from db.queries.maintenance import DueWork
from jobs.runs import enqueue
from tests.drain import drain
from tests.factories import make_contacts, make_tenant
from tests.jobs.journeys.journeys import WELCOME, apply_journey, enroll
from workers.bell import waiting
from workers.broker import make_broker
from workers.queues import ENROLLMENT, IMPORTS, JOURNEYS
from workers.ticks import Ticker, useful_rings

PLAIN = load_settings(database_url="postgresql://nowhere/x")
kinds = st.sampled_from([None, "enroll_contacts", "brew_coffee"])


@given(
    st.lists(
        st.builds(
            DueWork,
            st.sampled_from(["steps", "messages", "webhooks", "runs", "firings"]),
            kinds,
            st.integers(0, 10**6),
        )
    )
)
def test_rings_are_bounded_and_never_none_where_work_waits(due):
    useful = useful_rings(due, PLAIN)

    assert all(1 <= times <= PLAIN.max_rings for times in useful.values())
    assert bool(useful) == any(work.due for work in due)


@given(st.integers(0, 20_000))
def test_one_ring_for_each_batch(steps):
    times = useful_rings([DueWork("steps", None, steps)], PLAIN).get(JOURNEYS, 0)

    assert times == min(math.ceil(steps / PLAIN.batch_size), PLAIN.max_rings)


@pytest.fixture
def small(settings):
    return settings.model_copy(update={"batch_size": 10, "max_rings": 4})


@pytest.mark.parametrize(("steps", "rings"), [(0, 0), (1, 1), (25, 3), (1000, 4)])
def test_a_tick_rings_in_proportion(database, broker, small, execute, steps, rings):
    tenant_id = make_tenant(database)
    enrolled = apply_journey(database, tenant_id)
    if steps:
        enroll(database, tenant_id, enrolled, make_contacts(database, tenant_id, steps))
    ticker = Ticker(database, broker, small)

    with count_statements() as counted:
        ticker.tick()
        ticker.tick()  # what waits already is of use still

    assert counted.statements == 2
    assert waiting(broker, JOURNEYS) == rings


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE tenants SET status = 'SUSPENDED'",
        "UPDATE journeys SET status = 'PAUSED'",
        "UPDATE pending_executions SET scheduled_at = now() + interval '1 min'",
        "UPDATE pending_executions SET state = 'WAITING'",
    ],
)
def test_nothing_is_rung_for_what_may_not_run(database, broker, small, execute, change):
    tenant_id = make_tenant(database)
    enroll(
        database,
        tenant_id,
        apply_journey(database, tenant_id),
        make_contacts(database, tenant_id, 25),
    )
    execute(change)

    assert Ticker(database, broker, small).tick() == {}


def test_a_tenants_paused_journey_does_not_hide_its_active_one(database, broker, small, execute):
    tenant_id = make_tenant(database)
    contacts = make_contacts(database, tenant_id, 100)
    enroll(database, tenant_id, apply_journey(database, tenant_id), contacts)
    execute("UPDATE journeys SET status = 'PAUSED'")
    other = apply_journey(database, tenant_id, WELCOME | {"journey": "other"})
    enroll(database, tenant_id, other, contacts[:5])

    assert Ticker(database, broker, small).tick() == {"journeys": 1}


def test_changed_contacts_are_rung_for_where_a_journey_has_exits(
    database, broker, settings, execute
):
    """Nothing is due: the contact waits for days."""
    tenant_id = make_tenant(database)
    raw = WELCOME | {"exit": [{"field": "status", "op": "eq", "value": "LOST"}]}
    enroll(
        database,
        tenant_id,
        apply_journey(database, tenant_id, raw),
        make_contacts(database, tenant_id, 2),
    )
    execute("UPDATE pending_executions SET scheduled_at = now() + interval '9 days'")
    ticker = Ticker(database, broker, settings)
    assert ticker.tick() == {}

    execute("UPDATE contacts SET status = 'LOST'")

    assert ticker.tick() == {"journeys": 1}
    drain(broker)
    assert execute("SELECT DISTINCT status FROM journey_contacts") == [("REMOVED",)]
    assert ticker.tick() == {}


def test_lost_messages_are_rung_for(database, broker, settings, execute):
    tenant_id = make_tenant(database)
    [contact] = make_contacts(database, tenant_id, 1)
    execute(
        "INSERT INTO messages (tenant_id, contact_id, to_number, body, status, lease_until)"
        " VALUES (%s, %s, '+15550000000', 'x', 'SENDING', now() - interval '1 s')",
        [tenant_id, contact],
    )

    assert Ticker(database, broker, settings).tick() == {"deliveries": 1}


def test_calls_are_rung_for_where_there_are_lines_free(database, broker, settings, execute):
    tenant_id = make_tenant(database)
    make_contacts(database, tenant_id, 30)
    execute("UPDATE tenants SET max_calls_at_once = 12")
    execute(
        "INSERT INTO call_queue (tenant_id, contact_id, to_number)"
        " SELECT tenant_id, id, phone_number FROM contacts"
    )
    ticker = Ticker(database, broker, settings.model_copy(update={"call_batch_size": 5}))

    assert ticker.tick() == {"calls": 3}

    broker.flush_all()
    execute(
        "UPDATE call_queue SET state = 'DIALING', lease_until = now() + interval '5 min'"
        " WHERE ctid IN (SELECT ctid FROM call_queue LIMIT 12)"
    )
    assert ticker.tick() == {}  # no line is free

    execute("UPDATE call_queue SET lease_until = now() WHERE state = 'DIALING'")
    assert ticker.tick() == {"calls": 3}  # twelve are overdue

    broker.flush_all()
    execute("UPDATE call_queue SET state = 'DONE' WHERE state = 'DIALING'")
    execute("UPDATE call_queue SET due_at = now() + interval '1 min'")
    assert ticker.tick() == {}


def test_runs_are_rung_for_by_their_queues(database, broker, settings, execute):
    tenant_id = make_tenant(database)
    with database.transaction() as connection:
        for _ in range(3):
            enqueue(connection, tenant_id, "enroll_contacts", {})
        enqueue(connection, tenant_id, "brew_coffee", {})
    ticker = Ticker(database, broker, settings)

    assert ticker.tick() == {"enrollment": 3, "imports": 1}

    execute("UPDATE job_runs SET state = 'running', lease_until = now() + interval '1 min'")
    broker.flush_all()
    assert ticker.tick() == {}

    execute("UPDATE job_runs SET lease_until = now() - interval '1 s'")
    ticker.tick()
    assert (waiting(broker, ENROLLMENT), waiting(broker, IMPORTS)) == (3, 1)


def test_a_wiped_redis_loses_nothing(database, broker, redis_client, settings, execute):
    tenant_id = make_tenant(database)
    contacts = make_contacts(database, tenant_id, 5)
    enroll(database, tenant_id, apply_journey(database, tenant_id), contacts)
    ticker = Ticker(database, broker, settings)
    ticker.tick()

    redis_client.flushall()
    assert drain(broker) == []

    assert ticker.tick() == {"journeys": 1}
    drain(broker)
    assert execute("SELECT count(*) FROM messages") == [(5,)]


def test_a_broker_that_is_away_is_no_error(database, settings):
    away = make_broker(settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"}))
    tenant_id = make_tenant(database)
    enroll(
        database,
        tenant_id,
        apply_journey(database, tenant_id),
        make_contacts(database, tenant_id, 5),
    )

    assert Ticker(database, away, settings).tick() == {}


def test_webhook_calls_are_rung_for_up_to_what_a_tenant_may_have_under_way(
    database, broker, settings, execute
):
    small = settings.model_copy(
        update={"webhook_concurrency": 10, "webhook_tenant_concurrency": 25}
    )
    tenant_id = make_tenant(database)
    enroll(
        database,
        tenant_id,
        apply_journey(database, tenant_id),
        make_contacts(database, tenant_id, 100),
    )
    execute("UPDATE pending_executions SET scheduled_at = now() + interval '1 day'")
    execute(
        "INSERT INTO webhook_calls (tenant_id, id, journey_id, journey_contact_id, execution_id,"
        " url, body, due_at)"
        " SELECT tenant_id, trunkline_uuid7(), journey_id, journey_contact_id, id, 'x', 'x', now()"
        " FROM pending_executions"
    )
    ticker = Ticker(database, broker, small)

    assert ticker.tick() == {"webhooks": 3}

    execute(
        "UPDATE webhook_calls SET lease_token = gen_random_uuid(),"
        " due_at = now() + interval '1 min' WHERE id IN (SELECT id FROM webhook_calls LIMIT 20)"
    )
    broker.flush_all()
    assert ticker.tick() == {"webhooks": 1}

    execute("UPDATE tenants SET status = 'SUSPENDED'")
    broker.flush_all()
    assert ticker.tick() == {}
