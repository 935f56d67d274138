"""What batches remember follows whoever writes it, and costs nothing while nobody does."""

from datetime import UTC, datetime, timedelta
from functools import partial

import psycopg
import pytest
from pydantic import TypeAdapter

from db.cache.listener import CacheListener
from db.cache.shared import open_shared_store
from db.counter import count_statements
from db.engine import Database, connect_directly
from db.queries.journeys.claims import load_tenants
from db.queries.journeys.rows import TenantRow
from jobs.journeys.batch import StepRunner
from tests.factories import make_contacts, make_tenant
from tests.jobs.journeys.journeys import apply_journey, enroll, enrolled, query
from tests.waiting import wait_until

START = datetime(2026, 3, 2, 12, tzinfo=UTC)

WAIT = {
    "journey": "wait",
    "start": "hold",
    "nodes": {
        "hold": {"type": "delay", "seconds": 60, "next": "sms"},
        "sms": {"type": "send_sms", "body": "Hi", "next": "end"},
        "end": {"type": "end"},
    },
}


@pytest.fixture
def psql(database_url):
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def runner(database, settings):
    listener = CacheListener(partial(connect_directly, settings), database.caches)
    listener.start()
    wait_until(database.caches.trusted)
    yield StepRunner(database, settings)
    listener.stop()


def loads(database, name):
    return database.caches.statistics()[name].loads


def asked_again(database, name, look):
    """Look until what was written has been told, and once more: that finds it warm."""
    before = loads(database, name)

    def told():
        look()
        return loads(database, name) > before

    wait_until(told)
    settled = loads(database, name)
    with count_statements() as count:
        found = look()
    assert (loads(database, name), count.statements) == (settled, 0)
    return found


def test_hours_follow_zone_and_rules(database, runner, psql):
    tenant_id, _ = enrolled(database, 1, at=START)

    def look():
        with database.transaction() as connection:
            return runner.next_hours(connection, [(tenant_id, None)], START)[tenant_id, None]

    look()
    psql.execute(
        "UPDATE execution_rules SET quiet_starts_at = '21:00', quiet_ends_at = '08:00'"
        " WHERE tenant_id = %s",
        [tenant_id],
    )
    assert asked_again(database, "tenants", look)[0] == START + timedelta(hours=1)  # New York
    psql.execute("UPDATE tenants SET timezone = 'UTC' WHERE id = %s", [tenant_id])
    assert asked_again(database, "tenants", look)[0] == START


@pytest.mark.parametrize("size", [10, 500])
def test_nodes_follow_their_rows_and_a_warm_batch_asks_for_none(database, runner, psql, size):
    tenant_id, journey = enrolled(database, size, raw=WAIT, at=START)
    runner.run_batch(START)
    contacts = make_contacts(database, tenant_id, 3 * size, start=size)

    def batch(first):
        enroll(database, tenant_id, journey, contacts[first : first + size], at=START)
        with count_statements() as count:
            outcome = runner.run_batch(START)
        assert outcome.claimed == size
        return sum("is_start" in text for text in count.texts)

    assert batch(0) in (0, 1)  # what was written before may be told only now
    wait_until(lambda: database.caches.statistics()["journey_nodes"].size == 1)
    assert batch(size) == 0
    psql.execute("UPDATE journey_nodes SET config = jsonb_set(config, '{seconds}', '7200')"
                 " WHERE key = 'hold'")  # fmt: skip
    wait_until(lambda: database.caches.statistics()["journey_nodes"].size == 0)
    assert batch(2 * size) == 1
    assert query(
        database,
        "SELECT count(*) FROM pending_executions WHERE scheduled_at = %s",
        START + timedelta(hours=2),
    ) == [(size,)]


def test_own_new_version_is_entered_by_its_own_nodes_at_once(database, settings):
    """Without any listener: the exits of the file applied last hold from its commit on."""
    runner = StepRunner(database, settings)
    tenant_id, _ = enrolled(database, 2, raw=WAIT, at=START)
    runner.run_batch(START)
    apply_journey(database, tenant_id, WAIT | {"exit": [{"field": "status", "op": "is_set"}]})
    assert runner.run_batch(START + timedelta(minutes=2)).completed == 2
    assert query(database, "SELECT DISTINCT status FROM journey_contacts") == [("REMOVED",)]


def test_rows_are_shared_with_other_processes_as_they_are(database, settings, redis_settings, psql):
    """Nodes of every kind are in the example; the other process builds the same of them."""
    others = Database(settings, min_size=0, max_size=2)
    databases = (database, others)
    for its in databases:
        its.caches.store = open_shared_store(settings.model_copy(update=redis_settings))
    tenant_id, journey = enrolled(database, 1, at=START)
    contacts = make_contacts(database, tenant_id, 2, start=1)
    runners = [StepRunner(its, settings) for its in databases]
    # Who starts believes nothing that is older than his first look.
    for runner in runners:
        with database.transaction() as connection:
            runner._loader._tenants.get_many([journey.id], lambda _keys: {})
            runner._loader._versions.get_many([(journey.id, journey.id, 1)], lambda _keys: {})
            assert connection
    counted = []
    for runner, contact in zip(runners, contacts, strict=True):
        with count_statements() as count:
            runner.run_batch(START)
        counted.append(sum("is_start" in t or "weekdays" in t for t in count.texts))
        enroll(database, tenant_id, journey, [contact], at=START)
    for its in databases:
        its.caches.store.close()
    others.close()
    assert counted == [2, 0]
    figures = others.caches.statistics()
    assert (figures["journey_nodes"].shared_hits, figures["tenants"].shared_hits) == (1, 1)


def test_a_tenant_that_laid_down_no_rules_can_be_shared(database, psql):
    tenant_id = make_tenant(database)
    psql.execute("DELETE FROM execution_rules WHERE tenant_id = %s", [tenant_id])
    with database.transaction() as connection:
        [row] = load_tenants(connection, [tenant_id])
    assert row.weekdays is None
    rows = TypeAdapter(TenantRow)
    assert rows.validate_json(rows.dump_json(row)) == row
