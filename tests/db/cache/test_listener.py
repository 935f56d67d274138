"""Caches follow the database, whoever writes; on a real Postgres, and through a stand-in pooler."""

import contextlib
import json
import threading
from functools import partial
from time import monotonic

import psycopg
import pytest
from structlog.testing import capture_logs

from db.cache import listener as module
from db.cache import registry
from db.cache.cache import as_it_is
from db.cache.listener import CHANNEL, CacheListener, keep_caches
from db.engine import connect_directly
from db.queries.tenants import create_tenant
from tests.factories import make_tenant
from tests.waiting import wait_until

NAME = "caches-under-test"


@pytest.fixture
def psql(database_url):
    """Another service, in whatever language."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def listener(database, settings):
    connect = partial(connect_directly, settings, application_name=NAME)
    listener = CacheListener(connect, database.caches)
    listener.start()
    wait_until(database.caches.trusted)
    yield listener
    listener.stop()


class Reader:
    """Reads a table's rows of a tenant as text, through the cache."""

    def __init__(self, database, table, psql):
        column = "id" if table == "tenants" else "tenant_id"
        self.loads = 0
        self._select = f"SELECT jsonb_agg(x ORDER BY x::text) FROM {table} AS x WHERE {column} = %s"
        self._psql = psql
        self._cache = database.caches.make(
            table, as_it_is, maxsize=9, ttl_s=600, tables=(table,), tenant_of=lambda key: key
        )

    def read(self, tenant_id):
        def load():
            self.loads += 1
            return json.dumps(self._psql.execute(self._select, [tenant_id]).fetchone())

        return self._cache.get_or_load(tenant_id, load)


WRITES = {
    "tenants": "UPDATE tenants SET timezone = 'Asia/Kathmandu' WHERE id = %s",
    "execution_rules": "UPDATE execution_rules SET opens_at = '10:00' WHERE tenant_id = %s",
    "journeys": "INSERT INTO journeys (tenant_id, key, name, version, definition)"
    " VALUES (%s, 'j', 'J', 1, '{}')",
    "services": "INSERT INTO services (tenant_id, name, price, currency)"
    " VALUES (%s, 'Gutters', 5, 'USD')",
    "org_settings": "INSERT INTO org_settings (tenant_id, key, value) VALUES (%s, 'a', '1')",
    "dids": "INSERT INTO dids (tenant_id, number) VALUES (%s, '+15550001111')",
}


@pytest.mark.parametrize("table", WRITES)
def test_write_by_anybody_is_seen_and_of_other_tenants_nothing_is_forgotten(
    database, listener, psql, table, record_property
):
    ann, bob = make_tenant(database, "ann"), make_tenant(database, "bob")
    all_told(database, psql)
    reader = Reader(database, table, psql)
    before = reader.read(ann)
    reader.read(bob)
    assert reader.loads == 2
    psql.execute(WRITES[table], [ann])
    written = monotonic()
    wait_until(lambda: reader.read(ann) != before, every_s=0.001)
    record_property("seen_after_ms", round((monotonic() - written) * 1000))
    reader.read(bob)
    assert reader.loads == 3


def all_told(database, psql):
    """Wait until whatever was committed until now has been told: a change of a table of ours is."""
    looks = []
    cache = database.caches.make("ours", as_it_is, maxsize=1, ttl_s=600, tables=("ours",))

    def look():
        cache.get_or_load(1, lambda: looks.append(1))
        return len(looks) > 1

    look()
    psql.execute("SELECT pg_notify(%s, 'ours *')", [CHANNEL])
    wait_until(look)


def test_nodes_and_who_answers_calls_are_told_too(database_url, database):
    tenant_id = make_tenant(database)
    with heard(database_url) as news, psycopg.connect(database_url) as connection:
        connection.execute(
            "WITH j AS (INSERT INTO journeys (tenant_id, key, name, version, definition)"
            " VALUES (%s, 'j', 'J', 1, '{}') RETURNING tenant_id, id)"
            " INSERT INTO journey_nodes"
            " (tenant_id, journey_id, version, key, type, config, edges, is_start)"
            " SELECT tenant_id, id, 1, 'a', 'end', '{}', '{}', true FROM j",
            [tenant_id],
        )
        connection.execute("INSERT INTO inbound_agent_config (tenant_id) VALUES (%s)", [tenant_id])
        assert news() == set()
        connection.commit()
        tables = ("journeys", "journey_nodes", "inbound_agent_config")
        assert news() == {f"{table} {tenant_id}" for table in tables}


