"""Two real schedulers: one leads, the other takes over; news rings at once; stops are clean."""

import contextlib
import json
from time import monotonic

import psycopg
import pytest

from tests.acceptance.processes import PATIENCE_S, LoggingProcess
from tests.redis_keys import delete_keys
from tests.timing import quickest
from tests.waiting import wait_until
from workers.bell import waiting
from workers.broker import close_broker, make_broker
from workers.queues import ENROLLMENT

pytestmark = pytest.mark.acceptance


@pytest.fixture
def start(database_url, redis_settings):
    """Start ``python -m …`` on the test's own servers; whatever is left at the end is killed."""
    with contextlib.ExitStack() as stack:

        def run(*command, **settings):
            started = LoggingProcess(
                *command, **{"database_url": database_url} | redis_settings | settings
            )
            stack.callback(started.kill)
            return started

        yield run


@pytest.fixture
def psql(database_url):
    """An autocommit connection of another program."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def broker(settings, redis_settings):
    opened = make_broker(settings.model_copy(update=redis_settings))
    yield opened
    close_broker(opened)


@pytest.fixture
def tenant(psql):
    return psql.execute(
        "INSERT INTO tenants (slug, name, region, timezone) VALUES ('a', 'A', 'US', 'UTC')"
        " RETURNING id"
    ).fetchone()[0]


def enqueue(psql, tenant_id):
    psql.execute("SELECT trunkline_enqueue(%s, 'enroll_contacts', '{}')", [tenant_id])


def next_ring(broker):
    """Seconds until a message waits for enrollment; blocks on the queue itself."""
    started = monotonic()
    while not waiting(broker, ENROLLMENT):
        assert monotonic() - started < PATIENCE_S, f"nothing rang in {PATIENCE_S} s"
        broker.wait_for_message(ENROLLMENT.name, 1)
    return monotonic() - started


def waits_for_lock(psql):
    """Statements of schedulers' looks that wait for a lock."""
    return psql.execute(
        "SELECT FROM pg_stat_activity WHERE datname = current_database()"
        " AND wait_event_type = 'Lock' AND application_name LIKE 'trunkline-%'"
    ).fetchall()


def two_schedulers(start, **settings):
    """(leader, follower), both ready."""
    first = start("scheduler", **settings)
    first.wait_for("leading")
    second = start("scheduler", **settings)
    second.wait_for("following")
    return first, second


def test_the_other_rings_within_three_seconds_of_a_kill(
    start, broker, psql, tenant, record_property
):
    enqueue(psql, tenant)

    def failover_s():
        leader, follower = two_schedulers(start)
        next_ring(broker)
        broker.flush_all()
        killed = monotonic()
        leader.kill()
        follower.wait_for("leading")
        next_ring(broker)
        took = monotonic() - killed
        follower.kill()
        return took

    record_property("failover_s", round(quickest(failover_s, within=3), 2))


def test_a_frozen_leader_is_replaced_and_rings_no_more_once_it_thaws(
    start, broker, psql, tenant, database_url, record_property
):
    """Both are frozen, so that whatever rings after the thaw can only be the first."""
    leader, follower = two_schedulers(start, log_level="DEBUG")
    enqueue(psql, tenant)
    next_ring(broker)
    with psycopg.connect(database_url) as holder:
        holder.execute("LOCK TABLE job_runs IN ACCESS EXCLUSIVE MODE")
        wait_until(lambda: waits_for_lock(psql))  # the leader is in the middle of a look
        leader.freeze()
        frozen = monotonic()
        follower.wait_for("leading")
        record_property("failover_s", round(monotonic() - frozen, 2))
    next_ring(broker)
    follower.freeze()
    broker.flush_all()
    told = len(leader.lines)

    leader.thaw()
    leader.wait_for("leading_no_more")
    leader.wait_for("leading")  # once the other's time is over as well

    since = [json.loads(line) for line in leader.lines[told:]]
    events = [line["event"] for line in since]
    assert "rang" not in events[: events.index("leading")], events
    follower.thaw()
    follower.wait_for("following")


def test_a_firing_happens_once_whoever_leads(start, psql):
    leader, follower = two_schedulers(start)
    leader.wait_for("fired", schedule="extend_partitions")
    leader.kill()
    follower.wait_for("leading")
    follower.stop()

    assert psql.execute(
        "SELECT count(*) FROM schedule_firings WHERE schedule = 'extend_partitions'"
    ).fetchone() == (1,)
    assert not any('"fired"' in line and "extend_partitions" in line for line in follower.lines)


def test_news_rings_at_once(start, broker, psql, tenant, record_property):
    """The sweep is put far off, so that NOTIFY alone can have rung."""
    start("scheduler", tick_ms=600_000).wait_for("leading")
    delays_ms = []
    for _ in range(10):
        broker.flush_all()
        enqueue(psql, tenant)
        delays_ms.append(next_ring(broker) * 1000)

    median_ms = sorted(delays_ms)[5]
    assert median_ms < 1000
    record_property("median_ms", round(median_ms))


def test_rolled_back_work_is_never_rung_for(start, broker, psql, tenant):
    start("scheduler").wait_for("leading")
    with contextlib.suppress(ZeroDivisionError), psql.transaction():
        enqueue(psql, tenant)
        raise ZeroDivisionError

    broker.wait_for_message(ENROLLMENT.name, 1)
    assert waiting(broker, ENROLLMENT) == 0


def test_a_lost_connection_is_made_again(start, broker, psql, tenant):
    scheduler = start("scheduler")
    scheduler.wait_for("leading")

    psql.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name LIKE 'trunkline%'"
    )

    scheduler.wait_for("leading_no_more")
    scheduler.wait_for("leading")
    enqueue(psql, tenant)
    next_ring(broker)


def test_a_wiped_redis_is_rung_again(start, broker, psql, tenant, redis_settings):
    start("scheduler").wait_for("leading")
    enqueue(psql, tenant)
    next_ring(broker)

    delete_keys(redis_settings["redis_url"], redis_settings["broker_namespace"])

    next_ring(broker)


def test_sigterm_stops_leader_and_follower_within_a_second(start):
    def stop_s(scheduler):
        told = monotonic()
        assert scheduler.stop() == 0
        return monotonic() - told

    def slower_stop_s():
        leader, follower = two_schedulers(start)
        first = stop_s(leader)
        follower.wait_for("leading")
        return max(first, stop_s(follower))

    quickest(slower_stop_s, within=1)


def test_a_scheduler_waits_for_a_database_that_is_away(start, database_url, servers):
    away = psycopg.conninfo.make_conninfo(database_url, port=1)
    scheduler = start("scheduler", database_direct_url=away)

    scheduler.wait_for("leader_connection_lost")
    scheduler.wait_for("leader_connection_lost")
    assert scheduler.stop() == 0


def test_wrong_settings_are_one_line_and_an_exit_code(start):
    scheduler = start("scheduler", tick_ms="soon")

    assert scheduler.wait() == 2
    [line] = scheduler.lines
    assert line.startswith("scheduler: wrong settings: TICK_MS=soon")
