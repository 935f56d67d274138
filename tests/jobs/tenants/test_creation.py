import pytest

from db.queries.tenants import find_tenant, list_tenants
from jobs.tenants import TenantError, create_tenant


def make(database, *args, **kwargs):
    with database.transaction() as connection:
        return create_tenant(connection, *args, **kwargs)


def test_a_tenant_is_found_again(database):
    tenant = make(database, "acme", region="us", timezone="America/New_York")
    make(database, "abel", region="GB", timezone="Europe/London", name="Abel & Co")
    with database.read() as connection:
        found = find_tenant(connection, "acme")
        assert find_tenant(connection, "nobody") is None
        tenants = list_tenants(connection)
    assert found == tenant
    assert (found.name, found.region) == ("acme", "US")
    assert found.status == "ACTIVE"
    assert [(t.slug, t.name, t.timezone) for t in tenants] == [
        ("abel", "Abel & Co", "Europe/London"),
        ("acme", "acme", "America/New_York"),
    ]


def test_every_wrong_value_is_named(database):
    with pytest.raises(TenantError) as error:
        make(database, "Acme!", region="XX", timezone="Mars/Olympus", name=" ")
    text = str(error.value)
    assert "\n" not in text
    for part in ("'Acme!'", "'XX'", "'Mars/Olympus'", "the name"):
        assert part in text
    with database.read() as connection:
        assert list_tenants(connection) == []


def test_a_slug_is_taken_once(database):
    make(database, "acme", region="US", timezone="America/New_York")
    with pytest.raises(TenantError, match="there is a tenant 'acme' already"):
        make(database, "acme", region="GB", timezone="Europe/London")
