"""Queued calls: dialed, heard of and told to those who wait, by the processes' own parts."""

import asyncio
import contextlib
import threading
from datetime import UTC, datetime

import pytest

from config.settings import load_settings
from jobs.calls.listening.spool import open_spool
from tests.drain import drain
from tests.factories import make_contacts, make_tenant
from tests.jobs.calls.exchange import Exchange
from tests.jobs.journeys.journeys import apply_journey, enroll
from tests.waiting import wait_until
from workers.actors import declare_actors
from workers.broker import close_broker, make_broker
from workers.call_stream import open_call_stream
from workers.listening import Listener
from workers.middleware import worker_middleware
from workers.ticks import Ticker

OUTCOMES = ("answered", "busy", "no_answer", "failed", "machine", "transferred")
RAW = {
    "journey": "phone",
    "start": "call",
    "nodes": {
        "call": {"type": "make_call", "answered": "won", "next": "z"},
        "won": {"type": "add_to_campaign", "campaign": "Won", "next": "z"},
        "z": {"type": "end"},
    },
}


@pytest.fixture
def exchange():
    with Exchange() as running:
        yield running


@pytest.fixture
def settings(settings, redis_settings, exchange):
    return settings.model_copy(
        update=redis_settings
        | {"call_debounce_ms": 1, "call_debounce_max_ms": 1}
        | {"ami_urls": load_settings(ami_urls=exchange.url).ami_urls}
    )


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
def stream(settings):
    with contextlib.closing(open_call_stream(settings)) as opened:
        yield opened


@pytest.fixture
def listener(settings, stream, tmp_path):
    """A listener in a thread of its own, logged in."""
    broker, loop = make_broker(settings), asyncio.new_event_loop()
    spool = open_spool(tmp_path / "spool", max_bytes=10_000_000)
    listening = Listener(settings, broker, stream, spool)
    thread = threading.Thread(target=lambda: loop.run_until_complete(listening.run()))
    thread.start()
    yield listening
    loop.call_soon_threadsafe(listening.stop)
    thread.join()
    loop.close()
    close_broker(broker)
    spool.close()


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


def test_from_the_step_to_the_branch_of_its_outcome(
    database, broker, settings, execute, exchange, stream, listener
):
    """A journey calls, a PBX tells what became of it, and everybody who waits is told."""
    wait_until(lambda: exchange.pbx.logins)
    tenant_id = make_tenant(database)
    contacts = make_contacts(database, tenant_id, len(OUTCOMES))
    numbers = [f"+1555000000{n}" for n in range(len(OUTCOMES))]
    exchange.run(lambda: exchange.pbx.calls.outcome_of.update(zip(numbers, OUTCOMES, strict=True)))
    journey = apply_journey(database, tenant_id, RAW)
    enroll(database, tenant_id, journey, contacts, at=datetime.now(UTC))
    ticker = Ticker(database, broker, settings, calls=stream)

    def all_done():
        ticker.tick()
        drain(broker)
        return execute("SELECT count(*) FROM journey_contacts WHERE status = 'COMPLETED'") == [
            (len(OUTCOMES),)
        ]

    wait_until(all_done)

    rows = execute(
        "SELECT l.to_number, x.outcome, q.outcome, q.state, c.last_call_outcome, l.direction,"
        " l.contact_id = c.id AND l.execution_id = q.execution_id"
        " AND l.journey_contact_id = q.journey_contact_id, l.status"
        " FROM call_queue q JOIN contacts c ON c.id = q.contact_id"
        " JOIN journey_node_executions x ON x.id = q.execution_id"
        " JOIN call_logs l ON l.unique_id = q.channel_id ORDER BY 1"
    )
    assert rows == [
        (number, outcome, outcome, "DONE", outcome, "outbound", True, "ENDED")
        for number, outcome in zip(numbers, OUTCOMES, strict=True)
    ]
    assert execute("SELECT contact_id FROM campaign_contacts") == [(contacts[0],)]
    assert len(exchange.pbx.originated) == len(OUTCOMES)
