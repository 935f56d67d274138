"""The PBX simulator, in a thread of the test's own process and as the program it is."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from config.pbx import Pbx, parse_pbxs
from jobs.calls.ami.client import AmiClient
from jobs.calls.merge.reading import Reader
from jobs.calls.merge.row import project
from jobs.calls.outcomes import call_outcome
from standalone.pbx import SECRET_VARIABLE, main
from standalone.pbx_calls import OUTCOMES, Mix
from standalone.ports import LOOPBACK, accepts_connections, free_port
from tests.jobs.calls.exchange import Exchange
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
LONG = Mix(ring_s=60, talk_s=60)


def originate(number, channel_id, **more):
    return [
        *(("Action", "Originate"), ("Channel", f"PJSIP/{number}@trunk"), ("Context", "ivr")),
        *(("Exten", "s"), ("ActionID", channel_id), ("ChannelId", channel_id)),
        *(("CallerID", "<+15550001111>"), ("Async", "true"), *more.items()),
    ]


class Listener:
    """Logs in for events, acts, and waits for what they tell."""

    def __init__(self, url, events="call,cdr,user"):
        [self.pbx] = parse_pbxs(url)
        self.events = []
        self._mask = events
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self):
        self._thread.start()
        self.client = self._run(
            AmiClient.connect(
                self.pbx, timeout_s=10, events=self._mask, on_event=self.events.append
            )
        )
        return self

    def __exit__(self, *_error):
        self._run(self.client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def act(self, *actions):
        return self._run(self.client.act(actions))

    def await_events(self, name, count):
        wait_until(lambda: len(self.of(name)) >= count)

    def of(self, name):
        return [event.fields for event in list(self.events) if event.event == name]

    def rows(self):
        reader = Reader(ZoneInfo("UTC"))
        for at, event in enumerate(list(self.events)):
            reader.read(event, at)
        reader.settle()
        return {linked: project(linked, facts) for linked, facts in reader.take().items()}

    def _run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


@pytest.fixture
def exchange():
    with Exchange() as running:
        yield running


def test_what_it_tells_of_calls_merges_into_their_outcomes(exchange):
    outcomes = [outcome for outcome in OUTCOMES if outcome not in {"failed", "lost"}]
    numbers = {outcome: f"+1555000{n:04d}" for n, outcome in enumerate(outcomes)}
    exchange.run(lambda: exchange.pbx.calls.outcome_of.update(
        {number: outcome for outcome, number in numbers.items()}
    ))  # fmt: skip
    with Listener(exchange.url) as listener:
        answers = listener.act(*(originate(numbers[o], f"ours-{o}") for o in outcomes))
        assert {answer.fields["Message"] for answer in answers} == {"Originate successfully queued"}
        # The legs of the desk in those that were answered hang up too.
        listener.await_events("Hangup", len(outcomes) + 3)
        rows = listener.rows()
    assert set(rows) == {f"ours-{outcome}" for outcome in outcomes}
    for outcome in outcomes:
        row = rows[f"ours-{outcome}"]
        assert call_outcome(row.disposition, row.transfer_number, row.user_events) == outcome
        assert (row.direction, row.status) == ("outbound", "ENDED")
        assert not row.unknown_end


def test_a_call_that_fails_has_no_channel_and_of_a_lost_one_nothing_is_told(exchange):
    numbers = {"+15550000001": "failed", "+15550000002": "lost", "+15550000003": "busy"}
    exchange.run(lambda: exchange.pbx.calls.outcome_of.update(numbers))
    with Listener(exchange.url) as listener:
        listener.act(*(originate(number, outcome) for number, outcome in numbers.items()))
        listener.await_events("OriginateResponse", 2)
        told = {event["ActionID"]: event for event in listener.of("OriginateResponse")}
        channels = {event["Uniqueid"] for event in listener.of("Newchannel")}
    assert set(told) == {"failed", "busy"}
    assert {(e["Response"], e["Uniqueid"]) for e in told.values()} == {("Failure", "<unknown>")}
    assert channels == {"busy"}


def test_calls_come_in_and_merge_as_asterisk_writes_them(exchange):
    callers = {"+15550000001": "answered", "+15550000002": "busy", "+15550000003": "no_answer"}
    calls = exchange.pbx.calls

    def ring():
        calls.outcome_of.update(callers)
        for caller in callers:
            exchange.pbx.start(calls.come_in(caller, "+15559990000"))

    with Listener(exchange.url) as listener:
        exchange.run(ring)
        listener.await_events("Hangup", 6)
        listener.await_events("Cdr", 3)
        rows = {row.from_number: row for row in listener.rows().values()}
    found = {number: (row.disposition, row.direction, row.dialed) for number, row in rows.items()}
    assert found == {
        "+15550000001": ("ANSWERED", "inbound", "+15559990000"),
        "+15550000002": ("BUSY", "inbound", "+15559990000"),
        "+15550000003": ("NO ANSWER", "inbound", "+15559990000"),
    }


def test_channels_are_shown_while_they_live():
    with Exchange(LONG) as exchange, Listener(exchange.url) as listener:
        listener.act(originate("+15550000001", "one"), originate("+15550000002", "two"))
        listener.await_events("DialBegin", 2)
        [shown] = listener.act([("Action", "CoreShowChannels"), ("ActionID", "look")])
        listener.await_events("CoreShowChannelsComplete", 1)
        again = listener.act(originate("+15550000003", "one"))
    assert shown.fields["EventList"] == "start"
    channels = listener.of("CoreShowChannel")
    assert {(c["ActionID"], c["Uniqueid"], c["ChannelStateDesc"]) for c in channels} == {
        ("look", "one", "Ringing"),
        ("look", "two", "Ringing"),
    }
    [complete] = listener.of("CoreShowChannelsComplete")
    assert (complete["ActionID"], complete["ListItems"]) == ("look", "2")
    assert again[0].fields["Response"] == "Error"  # an id that a channel has


def test_a_session_chooses_what_it_hears(exchange):
    with Listener(exchange.url, events="off") as listener:
        [off] = listener.act([("Action", "Events"), ("EventMask", "cdr")])
        listener.act(originate("+15550000001", "one"))
        listener.await_events("Cdr", 1)
        listener.act([("Action", "Ping")])
    assert off.fields["Events"] == "On"
    assert {event.event for event in listener.events} == {"Cdr"}


def test_nobody_acts_before_they_are_in(exchange):
    with socket.create_connection((LOOPBACK, exchange.port), timeout=10) as line:
        received = line.makefile("rb")
        assert received.readline() == b"Asterisk Call Manager/11.0.0\r\n"
        line.sendall(b"Action: Ping\r\n\r\nAction: Login\r\nUsername: x\r\nSecret: y\r\n\r\n")
        assert received.read().decode().split("\r\n\r\n")[:2] == [
            "Response: Error\r\nMessage: Permission denied",
            "Response: Error\r\nMessage: Authentication failed",
        ]
        received.close()


class TestProgram:
    def test_it_runs_until_it_is_told_to_stop(self, tmp_path):
        port = free_port()
        command = [
            *(sys.executable, "-m", "standalone.pbx", "--port", str(port), "--user", "me"),
            *("--inbound-per-second", "50", "--did", "+15559990000"),
            *("--mix", "busy=1,no_answer=1", "--ring-s", "0.01"),
        ]
        environment = {**os.environ, SECRET_VARIABLE: "s3cret"}
        with (tmp_path / "log").open("wb") as output:
            process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=output, stderr=output
            )
            try:
                wait_until(lambda: accepts_connections(port))
                with Listener(f"ami://me:s3cret@{LOOPBACK}:{port}") as listener:
                    listener.await_events("Cdr", 3)
            finally:
                process.send_signal(signal.SIGTERM)
                assert process.wait(20) == 0
        assert {cdr["Disposition"] for cdr in listener.of("Cdr")} <= {"BUSY", "NO ANSWER"}
        assert (tmp_path / "log").read_bytes() == b""

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (["--mix", "brilliant=1"], "'brilliant' is none of"),
            (["--mix", "busy=0"], "busy: no share above 0"),
            (["--inbound-per-second", "1"], "needs a --did"),
        ],
    )
    def test_a_wrong_option_is_told(self, capsys, arguments, told):
        with pytest.raises(SystemExit):
            main(["--port", "1", *arguments])
        assert told in capsys.readouterr().err


def test_shares_are_met():
    mix = Mix.read("answered=70, busy=10,no_answer=20")
    with Exchange(mix) as exchange:
        draws = exchange.run(lambda: [exchange.pbx.calls.draw("") for _ in range(10_000)])
    assert {name: round(draws.count(name) / 1000) for name in mix.shares} == {
        "answered": 7,
        "busy": 1,
        "no_answer": 2,
    }


def test_its_login_is_a_pbx_of_the_settings(exchange):
    assert parse_pbxs(exchange.url) == [
        Pbx(f"{LOOPBACK}:{exchange.port}", LOOPBACK, exchange.port, "caller", "hunter2")
    ]
