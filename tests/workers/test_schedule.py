"""Calendar firings: fenced, and caught up once."""

import threading
from datetime import UTC, datetime, timedelta

from jobs.runs import enqueue
from tests.drain import drain
from tests.factories import make_tenant
from workers.bell import ring, waiting
from workers.calendar import CalendarEntry
from workers.queues import ENROLLMENT, MAINTENANCE
from workers.schedule import Schedule, fire_due
from workers.ticks import Ticker

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
DAILY = (CalendarEntry("extend_partitions", "17 3 * * *", None),)


def test_two_leaders_at_once_insert_one_firing(database, execute):
    barrier = threading.Barrier(4)

    def lead():
        barrier.wait()
        fire_due(database, DAILY, {}, NOW)

    leaders = [threading.Thread(target=lead) for _ in range(4)]
    for leader in leaders:
        leader.start()
    for leader in leaders:
        leader.join()

    assert execute("SELECT schedule, fire_at FROM schedule_firings") == [
        ("extend_partitions", NOW.replace(hour=3, minute=17))
    ]


def test_missed_firings_are_caught_up_once(database, execute):
    fired = fire_due(database, DAILY, None, NOW - timedelta(days=10))
    later = fire_due(database, DAILY, None, NOW)

    assert len(execute("SELECT fire_at FROM schedule_firings")) == 2
    assert later["extend_partitions"] - fired["extend_partitions"] == timedelta(days=10)
    assert fire_due(database, DAILY, later, NOW) == later
    assert len(execute("SELECT fire_at FROM schedule_firings")) == 2


def test_a_firing_makes_the_partitions_that_are_missing(database, broker, execute):
    [(name,)] = execute(
        "SELECT max(inhrelid::regclass::text) FROM pg_inherits"
        " WHERE inhparent = 'journey_node_executions'::regclass"
    )
    execute(f"DROP TABLE {name}")
    fire_due(database, DAILY, None, NOW)
    ring(broker, MAINTENANCE)

    drain(broker)

    assert execute("SELECT result FROM schedule_firings") == [({"made": 1},)]
    assert execute("SELECT to_regclass(%s) IS NOT NULL", [name]) == [(True,)]


def test_whoever_leads_no_more_neither_fires_nor_rings(database, broker, settings, execute):
    tenant_id = make_tenant(database)
    with database.transaction() as connection:
        enqueue(connection, tenant_id, "enroll_contacts", {})
    leads = False
    ticker = Ticker(database, broker, settings, may_ring=lambda: leads)
    schedule = Schedule(database, ticker, settings, DAILY, leads=lambda: leads)
    schedule._scheduler.start(paused=True)

    schedule._fire()
    schedule._tick()
    assert ticker.tick() == {}  # even if the look was begun in time

    assert execute("SELECT fire_at FROM schedule_firings") == []
    assert waiting(broker, ENROLLMENT) == 0
    leads = True
    schedule._fire()
    schedule._tick()
    assert len(execute("SELECT fire_at FROM schedule_firings")) == 1
    assert waiting(broker, ENROLLMENT) == 1
    schedule.stop()
