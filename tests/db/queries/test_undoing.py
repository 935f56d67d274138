import psycopg
import pytest

from tests.factories import make_contacts, make_tenant


@pytest.fixture
def members(database):
    """20,000 memberships of 2,000 contacts in 10 campaigns; returns (tenant id, a contact's id)."""
    tenant_id = make_tenant(database)
    ids = make_contacts(database, tenant_id, 2000)
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO campaigns (tenant_id, name) SELECT %s, 'c' || n"
            " FROM generate_series(1, 10) AS n",
            [tenant_id],
        )
        connection.execute(
            "INSERT INTO campaign_contacts (tenant_id, campaign_id, contact_id)"
            " SELECT c.tenant_id, k.id, c.id FROM contacts AS c CROSS JOIN campaigns AS k"
        )
    return tenant_id, ids[0]


def test_a_contacts_memberships_are_found_by_their_index(database, settings, members):
    """As its deletion looks for them, and as undoing an import does."""
    with psycopg.connect(settings.direct_url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE campaign_contacts")
    with database.transaction() as connection:
        plan = connection.execute(
            "EXPLAIN DELETE FROM ONLY campaign_contacts WHERE tenant_id = %s AND contact_id = %s",
            members,
        ).fetchall()
    assert any("idx_campaign_contacts_contact" in line for (line,) in plan), plan
