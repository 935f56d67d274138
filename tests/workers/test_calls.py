"""Queued calls ring for the actor that dials them."""

import pytest

from config.settings import load_settings
from tests.drain import drain
from tests.factories import make_contacts, make_tenant
from tests.jobs.calls.exchange import Exchange
from workers.ticks import Ticker


@pytest.fixture
def exchange():
    with Exchange() as running:
        yield running


@pytest.fixture
def settings(settings, exchange):
    named = load_settings(ami_urls=exchange.url)
    return settings.model_copy(update={"ami_urls": named.ami_urls})


def test_a_tick_has_queued_calls_dialed(database, broker, settings, execute, exchange):
    tenant_id = make_tenant(database)
    make_contacts(database, tenant_id, 12)
    execute(
        "INSERT INTO call_queue (tenant_id, contact_id, to_number)"
        " SELECT tenant_id, id, phone_number FROM contacts"
    )
    ticker = Ticker(database, broker, settings)

    assert ticker.tick() == {"calls": 1}
    # First they are given their hours, which are now; then as many are dialed as there are lines.
    assert drain(broker) == ["run_calls"] * 3

    assert len(exchange.pbx.originated) == 10
    assert ticker.tick() == {}
    assert execute("SELECT state, count(*) FROM call_queue GROUP BY 1 ORDER BY 1") == [
        ("DIALING", 10),
        ("QUEUED", 2),
    ]
