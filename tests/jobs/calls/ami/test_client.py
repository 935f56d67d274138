"""The AMI client against a simulator that checks what it is told."""

import asyncio
import dataclasses
import ssl
from pathlib import Path

import pytest

from config.pbx import parse_pbxs
from jobs.calls.ami.client import AmiClient, AmiDeniedError, AmiError, encode
from standalone.ports import LOOPBACK, free_port
from tests.jobs.calls.exchange import SECRET, Exchange
from tests.waiting import wait_until

PING = [("Action", "Ping")]
CALL = [
    *(("Action", "Originate"), ("Channel", "PJSIP/+15550000000@t"), ("ChannelId", "ours")),
    *(("Context", "c"), ("Exten", "s"), ("Async", "true")),
]


@pytest.fixture
def exchange():
    with Exchange() as running:
        yield running


def with_client(exchange, work, **options):
    """Log in, do ``work(client)``, and log off."""
    [pbx] = parse_pbxs(exchange.url)

    async def session():
        client = await AmiClient.connect(pbx, timeout_s=5, **options)
        try:
            return await work(client)
        finally:
            await client.close()

    return asyncio.run(session())


@pytest.mark.parametrize("auth", ["md5", "plain"])
def test_it_logs_in_either_way(exchange, auth):
    [pbx] = parse_pbxs(f"{exchange.url}?auth={auth}")

    async def session():
        client = await AmiClient.connect(pbx, timeout_s=5)
        assert await client.ping()
        await client.close()
        assert client.closed
        with pytest.raises(AmiError, match="closed"):
            await client.act([PING])
        assert not await client.ping()

    asyncio.run(session())
    assert exchange.pbx.logins == 1


@pytest.mark.parametrize("auth", ["md5", "plain"])
def test_a_wrong_secret_is_denied_and_not_told(exchange, auth):
    [pbx] = parse_pbxs(f"{exchange.url}?auth={auth}")
    wrong = dataclasses.replace(pbx, secret="opensesame")

    with pytest.raises(AmiDeniedError, match="login denied: Authentication failed") as caught:
        asyncio.run(AmiClient.connect(wrong, timeout_s=5))

    assert "opensesame" not in str(caught.value)
    assert SECRET not in str(caught.value)


def test_answers_find_their_actions_whatever_comes_between(exchange):
    async def work(client):
        actions = [PING, [("Action", "Nonsense")], [("Action", "CoreShowChannels")], PING]
        return await client.act(actions * 20)

    responses = with_client(exchange, work, events="all")
    told = [(r.fields["Response"], r.fields.get("Ping") or r.fields["Message"]) for r in responses]
    assert (
        told
        == [
            ("Success", "Pong"),
            ("Error", "Invalid/unknown command"),
            ("Success", "Channels will follow"),
            ("Success", "Pong"),
        ]
        * 20
    )


def test_events_are_handed_over_by_their_classes(exchange):
    def session(mask):
        events = []
        ended = asyncio.Event()

        def take(message):
            events.append(message.event)
            if message.event == "Hangup" and message.fields["Uniqueid"] == "ours":
                ended.set()

        async def work(client):
            await client.act([CALL])
            await asyncio.wait_for(ended.wait(), 20)

        with_client(exchange, work, events=mask, on_event=take)
        return events

    events = session("call,cdr")
    assert events[0] == "Newchannel"
    assert events[-1] == "Hangup"
    assert "Cdr" in events
    assert "Cdr" not in session("call")


def test_without_a_mask_no_event_comes(exchange):
    events, ended = [], []
    hang_up = exchange.pbx.calls._hang_up
    exchange.pbx.calls._hang_up = lambda *given: ended.append(hang_up(*given))

    async def work(client):
        await client.act([CALL])
        await asyncio.to_thread(wait_until, lambda: ended)
        await client.ping()

    with_client(exchange, work, on_event=events.append)
    assert events == []


def test_a_pbx_that_says_nothing_is_given_up(exchange):
    [pbx] = parse_pbxs(exchange.url)

    async def session():
        client = await AmiClient.connect(pbx, timeout_s=0.2)
        exchange.run(lambda: setattr(exchange.pbx.faults, "silent", True))
        assert await client.act([PING]) == [None]
        assert not await client.ping()
        assert client.closed
        with pytest.raises(AmiError, match=r"Challenge: no answer in 0\.2 s"):
            await AmiClient.connect(pbx, timeout_s=0.2)

    asyncio.run(session())


def test_who_is_cut_off_knows_it(exchange):
    async def work(client):
        asking = asyncio.ensure_future(client.act([PING]))
        await asking
        exchange.run(exchange.pbx.drop_sessions)
        await asyncio.to_thread(wait_until, lambda: client.closed)
        with pytest.raises(AmiError, match="closed"):
            await client.act([PING])

    with_client(exchange, work)


def test_nobody_there_is_one_line():
    [pbx] = parse_pbxs(f"ami://u:hunter2@{LOOPBACK}:{free_port()}")
    with pytest.raises(AmiError) as caught:
        asyncio.run(AmiClient.connect(pbx, timeout_s=5))
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("mess", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"\xff" * 100_000])
def test_what_is_no_pbx_is_not_logged_into(mess):
    async def serve(_reader, writer):
        writer.write(mess)
        writer.close()
        await writer.wait_closed()

    async def session():
        port = free_port()
        server = await asyncio.start_server(serve, LOOPBACK, port)
        async with server:
            [pbx] = parse_pbxs(f"ami://u:p@{LOOPBACK}:{port}")
            with pytest.raises(AmiError):
                await AmiClient.connect(pbx, timeout_s=5)

    asyncio.run(session())


def test_a_value_can_not_begin_a_line_of_its_own():
    assert encode([("Action", "Ping"), ("ActionID", "x y: z")]) == (
        b"Action: Ping\r\nActionID: x y: z\r\n\r\n"
    )
    for action in ([("Action", "Ping\r\nAction: Command")], [("A\r\nB", "x")], [("A", "\0")]):
        with pytest.raises(ValueError, match="no line can carry"):
            encode(action)


class TestTls:
    CERTIFICATE = Path(__file__).parent / "loopback.pem"

    @pytest.fixture
    def exchange(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.CERTIFICATE)
        with Exchange(tls=context) as running:
            yield running

    def connect(self, exchange, options=""):
        [pbx] = parse_pbxs(exchange.url.replace("ami://", "amis://") + options)

        async def session():
            client = await AmiClient.connect(pbx, timeout_s=5)
            assert await client.ping()
            await client.close()

        asyncio.run(session())

    def test_it_speaks_tls_with_whom_it_trusts(self, exchange):
        self.connect(exchange, f"?ca={self.CERTIFICATE}")
        assert exchange.pbx.logins == 1

    def test_and_with_nobody_else(self, exchange):
        with pytest.raises(AmiError, match=r"(?i)certificate"):
            self.connect(exchange)
        with pytest.raises(AmiError, match="No such file"):
            self.connect(exchange, "?ca=/nowhere.pem")
        assert exchange.pbx.logins == 0
