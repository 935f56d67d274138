"""Whatever anybody writes by plain SQL is seen by all processes, and soon."""

import json
import os
import subprocess
import sys
from time import monotonic

import psycopg
import pytest

from tests.acceptance.cache_reader import TABLES
from tests.factories import make_tenant
from tests.jobs.journeys.journeys import apply_journey
from tests.waiting import wait_until

pytestmark = pytest.mark.acceptance

WRITES = {
    "tenants": "UPDATE tenants SET timezone = 'Asia/Kathmandu' || %(n)s WHERE id = %(tenant)s",
    "journey_nodes": "UPDATE journey_nodes SET config = jsonb_build_object('n', %(n)s::text)"
    " WHERE tenant_id = %(tenant)s",
    "services": "INSERT INTO services (tenant_id, name, price, currency)"
    " VALUES (%(tenant)s, 'Gutters' || %(n)s, 5, 'USD')",
    "inbound_agent_config": "INSERT INTO inbound_agent_config (tenant_id, greeting)"
    " VALUES (%(tenant)s, %(n)s) ON CONFLICT (tenant_id, did_id) DO UPDATE SET greeting = %(n)s",
    "org_settings": "INSERT INTO org_settings (tenant_id, key, value)"
    " VALUES (%(tenant)s, 'k' || %(n)s, '1')",
}


class Reader:
    def __init__(self, database_url, redis_settings):
        environment = os.environ | {
            "TRUNKLINE_DATABASE_URL": database_url,
            **{f"TRUNKLINE_{name.upper()}": value for name, value in redis_settings.items()},
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.acceptance.cache_reader"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.application_name = f"trunkline-caches-{self._process.pid}"

    def answer(self):
        """The next answer; lines of the log are passed over."""
        for line in self._process.stdout:
            if line.startswith('"'):
                return json.loads(line)
        raise AssertionError("the reader has ended")

    def read(self, table, tenant_id):
        self._process.stdin.write(f"{table} {tenant_id}\n")
        self._process.stdin.flush()
        return self.answer()

    def close(self):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(30)


@pytest.fixture
def readers(database_url, redis_settings):
    started = [Reader(database_url, redis_settings) for _ in range(3)]
    for reader in started:
        assert reader.answer() == "listens"
    yield started
    for reader in started:
        reader.close()


@pytest.fixture
def psql(database_url):
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def see(readers, table, tenant_id, before):
    """Milliseconds until every process reads what is there now, and it again when it is warm."""
    began = monotonic()
    for reader in readers:
        wait_until(lambda r=reader: r.read(table, tenant_id) != before, every_s=0.001)
    took_ms = round((monotonic() - began) * 1000)
    assert len({reader.read(table, tenant_id) for reader in readers}) == 1
    return took_ms


def test_write_is_seen_by_all_processes_and_a_cut_one_is_right_again(
    database, readers, psql, record_property
):
    tenant_id = make_tenant(database)
    apply_journey(database, tenant_id)
    for table in TABLES:
        for n in range(3):
            before = agreed(readers, table, tenant_id)
            psql.execute(WRITES[table], {"tenant": tenant_id, "n": str(n)})
            record_property(f"{table}_{n}_ms", see(readers, table, tenant_id, before))
    for n in range(3, 6):
        before = agreed(readers, "services", tenant_id)
        names = [reader.application_name for reader in readers]
        cut = psql.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE application_name = ANY(%s)",
            [names],
        ).fetchone()
        assert cut == (3,)
        psql.execute(WRITES["services"], {"tenant": tenant_id, "n": str(n)})
        record_property(f"cut_{n}_ms", see(readers, "services", tenant_id, before))
        wait_until(
            lambda: (
                psql.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE application_name = ANY(%s)"
                    " AND query = 'SELECT 1'",
                    [names],  # noqa: B023 - asked at once
                ).fetchone()
                == (3,)
            )
        )


def agreed(readers, table, tenant_id):
    """What all processes read, once they agree."""
    wait_until(lambda: len({reader.read(table, tenant_id) for reader in readers}) == 1)
    return readers[0].read(table, tenant_id)
