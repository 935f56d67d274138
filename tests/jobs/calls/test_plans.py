"""What the statements on calls read of tables of realistic size."""

import uuid

import pytest

from db.statements import statement

TENANTS = 20
CALLS = 60_000
# Of each tenant the most are done, some wait and a few are under way.
SEED = f"""
WITH new_tenants AS (
  INSERT INTO tenants (slug, name, region, timezone, max_calls_at_once)
  SELECT 't' || n, 'T', 'US', 'UTC', 50 FROM generate_series(1, {TENANTS}) AS n
  RETURNING id
),
numbered AS (SELECT id, row_number() OVER () AS n FROM new_tenants),
new_contacts AS (
  INSERT INTO contacts (tenant_id, phone_number)
  SELECT id, '+1' || 5550000000 + c
  FROM generate_series(1, {CALLS}) AS c JOIN numbered ON n = 1 + c % {TENANTS}
  RETURNING tenant_id, id AS contact_id, phone_number
),
counted AS (SELECT *, row_number() OVER () AS n FROM new_contacts),
dialed AS (
  INSERT INTO call_queue (
    tenant_id, contact_id, to_number, state, due_at, callable_until, channel_id, lease_until
  )
  SELECT tenant_id, contact_id, phone_number,
    CASE WHEN n % 997 = 0 THEN 'DIALING' WHEN n % 3 = 0 THEN 'QUEUED' ELSE 'DONE' END,
    now() - n * interval '1 s', NULL, 'channel-' || n, now() + (n % 600 - 300) * interval '1 s'
  FROM counted
)
INSERT INTO call_logs (tenant_id, pbx, unique_id, linked_id, direction, to_number, created_at)
SELECT tenant_id, 'p', 'channel-' || n, 'channel-' || n, 'outbound', phone_number,
  now() - n * interval '1 s'
FROM counted
"""


# Checking what is seeded takes as long again as the seed.
BARE = """
DO $$
DECLARE
  found record;
BEGIN
  FOR found IN
    SELECT conrelid::regclass AS owner, conname FROM pg_constraint
    WHERE contype = 'f' AND conparentid = 0 AND connamespace = 'public'::regnamespace
  LOOP
    EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', found.owner, found.conname);
  END LOOP;
END
$$
"""


@pytest.fixture
def busy(database):
    with database.transaction() as connection:
        connection.execute(BARE)
        connection.execute(SEED)
        connection.execute("ANALYZE tenants, contacts, call_queue, call_logs")
    return database


def plan(connection, text, parameters):
    [[[explained]]] = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {text}", parameters)
    return list(nodes(explained["Plan"]))


def nodes(node):
    yield node
    for child in node.get("Plans", ()):
        yield from nodes(child)


def read_whole(plan):
    return {node["Relation Name"] for node in plan if node["Node Type"] == "Seq Scan"}


def indexes(plan):
    return {node["Index Name"] for node in plan if "Index Name" in node}


def test_an_allocation_reads_what_it_dials(busy):
    claim = {"batch_size": 100, "lease_token": uuid.uuid4(), "outcome_s": 300}
    claim |= {"paused_wait_s": 60, "now": None}
    with busy.transaction() as connection:
        tenants = [row[0] for row in connection.execute("SELECT id FROM tenants")]
        lines = plan(connection, statement("calls/lock_lines"), {"batch_size": 100, "now": None})
        calls = plan(connection, statement("calls/claim_calls"), {**claim, "tenant_ids": tenants})
        assert connection.execute(
            "SELECT count(*) FROM call_queue WHERE lease_token IS NOT NULL"
        ).fetchall() == [(100,)]
    assert read_whole(lines) <= {"tenants"}
    assert read_whole(calls) <= {"tenants", "execution_rules"}
    assert {"idx_call_queue_due", "idx_call_queue_dialing"} <= indexes(lines)
    assert {"idx_call_queue_due", "idx_call_queue_dialing"} <= indexes(calls)
    assert max(node["Actual Rows"] * node["Actual Loops"] for node in calls) <= 2000


def test_silent_calls_are_found_by_their_lease_and_their_log_by_its_id(busy):
    with busy.transaction() as connection:
        found = plan(
            connection, statement("calls/find_silent_calls"), {"batch_size": 100, "now": None}
        )
    assert read_whole(found) == set()
    assert {"idx_call_queue_leased", "idx_call_logs_unique_id"} <= indexes(found)


def test_what_contacts_got_is_found_by_contact_and_phone(busy):
    """The look of trunkline_contact_activity, whose statements EXPLAIN doesn't show."""
    with busy.transaction() as connection:
        [(body,)] = connection.execute(
            "SELECT prosrc FROM pg_proc WHERE proname = 'trunkline_contact_activity'"
        ).fetchall()
        look = body.partition("RETURN QUERY")[2].rpartition("WHERE c.ctid")[0]
        for name, value in {
            "tenant_ids": "%(tenants)s::uuid[]",
            "contact_ids": "%(contacts)s::uuid[]",
            "day_starts": "%(days)s::timestamptz[]",
            "day_ends": "%(days)s::timestamptz[]",
            "moment": "now()",
        }.items():
            look = look.replace(name, value)
        picked = connection.execute("SELECT tenant_id, id FROM contacts LIMIT 200").fetchall()
        tenants, contacts = zip(*picked, strict=True)
        days = {"days": ["2026-03-02T00:00Z"] * len(picked)}
        found = plan(
            connection, look, {"tenants": list(tenants), "contacts": list(contacts), **days}
        )
    assert read_whole(found) <= {"messages"}  # there are none
    assert {"idx_call_queue_contact", "idx_call_logs_org_phone_created"} <= indexes(found)


def test_calls_of_contacts_are_found_by_their_phones(busy):
    with busy.transaction() as connection:
        picked = connection.execute("SELECT tenant_id, id FROM contacts LIMIT 1000").fetchall()
        tenants, contacts = zip(*picked, strict=True)
        keys = {"tenant_ids": list(tenants), "contact_ids": list(contacts)}
        calls = plan(connection, statement("journeys/load_calls"), keys)
    assert read_whole(calls) == set()
    assert "idx_call_logs_org_phone_created" in indexes(calls)


def test_appointments_of_contacts_are_found_by_contact(busy):
    with busy.transaction() as connection:
        connection.execute(
            "INSERT INTO appointments (tenant_id, contact_id, status, scheduled_at)"
            " SELECT tenant_id, id, 'SCHEDULED', now() + n * interval '1 day' FROM contacts,"
            " generate_series(-1, 1) AS n"
        )
        connection.execute("ANALYZE appointments")
        picked = connection.execute("SELECT tenant_id, id FROM contacts LIMIT 1000").fetchall()
        tenants, contacts = zip(*picked, strict=True)
        keys = {"tenant_ids": list(tenants), "contact_ids": list(contacts)}
        found = plan(
            connection,
            statement("journeys/load_appointments"),
            {**keys, "now": "2026-03-02T00:00Z"},
        )
    assert read_whole(found) == set()
    assert indexes(found) == {"idx_appointments_org_contact_scheduled"}
