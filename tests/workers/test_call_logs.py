"""What is in the stream rings for the actor that writes it."""

import pytest

from db.queries.calls.logs import CallKey
from jobs.calls.stream import Stage, entry_of
from tests.drain import drain
from tests.factories import make_tenant
from workers.actors import declare_actors
from workers.broker import close_broker, make_broker
from workers.call_stream import claim_owned_calls, open_call_stream
from workers.middleware import worker_middleware
from workers.ticks import Ticker

CALL = CallKey("pbx", "1795311959.0")
FACTS = {
    "leg|1795311959.0": [0, 1795311959.5, "IAX2/t-1", "4915111111", "", "4930555555", "in", ""],
    "hangup|1795311959.0": [1795311969.5, "16", "Normal Clearing"],
}


@pytest.fixture
def settings(settings, redis_settings):
    return settings.model_copy(update=redis_settings | {"call_debounce_ms": 1})


@pytest.fixture
def broker(settings):
    """On a real Redis: the streams are there too."""
    booted = make_broker(settings, middleware=worker_middleware(settings))
    declare_actors(booted)
    booted.emit_after("process_boot")
    yield booted
    booted.emit_after("worker_shutdown", None)
    close_broker(booted)


@pytest.fixture
def calls(settings):
    opened = open_call_stream(settings)
    yield opened
    opened.close()


def test_news_of_calls_ring_and_are_written(database, broker, settings, calls, execute):
    ticker = Ticker(database, broker, settings, calls=calls)
    assert ticker.tick() == {}
    calls.send([entry_of(CALL, Stage.OVER, FACTS)])
    assert ticker.tick() == {"call_logs": 1}
    assert drain(broker) == ["flush_call_logs"]
    assert execute("SELECT unique_id, status, duration FROM call_quarantine") == [
        (CALL.unique_id, "ENDED", 10)
    ]


def test_a_number_that_is_imported_rings_for_the_calls_on_it(
    database, broker, settings, calls, execute
):
    calls.send([entry_of(CALL, Stage.OVER, FACTS)])
    ticker = Ticker(database, broker, settings, calls=calls)
    ticker.tick()
    drain(broker)
    tenant_id = make_tenant(database)
    execute("INSERT INTO dids (tenant_id, number) VALUES (%s, '+4930555555')", [tenant_id])
    assert ticker.tick() == {"call_logs": 1}
    drain(broker)
    assert execute("SELECT tenant_id, did FROM call_logs") == [(tenant_id, "+4930555555")]
    assert execute("SELECT count(*) FROM call_quarantine") == [(0,)]
    assert ticker.tick() == {}


def test_what_a_race_with_an_import_left_behind_is_found(
    database, broker, settings, calls, execute
):
    calls.send([entry_of(CALL, Stage.OVER, FACTS)])
    Ticker(database, broker, settings, calls=calls).tick()
    drain(broker)
    tenant_id = make_tenant(database)
    execute("INSERT INTO dids (tenant_id, number) VALUES (%s, '+4930555555')", [tenant_id])
    execute("UPDATE number_changes SET handled_at = now()")  # looked after a moment too soon
    with database.transaction() as connection:
        assert claim_owned_calls(connection, settings) == {"sent": 1}
    assert Ticker(database, broker, settings, calls=calls).tick() == {"call_logs": 1}
    drain(broker)
    assert execute("SELECT tenant_id FROM call_logs") == [(tenant_id,)]


def test_without_redis_there_is_no_stream(settings):
    assert open_call_stream(settings.model_copy(update={"redis_url": None})) is None
