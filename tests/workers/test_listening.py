"""A listener on real servers: a PBX simulator, Redis, Postgres."""

import asyncio
import contextlib
import socket
import threading
from functools import partial

import pytest
from structlog.testing import capture_logs

from config.settings import ConfigError, load_settings
from db.cache.registry import Caches
from jobs.calls.belonging import Owners
from jobs.calls.flush import flush_calls
from jobs.calls.listening import connection
from jobs.calls.listening.spool import open_spool
from standalone.pbx_calls import Mix
from standalone.ports import LOOPBACK
from tests.factories import make_tenant
from tests.jobs.calls.exchange import SECRET, Exchange
from tests.waiting import wait_until
from workers.broker import close_broker, make_broker
from workers.call_stream import open_call_stream
from workers.listening import Listener, run_listener

DID = "+15550001111"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(connection, "_FIRST_WAIT_S", 0.05)
    monkeypatch.setattr(connection, "_DENIED_WAIT_S", 0.05)


@pytest.fixture
def settings(settings, redis_settings):
    return settings.model_copy(
        update=redis_settings
        | {"call_debounce_ms": 1, "call_debounce_max_ms": 1, "ami_timeout_s": 2.0}
    )


@pytest.fixture
def stream(settings):
    with contextlib.closing(open_call_stream(settings)) as opened:
        yield opened


@pytest.fixture
def listening(settings, stream, tmp_path):
    """Start a listener to PBXs in a thread of its own; stopped at the end."""
    started = []

    def start(url, **update):
        chosen = settings.model_copy(update={"ami_urls": load_settings(ami_urls=url).ami_urls})
        chosen = chosen.model_copy(update=update)
        broker = make_broker(chosen)
        spool = open_spool(tmp_path / "spool", max_bytes=10_000_000)
        loop = asyncio.new_event_loop()
        listener = Listener(chosen, broker, stream, spool)
        thread = threading.Thread(target=lambda: loop.run_until_complete(listener.run()))
        thread.start()
        started.append((loop, listener, thread, broker, spool))
        return listener

    yield start
    for loop, listener, thread, broker, spool in started:
        loop.call_soon_threadsafe(listener.stop)
        thread.join()
        loop.close()
        close_broker(broker)
        spool.close()


def calls_in(database):
    with database.transaction() as session:
        return session.execute(
            "SELECT unique_id, status, disposition, unknown_end, from_number FROM call_logs"
            " UNION ALL SELECT unique_id, status, disposition, unknown_end, from_number"
            " FROM call_quarantine ORDER BY 1"
        ).fetchall()


def flushed(database, settings, stream, until):
    owners = Owners(300, Caches())

    def look():
        flush_calls(database, settings, stream, owners)
        return until(calls_in(database))

    wait_until(look)
    return calls_in(database)


def ring_in(exchange, *callers):
    for caller in callers:
        call = partial(exchange.pbx.calls.come_in, caller, DID)
        exchange.run(lambda call=call: exchange.pbx.start(call()))


def connected(exchange, times=1):
    wait_until(lambda: exchange.pbx.logins >= times)


def test_what_a_pbx_says_is_written_down(database, settings, stream, listening):
    tenant_id = make_tenant(database)
    with database.transaction() as session:
        session.execute("INSERT INTO dids (tenant_id, number) VALUES (%s, %s)", [tenant_id, DID])
    with Exchange(Mix(ring_s=0.05, talk_s=0.1)) as exchange:
        listening(exchange.url)
        connected(exchange)
        exchange.pbx.calls.outcome_of["+15551000002"] = "busy"
        ring_in(exchange, "+15551000001", "+15551000002")
        rows = flushed(
            database, settings, stream, lambda rows: [r[1] for r in rows] == ["ENDED", "ENDED"]
        )
    assert [(r[2], r[3], r[4]) for r in rows] == [
        ("ANSWERED", False, "+15551000001"),
        ("BUSY", False, "+15551000002"),
    ]
    with database.transaction() as session:
        found = session.execute("SELECT DISTINCT tenant_id, did FROM call_logs").fetchall()
    assert found == [(tenant_id, DID)]


