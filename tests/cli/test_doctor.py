import contextlib
import json

import psycopg
import pytest

from config.settings import load_settings
from db.cache.shared import open_shared_store
from db.engine import connect_directly
from db.queries.maintenance import try_to_lead
from tests.factories import make_contacts, make_tenant
from tests.jobs.journeys.journeys import apply_journey, enroll


@pytest.fixture
def leader(settings):
    with connect_directly(settings, application_name="trunkline-scheduler") as connection:
        assert try_to_lead(connection)
        yield


def checks(result):
    return {check["check"]: check for check in json.loads(result.out)["checks"]}


def test_all_is_well(here, leader, redis_url):
    result = here("doctor", REDIS_URL=redis_url)
    assert (result.code, result.err) == (0, "")
    assert all(line.startswith("ok ") for line in result.out.splitlines())
    assert "trunkline-scheduler leads" in result.out


def test_nothing_is_there(trunkline):
    result = trunkline("doctor", "--json")
    assert result.code == 1
    found = checks(result)
    assert not found["database"]["ok"]
    assert not found["broker"]["ok"]
    assert "trunkline up" in found["database"]["advice"]


def test_an_empty_database_lacks_its_schema(trunkline, empty_database_url):
    result = trunkline("doctor", "--json", DATABASE_URL=empty_database_url)
    assert result.code == 1
    assert "trunkline migrate" in checks(result)["schema"]["advice"]


def test_nobody_leads_and_redis_is_away(here):
    result = here("doctor", "--json", REDIS_URL="redis://127.0.0.1:1/0")
    assert result.code == 1
    bad = {name for name, check in checks(result).items() if not check["ok"]}
    assert bad == {"scheduler", "broker"}


def test_work_that_waits_is_seen(here, leader, redis_url, database_url, database):
    tenant_id = make_tenant(database)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "SELECT trunkline_enqueue(%s, 'some_kind', '{}', NULL, now() - interval '1 hour')",
            [tenant_id],
        )
    result = here("doctor", "--json", REDIS_URL=redis_url)
    assert result.code == 1
    late = checks(result)["runs"]
    assert "acme" in late["found"]
    assert "workers" in late["advice"]


LATE_MESSAGES = """
INSERT INTO messages (tenant_id, contact_id, to_number, body, status, due_at, created_at, sent_at)
SELECT %(t)s, c.id, c.phone_number, 'Hi', CASE WHEN n <= %(done)s THEN 'SENT' ELSE 'QUEUED' END,
       now() - interval '5 minutes', now() - interval '5 minutes',
       CASE WHEN n <= %(done)s THEN now() END
FROM contacts AS c, generate_series(1, 30) AS n WHERE c.tenant_id = %(t)s
"""


@pytest.mark.parametrize(("done", "code"), [(0, 1), (2, 1), (10, 0)])
def test_a_backlog_that_is_soon_done_is_no_fault(
    here, leader, redis_url, database_url, database, done, code
):
    tenant_id = make_tenant(database)
    make_contacts(database, tenant_id, 1)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(LATE_MESSAGES, {"t": tenant_id, "done": done})
    result = here("doctor", "--json", REDIS_URL=redis_url)
    found = checks(result)["messages"]["found"]
    assert f"{30 - done} wait, {done} done in the last minute" in found
    assert result.code == code


def test_webhooks_that_nobody_calls_are_seen(here, leader, redis_url, database_url, database):
    tenant_id = make_tenant(database)
    journey = apply_journey(database, tenant_id)
    enroll(database, tenant_id, journey, make_contacts(database, tenant_id, 2))
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO webhook_calls (tenant_id, id, journey_id, journey_contact_id,"
            " execution_id, url, body, due_at)"
            " SELECT tenant_id, trunkline_uuid7(), journey_id, journey_contact_id, id, 'x', 'x',"
            " now() - interval '5 minutes' FROM pending_executions"
        )
        late = checks(here("doctor", "--json", REDIS_URL=redis_url))["webhooks"]
        assert (late["ok"], "tenant acme" in late["found"]) == (False, True)
        connection.execute(
            "UPDATE webhook_calls SET lease_token = gen_random_uuid(), due_at = now() + interval"
            " '1 min' WHERE id IN (SELECT id FROM webhook_calls LIMIT 1)"
        )
        under_way = checks(here("doctor", "--json", REDIS_URL=redis_url))["webhooks"]
        assert under_way["ok"]


def test_calls_that_nobody_dials_are_seen(here, leader, redis_url, database_url, database):
    tenant_id = make_tenant(database)
    make_contacts(database, tenant_id, 12)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO call_queue (tenant_id, contact_id, to_number, due_at)"
            " SELECT tenant_id, id, phone_number, now() - interval '5 minutes' FROM contacts"
        )
        late = checks(here("doctor", "--json", REDIS_URL=redis_url))["calls"]
        assert "(tenant acme); 12 wait, 0 done in the last minute" in late["found"]
        assert "AMI_URLS" in late["advice"]
        connection.execute(
            "UPDATE call_queue SET state = 'DIALING' WHERE id IN (SELECT id FROM call_queue"
            " LIMIT 10)"
        )
        every_line_is_busy = checks(here("doctor", "--json", REDIS_URL=redis_url))["calls"]
        assert every_line_is_busy["ok"]


def test_figures_of_caches_are_told_and_who_can_not_hear_of_changes(here, leader, redis_settings):
    environment = {name.upper(): value for name, value in redis_settings.items()}
    asked = {"misses": 1, "shared_hits": 0, "loads": 1, "evictions": 0, "size": 1}

    def look(**report):
        with contextlib.closing(open_shared_store(load_settings(**redis_settings))) as store:
            store.report({"problem": None} | report)
        return checks(here("doctor", "--json", **environment))["caches"]

    warm = look(caches={"tenants": {"hits": 12_344, **asked}})
    assert (warm["ok"], warm["found"]) == (
        True,
        "1 processes; tenants 1 entries, 100.0% of 12,345 lookups found",
    )
    cold = look(caches={"tenants": {"hits": 0, **asked, "misses": 10_000}})
    assert (cold["ok"], "tenants: cold" in cold["advice"]) == (False, True)
    deaf = look(caches={}, problem="a pooler")
    assert "DATABASE_DIRECT_URL" in deaf["advice"]


def test_a_broker_of_no_known_kind_is_a_fault(here, leader):
    result = here("doctor", "--json", REDIS_URL="http://foo")
    assert result.code == 1
    assert "REDIS_URL" in checks(result)["broker"]["found"]


def test_an_invalid_index_is_seen_and_migrate_mends_it(here, leader, redis_url, database_url):
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'idx_messages_due'::regclass"
        )
    broken = here("doctor", "--json", REDIS_URL=redis_url)
    assert broken.code == 1
    assert "idx_messages_due" in checks(broken)["indexes"]["found"]
    assert json.loads(here("migrate", "--json").out)["rebuilt_indexes"] == ["idx_messages_due"]
    assert here("doctor", REDIS_URL=redis_url).code == 0
