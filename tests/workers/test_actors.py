"""Actors on the real ledger, their messages processed in the test's own thread."""

from datetime import UTC, datetime

import structlog

from jobs.runs import enqueue
from tests.drain import drain
from tests.factories import make_contacts, make_tenant
from tests.jobs.journeys.journeys import apply_journey, enroll
from workers.bell import ring, waiting
from workers.calendar import ENTRIES
from workers.process import held_process
from workers.queues import DELIVERIES, ENROLLMENT, JOURNEYS, MAINTENANCE, QUEUES
from workers.schedule import fire_due
from workers.ticks import Ticker


def test_a_batch_of_steps_rings_for_the_messages_it_queued(broker, database, execute):
    tenant_id = make_tenant(database)
    journey = apply_journey(database, tenant_id)
    enroll(database, tenant_id, journey, make_contacts(database, tenant_id, 3))
    ring(broker, JOURNEYS)

    processed = drain(broker)

    assert processed[0] == "run_journeys"
    assert "run_deliveries" in processed
    assert execute("SELECT count(*) FROM messages WHERE status = 'QUEUED'") == [(3,)]


def test_a_batch_of_steps_rings_for_the_webhooks_it_asked_for(broker, database, execute):
    tenant_id = make_tenant(database)
    raw = {
        "journey": "hooked",
        "start": "hook",
        "nodes": {
            "hook": {"type": "webhook", "url": "http://127.0.0.1:1/", "next": "done"},
            "done": {"type": "end"},
        },
    }
    journey = apply_journey(database, tenant_id, raw)
    enroll(database, tenant_id, journey, make_contacts(database, tenant_id, 3))
    ring(broker, JOURNEYS)

    processed = drain(broker)

    assert processed.count("run_webhooks") == 1
    # A loopback address is refused: the answer is there, and the step due for the next tick.
    assert execute("SELECT count(*) FROM webhook_calls") == [(0,)]
    assert execute(
        "SELECT DISTINCT signal ->> 'outcome', scheduled_at <= now() FROM pending_executions"
    ) == [("refused", True)]


def test_follow_ups_are_rung_no_more_than_of_use(broker, settings):
    process = held_process()
    for _ in range(settings.max_rings + 3):
        process.ring(DELIVERIES)

    assert waiting(broker, DELIVERIES) == settings.max_rings


def test_rings_without_work_are_harmless(broker):
    for queue in QUEUES.values():
        ring(broker, queue, 2)

    assert len(drain(broker)) == 2 * len(QUEUES)


def test_a_run_of_an_unknown_kind_fails_instead_of_waiting_for_ever(
    broker, database, settings, execute
):
    tenant_id = make_tenant(database)
    with database.transaction() as connection:
        enqueue(connection, tenant_id, "brew_coffee", {})

    assert Ticker(database, broker, settings).tick() == {"imports": 1}
    drain(broker)

    assert execute("SELECT state, error FROM job_runs") == [
        ("failed", "unknown kind 'brew_coffee'")
    ]


def test_a_worker_told_to_stop_leaves_runs_in_the_ledger(broker, database, execute):
    tenant_id = make_tenant(database)
    with database.transaction() as connection:
        enqueue(connection, tenant_id, "enroll_contacts", {"journey": "none"})
    ring(broker, ENROLLMENT)

    broker.emit_before("worker_shutdown", None)
    drain(broker)

    assert execute("SELECT attempts, state FROM job_runs") == [(0, "queued")]


def test_a_named_run_is_taken_up(broker, database, execute):
    tenant_id = make_tenant(database)
    with database.transaction() as connection:
        run_id = enqueue(connection, tenant_id, "enroll_contacts", {"journey": "none"})

    broker.get_actor("run_enrollment").send(str(run_id))
    drain(broker)

    assert execute("SELECT attempts, state FROM job_runs") == [(1, "failed")]


def test_a_firing_is_worked_on_once(broker, database, settings, execute):
    fire_due(database, ENTRIES, None, datetime.now(UTC))

    assert Ticker(database, broker, settings).tick() == {"maintenance": len(ENTRIES)}
    ring(broker, MAINTENANCE, 2)
    drain(broker)

    firings = execute(
        "SELECT attempts, finished_at IS NOT NULL, result FROM schedule_firings ORDER BY schedule"
    )
    assert firings == [
        (1, True, {"sent": 0}),
        (1, True, {"made": 0}),
        (1, True, {"deleted": 0}),
        (1, True, {"retimed": 0}),
        (1, True, {"held": 0, "released": 0}),
        (1, True, {"deleted": 0}),
    ]


def test_messages_leave_a_line_with_their_figures(broker):
    ring(broker, JOURNEYS)

    with structlog.testing.capture_logs() as lines:
        drain(broker)

    [line] = [line for line in lines if line["event"] == "message_done"]
    assert line["statements"] == 2  # due steps, and changed contacts
    assert line["failed"] is False
    assert structlog.contextvars.get_contextvars() == {}
