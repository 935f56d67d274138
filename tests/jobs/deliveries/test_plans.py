"""What the statements of a send run read of tables of realistic size."""

import uuid

import pytest

from db.bulk import columns
from db.statements import statement

CONTACTS = 300_000
TENANTS = 20
SEED = f"""
WITH new_tenants AS (
  INSERT INTO tenants (slug, name, region, timezone)
  SELECT 't' || n, 'T', 'US', 'UTC' FROM generate_series(1, {TENANTS}) AS n
  RETURNING id
),
new_journeys AS (
  INSERT INTO journeys (tenant_id, key, name, version, definition, status)
  SELECT t.id, 'j' || n, 'J', 1, '{{}}', 'ACTIVE'
  FROM new_tenants AS t, generate_series(1, 50) AS n
  RETURNING tenant_id, id
),
numbered AS (
  SELECT tenant_id, id AS journey_id, row_number() OVER () AS n FROM new_journeys
),
new_contacts AS (
  INSERT INTO contacts (tenant_id, phone_number, import_run_id)
  SELECT tenant_id, '+1' || 5550000000 + c, journey_id
  FROM generate_series(1, {CONTACTS}) AS c
  JOIN numbered ON n = 1 + c % (SELECT count(*) FROM numbered)
  RETURNING tenant_id, id AS contact_id, phone_number, import_run_id AS journey_id
),
enrolled AS (
  INSERT INTO journey_contacts (tenant_id, journey_id, contact_id, version, source)
  SELECT tenant_id, journey_id, contact_id, 1, 'manual' FROM new_contacts
  RETURNING tenant_id, id, contact_id, journey_id
)
INSERT INTO messages (tenant_id, contact_id, journey_id, journey_contact_id, to_number, body)
SELECT e.tenant_id, c.contact_id, e.journey_id, e.id, c.phone_number, 'Hi'
FROM enrolled AS e JOIN new_contacts AS c USING (tenant_id, contact_id)
"""


# Checking what is seeded, and indexes that no send run reads, take as long again as the seed.
BARE = """
DO $$
DECLARE
  found record;
BEGIN
  FOR found IN
    SELECT conrelid::regclass AS owner, conname FROM pg_constraint
    WHERE contype IN ('f', 'u') AND conparentid = 0 AND connamespace = 'public'::regnamespace
    ORDER BY contype  -- a foreign key before the unique one it needs
  LOOP
    EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', found.owner, found.conname);
  END LOOP;
  FOR found IN
    SELECT indexrelid::regclass AS name FROM pg_index
    WHERE indrelid IN ('contacts'::regclass, 'journey_contacts'::regclass, 'messages'::regclass)
      AND NOT indisprimary
      AND indexrelid NOT IN ('idx_messages_due'::regclass, 'idx_messages_leased'::regclass)
  LOOP
    EXECUTE format('DROP INDEX %s', found.name);
  END LOOP;
END
$$
"""
CLAIM = {
    "batch_size": 200,
    "max_attempts": 8,
    "lease_token": uuid.uuid4(),
    "lease_s": 30,
    "paused_wait_s": 15,
    "now": None,
}


@pytest.fixture
def busy(database):
    """A database of contacts in journeys, each with a message that is due."""
    with database.transaction() as connection:
        connection.execute(BARE)
        connection.execute(SEED)
        connection.execute("ANALYZE tenants, contacts, journeys, journey_contacts, messages")
    return database


def read_whole(connection, name, parameters):
    """Run a statement; returns the tables it read from end to end."""
    [[[explained]]] = connection.execute(
        f"EXPLAIN (ANALYZE, FORMAT JSON) {statement(name)}", parameters
    ).fetchall()
    return {
        node["Relation Name"]
        for node in nodes(explained["Plan"])
        if node["Node Type"] == "Seq Scan"
    }


def nodes(plan):
    """Every node of a plan, its own first."""
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def test_a_send_run_looks_up_by_key_what_it_sends(busy):
    with busy.transaction() as connection:
        assert read_whole(connection, "deliveries/claim_messages", CLAIM) <= {
            "tenants",
            "send_buckets",
        }
        claimed = connection.execute(
            "SELECT tenant_id, id FROM messages WHERE status = 'SENDING'"
        ).fetchall()
        assert len(claimed) == CLAIM["batch_size"]
        tenant_ids, ids = columns(claimed, 2)
        look = {"lease_token": CLAIM["lease_token"], "now": None}
        look |= {"tenant_ids": tenant_ids, "ids": ids}
        assert read_whole(connection, "deliveries/find_withdrawn", look) <= {"tenants"}