def test_a_call_whose_end_was_missed_is_closed_when_the_pbx_is_back(
    database, settings, stream, listening
):
    with Exchange(Mix(ring_s=0.01, talk_s=60)) as exchange:
        listening(exchange.url)
        connected(exchange)
        ring_in(exchange, "+15551000001", "+15551000002")
        flushed(database, settings, stream, lambda rows: [r[1] for r in rows] == ["ANSWERED"] * 2)
        calls = exchange.pbx.calls
        gone = min(calls.channels)

        def lose_one():
            linked = calls.channels[gone].linked_id
            for uid in [u for u, c in calls.channels.items() if c.linked_id == linked]:
                del calls.channels[uid]
            exchange.pbx.drop_sessions()

        exchange.run(lose_one)
        connected(exchange, times=2)
        rows = flushed(database, settings, stream, lambda rows: any(r[3] for r in rows))
    assert {row[0]: (row[1], row[3]) for row in rows}[gone] == ("ENDED", True)
    assert sorted(row[1] for row in rows) == ["ANSWERED", "ENDED"]


def test_calls_of_a_pbx_that_is_gone_are_closed(database, settings, stream, listening, monkeypatch):
    monkeypatch.setattr(connection, "_GONE_S", 0.3)
    with Exchange(Mix(ring_s=0.01, talk_s=60)) as exchange:
        listening(exchange.url)
        connected(exchange)
        ring_in(exchange, "+15551000001")
        flushed(database, settings, stream, lambda rows: [r[1] for r in rows] == ["ANSWERED"])
    rows = flushed(database, settings, stream, lambda rows: [r[1] for r in rows] == ["ENDED"])
    assert [(r[2], r[3]) for r in rows] == [("ANSWERED", True)]


def test_two_listeners_make_the_same_rows(database, settings, stream, listening):
    with Exchange(Mix(ring_s=0.01, talk_s=0.05)) as exchange:
        listening(exchange.url)
        listening(exchange.url)
        connected(exchange, times=2)
        ring_in(exchange, *(f"+1555100000{n}" for n in range(5)))
        rows = flushed(
            database, settings, stream, lambda rows: [r[1] for r in rows] == ["ENDED"] * 5
        )
    assert {row[2] for row in rows} == {"ANSWERED"}


def test_a_wrong_secret_is_told_without_it_and_asked_again(settings, listening):
    with capture_logs() as logs, Exchange() as exchange:
        wrong = exchange.url.replace(SECRET, "swordfish")
        listening(wrong)
        wait_until(lambda: sum(line["event"] == "pbx_denies" for line in logs) >= 2)
    assert not any("swordfish" in str(line) or SECRET in str(line) for line in logs)


class Stranger:
    """Whoever answers at the port, but is no PBX: says ``said`` and then waits."""

    def __init__(self, said):
        self._said = said
        self.visits = 0
        self._socket = socket.create_server((LOOPBACK, 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_error):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                visitor, _ = self._socket.accept()
                self.visits += 1
                with visitor, contextlib.suppress(OSError):
                    visitor.settimeout(5)
                    visitor.sendall(self._said)
                    while visitor.recv(1024):
                        pass


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        bytes(range(256)) * 1000,
        b"Asterisk Call Manager/11.0.0\r\n" + b"x" * 10_000_000,
    ],
    ids=["nothing", "http", "garbage", "a line of 10 MB"],
)
def test_who_is_no_pbx_is_told_of_and_called_again(listening, said):
    with capture_logs() as logs, Stranger(said) as stranger:
        listening(f"ami://caller:hunter2@{LOOPBACK}:{stranger.port}", ami_timeout_s=0.2)
        wait_until(lambda: stranger.visits >= 2)
    troubles = [line for line in logs if line["event"] == "pbx_away"]
    assert troubles
    assert not any("hunter2" in str(line) for line in logs)


def test_a_spool_that_is_full_loses_events_loudly(settings, stream, listening, monkeypatch):
    monkeypatch.setattr("jobs.calls.listening.spool.Spool.append", _refuse)
    with capture_logs() as logs, Exchange(Mix(ring_s=0.01, talk_s=0.01)) as exchange:
        listening(exchange.url)
        connected(exchange)
        ring_in(exchange, "+15551000001")
        wait_until(lambda: any(line["event"] == "spool_refuses" for line in logs))
        monkeypatch.undo()
        wait_until(lambda: any(line["event"] == "spool_takes_again" for line in logs))


def _refuse(*_):
    raise OSError("no space left on device")


def test_without_a_pbx_there_is_nothing_to_listen_to(settings):
    with pytest.raises(ConfigError, match="AMI_URLS is not set"):
        run_listener(settings)


def test_an_end_rings_at_once(settings, stream, listening):
    broker = make_broker(settings)
    with Exchange(Mix(ring_s=0.01, talk_s=0.01)) as exchange:
        listening(exchange.url)
        connected(exchange)
        ring_in(exchange, "+15551000001")
        wait_until(lambda: broker.waiting("call_logs") > 0)
    close_broker(broker)
