"""What the statements about approvals and leads read of tables of realistic size."""

from uuid import uuid4

import pytest

from db.statements import statement

# The checks of what is seeded, and its history, would take longer than the seed.
SEED = """
SET LOCAL session_replication_role = replica;
WITH tenant AS (
  INSERT INTO tenants (slug, name, region, timezone)
  SELECT 't' || n, 'T', 'US', 'UTC' FROM generate_series(1, 20) AS n
  RETURNING id
), numbered AS (
  SELECT id, row_number() OVER () - 1 AS n FROM tenant
), contact AS (
  INSERT INTO contacts (tenant_id, phone_number)
  SELECT t.id, '+1' || 5550000000 + c FROM generate_series(1, 20000) AS c
  JOIN numbered AS t ON t.n = c % 20
  RETURNING tenant_id, id
), counted AS (
  SELECT *, row_number() OVER () AS n FROM contact
), lead AS (
  INSERT INTO leads (tenant_id, contact_id, category, text, status, scraped_at)
  SELECT tenant_id, id, 'c' || n % 7, 'text', CASE WHEN k = 1 THEN 'NEW' ELSE 'PROCESSED' END,
    now() - k * interval '1 hour'
  FROM counted, generate_series(1, 5) AS k
), request AS (
  INSERT INTO response_approvals (
    tenant_id, contact_id, journey_id, journey_contact_id, execution_id, body, status, decided_at
  )
  SELECT tenant_id, id, tenant_id, n, n * 10 + k, 'Hi',
    CASE WHEN k = 1 THEN 'PENDING' ELSE 'REJECTED' END, CASE WHEN k > 1 THEN now() END
  FROM counted, generate_series(1, 5) AS k
  RETURNING tenant_id, id, status, journey_contact_id, execution_id
)
INSERT INTO approval_queue (tenant_id, approval_id, priority)
SELECT tenant_id, id, execution_id % 3 FROM request WHERE status = 'PENDING'
"""
TABLES = ("leads", "response_approvals", "approval_queue", "approval_history")


@pytest.fixture
def busy(database):
    """100,000 leads and requests of 20 tenants, one in five of them pending."""
    with database.transaction() as connection:
        for text in SEED.strip().split(";\n"):
            connection.execute(text)
        connection.execute(f"ANALYZE tenants, contacts, {', '.join(TABLES)}")
    return database


def nodes(plan):
    """Every node of a plan, its own first."""
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def reads(connection, name, parameters):
    """(tables read from end to end, indexes used) by a statement, triggers aside."""
    [[[explained]]] = connection.execute(
        f"EXPLAIN (FORMAT JSON) {statement(name)}", parameters
    ).fetchall()
    plan = list(nodes(explained["Plan"]))
    whole = {node["Relation Name"] for node in plan if node["Node Type"] == "Seq Scan"}
    return whole & set(TABLES), {node["Index Name"] for node in plan if "Index Name" in node}


def test_every_statement_looks_up_what_it_wants(busy):
    with busy.transaction() as connection:
        pending = connection.execute(
            "SELECT tenant_id, id, contact_id, journey_contact_id, execution_id"
            " FROM response_approvals WHERE status = 'PENDING' ORDER BY id LIMIT 200"
        ).fetchall()
        tenants, ids, contacts, enrollments, executions = map(list, zip(*pending, strict=True))
        one = {"tenant_id": tenants[0], "size": 50, "id": ids[0], "journey_id": uuid4()}
        steps = {
            "tenant_ids": tenants, "contact_ids": contacts, "ids": ids,
            "journey_contact_ids": enrollments, "execution_ids": executions,
            "statuses": ["EXPIRED"] * 200, "now": None,
        }  # fmt: skip
        drafts = {
            "journey_ids": tenants, "groups": [0] * 200, "group_nos": [0], "bodies": ["Hi"],
            "priorities": [0], "assigned_tos": [None], "expire_ats": [None],
        }  # fmt: skip
        decisions = {"bys": ["Ann"] * 200, "texts": [None] * 200}
        removal = {
            "tenant_id": tenants[0], "ids": enrollments[:50], "contact_ids": contacts[:50],
            "journey_id": None, "status": "REMOVED", "reason": "x",
        }  # fmt: skip
        expected = {
            "approvals/request_approvals": (steps | drafts, "idx_leads_contact"),
            "approvals/close_requests": (steps, "idx_response_approvals_step"),
            "approvals/lock_waiting_steps": (steps, "response_approvals_pkey"),
            "approvals/decide_requests": (steps | decisions, "response_approvals_pkey"),
            "approvals/list_pending": (one, "idx_approval_queue_order"),
            "approvals/find_request": (one, "response_approvals_pkey"),
            # The open ones of a tenant, by whichever of two indexes.
            "approvals/cancel_journey_requests": (one, None),
            "journeys/remove_enrollments": (removal, "idx_response_approvals_step"),
            "leads/load_leads": (steps, "idx_leads_contact"),
            "leads/score_leads": (steps | {"scores": [1] * 200}, "leads_pkey"),
        }
        for name, (parameters, index) in expected.items():
            whole, used = reads(connection, name, parameters)
            assert (name, whole, index in {None, *used}) == (name, set(), True)