@contextlib.contextmanager
def heard(database_url):
    """Gives what was notified until it is called."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        told = set()
        connection.add_notify_handler(lambda notice: told.add(notice.payload))
        connection.execute(f"LISTEN {CHANNEL}")

        def news():
            connection.execute("SELECT 1")
            connection.execute("SELECT 1")
            return told

        yield news


def test_each_tenant_is_named_once_many_are_named_by_none_and_no_row_by_nobody(
    database_url, database
):
    ids = [make_tenant(database, f"t{n}") for n in range(60)]
    with heard(database_url) as news, psycopg.connect(database_url, autocommit=True) as psql:
        psql.execute("UPDATE tenants SET name = name WHERE slug = 'nobody'")
        assert news() == set()
        insert = (
            "INSERT INTO services (tenant_id, name, price, currency) SELECT t, n::text, 1, 'USD'"
        )
        psql.execute(
            f"{insert} FROM unnest(%s::uuid[]) AS t, generate_series(1, 9) AS n", [ids[:3]]
        )
        assert news() == {f"services {tenant_id}" for tenant_id in ids[:3]}
        news().clear()
        psql.execute("UPDATE services SET tenant_id = %s WHERE tenant_id = %s", [ids[5], ids[0]])
        assert news() == {f"services {ids[0]}", f"services {ids[5]}"}
        news().clear()
        psql.execute("DELETE FROM services WHERE tenant_id = %s", [ids[5]])
        assert news() == {f"services {ids[5]}"}
        news().clear()
        psql.execute("UPDATE tenants SET name = name")
        assert news() == {"tenants *"}
        news().clear()
        psql.execute("TRUNCATE services")
        assert news() == {"services *"}


def test_change_of_many_drops_all(database, listener, psql):
    tenant_id = make_tenant(database)
    reader = Reader(database, "tenants", psql)
    before = reader.read(tenant_id)
    for n in range(60):
        make_tenant(database, f"t{n}")
    psql.execute("UPDATE tenants SET timezone = 'UTC'")
    wait_until(lambda: reader.read(tenant_id) != before)


def listeners(psql):
    return psql.execute(
        "SELECT pid FROM pg_stat_activity WHERE application_name = %s"
        " AND datname = current_database()",
        [NAME],
    ).fetchall()


def test_listener_that_is_cut_off_comes_back_and_nothing_old_is_read(
    database, listener, psql, record_property
):
    tenant_id = make_tenant(database)
    all_told(database, psql)
    reader = Reader(database, "tenants", psql)
    before = reader.read(tenant_id)
    old = listeners(psql)
    cut = monotonic()
    psql.execute("SELECT pg_terminate_backend(%s)", old[0])
    psql.execute("UPDATE tenants SET timezone = 'UTC' WHERE id = %s", [tenant_id])
    wait_until(lambda: reader.read(tenant_id) != before, every_s=0.001)
    record_property("right_after_ms", round((monotonic() - cut) * 1000))
    wait_until(lambda: listeners(psql) not in (old, []) and database.caches.trusted())
    loads = reader.loads
    reader.read(tenant_id)
    reader.read(tenant_id)
    assert reader.loads <= loads + 1


def test_while_it_can_not_listen_reads_go_past_the_caches(database, settings, psql, monkeypatch):
    tenant_id = make_tenant(database)
    reader = Reader(database, "tenants", psql)
    may = threading.Event()

    def connect():
        if not may.is_set():
            raise psycopg.OperationalError("away")
        return connect_directly(settings, application_name=NAME)

    reader.read(tenant_id)
    listener = CacheListener(connect, database.caches)
    listener.start()
    try:
        for n in range(3):
            reader.read(tenant_id)
            assert reader.loads == 2 + n
        may.set()
        wait_until(database.caches.trusted)
        for _ in range(3):
            reader.read(tenant_id)
        assert reader.loads == 5
        # Cut off for longer: at once, not when its silence has lasted for some time.
        monkeypatch.setattr(registry, "TERM_S", 1e9)
        may.clear()
        psql.execute("SELECT pg_terminate_backend(%s)", listeners(psql)[0])
        wait_until(lambda: not database.caches.trusted())
        reader.read(tenant_id)
        assert reader.loads == 6
    finally:
        listener.stop()
    reader.read(tenant_id)
    assert reader.loads == 7  # nobody listens any more


class Pooled:
    """A connection as a pooler makes it: the pid of its backend is made up."""

    def __init__(self, connection):
        self._connection = connection

    def __getattr__(self, name):
        return getattr(self._connection, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._connection.close()

    @property
    def info(self):
        return type("Info", (), {"backend_pid": 4711})


def test_pooler_is_told_and_nothing_is_cached(database, settings):
    listener = CacheListener(lambda: Pooled(connect_directly(settings)), database.caches)
    with capture_logs() as logs:
        listener.start()
        wait_until(lambda: logs)
        listener.stop()
    assert not database.caches.trusted()
    assert "DATABASE_DIRECT_URL" in logs[0]["error"]


def test_own_write_is_read_at_once_without_any_listener(database):
    loads = []
    cache = database.caches.make(
        "tenants", as_it_is, maxsize=9, ttl_s=600, tables=("tenants",), tenant_of=lambda key: key
    )
    with database.transaction() as connection:
        tenant = create_tenant(connection, "acme", "Acme", "US", "UTC")
        cache.get_or_load(tenant.id, lambda: loads.append(1))
    cache.get_or_load(tenant.id, lambda: loads.append(2))
    cache.get_or_load(tenant.id, lambda: loads.append(3))
    assert loads == [1, 2]


def test_process_tells_of_its_caches_in_redis(database, redis_settings, settings, monkeypatch):
    monkeypatch.setattr(module, "_REPORT_EVERY_S", 0)
    listener = keep_caches(database, settings.model_copy(update=redis_settings))
    wait_until(database.caches.trusted)
    store = database.caches.store
    cache = database.caches.make("tenants", as_it_is, maxsize=9, ttl_s=600)
    cache.get_or_load(1, lambda: "x")
    told = wait_until(
        lambda: [it for it in store.reports(60) if it["caches"].get("tenants", {}).get("misses")]
    )
    assert told[0]["caches"]["tenants"] == {
        "hits": 0, "misses": 1, "shared_hits": 0, "loads": 1, "evictions": 0, "size": 1,
    }  # fmt: skip
    with capture_logs() as logs:
        listener.stop()
    assert logs[-1]["tenants"] == {"asked": 1, "hit_rate": 0.0, "loads": 1}
