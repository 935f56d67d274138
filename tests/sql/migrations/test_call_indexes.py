"""A contact stands once in a campaign's queue; what was before that held is cleared up."""

import psycopg
import pytest

from config.settings import load_settings
from db import migrations
from db.migrations import migrate, rollback

NAMES = sorted(
    path.name.removesuffix(".sql")
    for path in (migrations.SQL / "migrations").glob("*.sql")
    if ".rollback." not in path.name
)
SEED = """
WITH tenant AS (
  INSERT INTO tenants (slug, name, region, timezone)
  SELECT 't' || n, 'T', 'US', 'UTC' FROM generate_series(1, 2) AS n
  RETURNING id
), campaign AS (
  INSERT INTO campaigns (tenant_id, name)
  SELECT id, 'c' || n FROM tenant, generate_series(1, 2) AS n
  RETURNING tenant_id, id
), contact AS (
  INSERT INTO contacts (tenant_id, phone_number)
  SELECT id, '+1555000000' || n FROM tenant, generate_series(0, 9) AS n
  RETURNING tenant_id, id, phone_number
)
SELECT contact.tenant_id, campaign.id, contact.id
FROM campaign JOIN contact USING (tenant_id) ORDER BY 1, 2, phone_number
"""
INSERT = """
INSERT INTO call_queue (
  tenant_id, campaign_id, contact_id, to_number, state, attempts, dialed_at, error
) VALUES (%s, %s, %s, '+15550000000', %s, %s, %s, %s)
"""
NOON, ONE = "2026-03-02 12:00Z", "2026-03-02 13:00Z"
# Of each line the first stays.
CASES = [
    [("DONE", 1, NOON), ("DIALING", 2, ONE), ("QUEUED", 3, ONE)],
    [("DIALING", 1, None), ("FAILED", 2, ONE), ("QUEUED", 0, None)],
    [("FAILED", 1, None), ("QUEUED", 1, NOON), ("CANCELLED", 2, ONE)],
    [("QUEUED", 1, NOON), ("QUEUED", 0, None), ("CANCELLED", 1, ONE)],
    [("HELD", 2, NOON), ("QUEUED", 1, ONE), ("HELD", 1, NOON)],
    [("DONE", 2, ONE), ("DONE", 2, NOON), ("DONE", 1, ONE)],
    [("QUEUED", 0, None), ("CANCELLED", 0, None)],
    [("CANCELLED", 0, None)],
]


@pytest.fixture
def before(database_url):
    """Settings of a database whose queue has no unique key yet, and a connection to it."""
    settings = load_settings(database_url=database_url)
    rollback(settings, steps=len(NAMES) - NAMES.index("0015.call_indexes"))
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield settings, connection


def seed(connection, *, backwards):
    """Queue every case in every campaign of two tenants; marks what is to stay."""
    memberships = connection.execute(SEED).fetchall()
    for number in range(4):
        for case, rows in enumerate(CASES):
            tenant_id, campaign_id, contact_id = memberships[number * 10 + case]
            calls = [(*row, "stays" if place == 0 else "goes") for place, row in enumerate(rows)]
            for state, attempts, dialed_at, mark in reversed(calls) if backwards else calls:
                connection.execute(
                    INSERT,
                    (tenant_id, campaign_id, contact_id, state, attempts, dialed_at, mark),
                )
    return memberships


@pytest.mark.parametrize("backwards", [False, True])
def test_of_duplicates_the_one_furthest_along_stays(before, backwards):
    settings, connection = before
    memberships = seed(connection, backwards=backwards)
    tenant_id, campaign_id, contact_id = memberships[0]
    for _ in range(3):  # of no campaign
        connection.execute(INSERT, (tenant_id, None, contact_id, "QUEUED", 0, None, "stays"))

    migrate(settings)

    left = connection.execute("SELECT error, count(*) FROM call_queue GROUP BY 1").fetchall()
    assert left == [("stays", 4 * len(CASES) + 3)]
    with pytest.raises(psycopg.errors.UniqueViolation):
        connection.execute(INSERT, (tenant_id, campaign_id, contact_id, "QUEUED", 0, None, ""))
    connection.execute(INSERT, (tenant_id, None, contact_id, "QUEUED", 0, None, ""))


def test_a_build_that_a_new_duplicate_made_fail_is_begun_again(before):
    settings, connection = before
    seed(connection, backwards=False)
    with pytest.raises(psycopg.errors.UniqueViolation):
        connection.execute(
            "CREATE UNIQUE INDEX CONCURRENTLY call_queue_campaign_contact"
            " ON call_queue (tenant_id, campaign_id, contact_id)"
        )

    migrate(settings)

    assert connection.execute("SELECT DISTINCT error FROM call_queue").fetchall() == [("stays",)]
