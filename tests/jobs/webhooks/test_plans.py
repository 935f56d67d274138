"""What the statements of a run of webhooks read of tables of realistic size."""

import uuid

import pytest
from psycopg.types.json import Jsonb

from db.bulk import columns
from db.statements import statement

CALLS = 60_000
SEED = f"""
WITH new_tenants AS (
  INSERT INTO tenants (slug, name, region, timezone)
  SELECT 't' || n, 'T', 'US', 'UTC' FROM generate_series(1, 20) AS n
  RETURNING id
),
new_journeys AS (
  INSERT INTO journeys (tenant_id, key, name, version, definition, status)
  SELECT t.id, 'j', 'J', 1, '{{}}', 'ACTIVE' FROM new_tenants AS t
  RETURNING tenant_id, id
),
numbered AS (
  SELECT tenant_id, id AS journey_id, row_number() OVER () AS n FROM new_journeys
),
new_contacts AS (
  INSERT INTO contacts (tenant_id, phone_number)
  SELECT tenant_id, '+1' || 5550000000 + c
  FROM generate_series(1, {CALLS}) AS c JOIN numbered ON n = 1 + c % 20
  RETURNING tenant_id, id
),
enrolled AS (
  INSERT INTO journey_contacts (tenant_id, journey_id, contact_id, version, source)
  SELECT tenant_id, n.journey_id, c.id, 1, 'manual'
  FROM new_contacts AS c JOIN numbered AS n USING (tenant_id)
  RETURNING tenant_id, id, journey_id
),
steps AS (
  INSERT INTO pending_executions (
    tenant_id, journey_id, journey_contact_id, node_id, scheduled_at, entered_at, wait_key
  )
  SELECT tenant_id, journey_id, id, 1, now() + interval '1 day', now(), 'webhook answer'
  FROM enrolled
  RETURNING tenant_id, journey_id, journey_contact_id, id
)
INSERT INTO webhook_calls (
  tenant_id, id, journey_id, journey_contact_id, execution_id, url, body, due_at, lease_token
)
SELECT tenant_id, trunkline_uuid7(), journey_id, journey_contact_id, id, 'https://hooks.example',
  repeat('x', 300), now() + make_interval(secs => id % 120 - 60),
  CASE WHEN id % 3000 = 90 THEN gen_random_uuid() END
FROM steps
"""
CLAIM = {
    "batch_size": 64,
    "per_tenant": 32,
    "lease_token": uuid.uuid4(),
    "lease_s": 45,
    "paused_wait_s": 15,
    "now": None,
}


@pytest.fixture
def busy(database):
    """A database of contacts who wait for webhooks, half of which are due."""
    with database.transaction() as connection:
        connection.execute(SEED)
        connection.execute(
            "ANALYZE tenants, contacts, journeys, journey_contacts, pending_executions,"
            " webhook_calls"
        )
    return database


def explained(connection, name, parameters):
    """(tables read from end to end, indexes used) by a statement that is run."""
    [[[plan]]] = connection.execute(
        f"EXPLAIN (ANALYZE, FORMAT JSON) {statement(name)}", parameters
    ).fetchall()
    read = list(nodes(plan["Plan"]))
    whole = {node["Relation Name"] for node in read if node["Node Type"] == "Seq Scan"}
    return whole, {node["Index Name"] for node in read if "Index Name" in node}


def nodes(plan):
    """Every node of a plan, its own first."""
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def test_a_run_looks_up_by_key_and_in_order_of_time(busy):
    with busy.transaction() as connection:
        whole, indexes = explained(connection, "webhooks/claim_calls", CLAIM)
        assert whole <= {"tenants", "journeys"}
        assert {"idx_webhook_calls_due", "idx_webhook_calls_leased"} <= indexes
        claimed = connection.execute(
            "SELECT tenant_id, id FROM webhook_calls WHERE lease_token = %s",
            [CLAIM["lease_token"]],
        ).fetchall()
        assert len(claimed) == 60  # three of each tenant

        tenant_ids, ids = columns(claimed, 2)
        answers = {
            "lease_token": CLAIM["lease_token"],
            "now": None,
            "tenant_ids": tenant_ids,
            "ids": ids,
            "answers": [Jsonb({"outcome": "success"}), None] * (len(ids) // 2),
            "waits_s": [1.0] * len(ids),
            "errors": [None] * len(ids),
        }
        whole, _ = explained(connection, "webhooks/apply_answers", answers)
        assert whole == set()
        [(told,)] = connection.execute(
            "SELECT count(*) FROM pending_executions WHERE signal IS NOT NULL"
        ).fetchall()
        assert told == len(ids) // 2


def test_looking_for_due_calls_reads_no_more_than_is_of_use(busy):
    look = {
        "steps": 8000, "messages": 1600, "webhooks": 512, "webhooks_per_tenant": 32, "calls": 8,
        "runs": 8, "firings": 8, "known_kinds": [], "tenant_limits": [], "total_limits": [],
        "schedules": [], "firing_backoff_s": 10.0,
    }  # fmt: skip
    with busy.transaction() as connection:
        whole, indexes = explained(connection, "maintenance/count_due_work", look)
        assert "webhook_calls" not in whole
        assert "idx_webhook_calls_leased" in indexes
        [due] = [
            row[2]
            for row in connection.execute(statement("maintenance/count_due_work"), look)
            if row[0] == "webhooks"
        ]
        assert due == 512
