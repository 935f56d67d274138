"""Calls over real connections: what is sent, what is followed, and what is never connected to."""

import asyncio
import contextlib
import hashlib
import hmac
import socket
import ssl
import threading
import uuid
from pathlib import Path

import httpcore
import pytest

from config.settings import load_settings
from jobs.webhooks.answers import KEPT_BYTES, Answer, Verdict
from jobs.webhooks.client import Call, WebhookClient
from standalone.http_server import Response
from standalone.ports import LOOPBACK, free_port

PLAIN = load_settings(database_url="postgresql://nowhere/x", webhook_timeout_s=20)
HASTY = PLAIN.model_copy(update={"webhook_timeout_s": 0.3})
REFUSED = Answer(Verdict.REFUSED, error="the host's address is not one to be called")
TLS_FILES = Path(__file__).parent / "tls"


def call_of(url, *, private_too=True, body='{"a": "ä"}'):
    return Call(uuid.uuid4(), url, body, "opensesame", private_too)


def post(url, settings=PLAIN, *, private_too=True, **client):
    """The answer to one try of a client of its own."""
    opened = WebhookClient(settings, **client)
    try:
        return opened.post(call_of(url, private_too=private_too)).result(60)
    finally:
        opened.close()


def redirecting(*places, status=307):
    """An answer that sends callers from /0 to the first place and so on, each once."""

    def answer(request):
        number = int(request.path.strip("/") or 0)
        if number < len(places):
            return Response(status, {}, {"Location": places[number]})
        return Response(200, {"arrived": True})

    return answer


class Names:
    """A resolver whose every next answer for a name is another one."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    async def __call__(self, host, _port):
        self.asked.append(host)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


class Network(httpcore.AsyncNetworkBackend):
    """Notes where connections go; those in ``open_to`` lead to the loopback address."""

    def __init__(self, *open_to):
        self.places = []
        self._open_to = open_to
        self._real = httpcore.AnyIOBackend()

    async def connect_tcp(self, host, port, *args, **kwargs):
        self.places.append(host)
        if host not in self._open_to:
            raise httpcore.ConnectError
        return await self._real.connect_tcp(LOOPBACK, port, *args, **kwargs)


def test_a_call_is_signed_and_bears_its_id(service):
    client = WebhookClient(PLAIN)
    call = call_of(service.url + "/hook?a=b")
    answer = client.post(call).result(60)
    client.close()

    assert answer == Answer(Verdict.SUCCESS, 200, {"ok": True})
    [request] = service.requests
    assert (request.method, request.path, request.query) == ("POST", "/hook", {"a": "b"})
    assert request.body == call.body.encode()
    assert request.headers["content-type"] == "application/json"
    assert request.headers["host"] == service.url.removeprefix("http://")
    assert request.headers["idempotency-key"] == str(call.id)
    moment, given = (p.split("=")[1] for p in request.headers["trunkline-signature"].split(","))
    signed = f"{moment}.".encode() + request.body
    assert given == hmac.new(b"opensesame", signed, hashlib.sha256).hexdigest()
    assert "opensesame" not in repr(call)
    assert "hook" not in repr(call)


def test_an_answer_is_kept_if_it_is_short_json(service):
    service.answer = lambda _request: Response(422, {"why": "no"})
    assert post(service.url) == Answer(Verdict.REFUSED, 422, {"why": "no"}, "HTTP 422")
    service.answer = lambda _request: Response(200, "x" * KEPT_BYTES * 100)
    assert post(service.url) == Answer(Verdict.SUCCESS, 200)


def test_silence_fails_when_the_time_is_over(service):
    async def never():
        await asyncio.Event().wait()

    service.answer = lambda _request: never()
    assert post(service.url, HASTY) == Answer(Verdict.FAILED, error="no answer within 0.3 s")


def test_an_answer_that_drips_fails_when_the_time_is_over():
    """Every byte comes soon; it is the whole that takes too long."""

    def drip(connection):
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not gone.wait(0.01):
            connection.sendall(b" ")

    gone = threading.Event()
    with raw_server(drip) as port:
        answer = post(f"http://{LOOPBACK}:{port}/", HASTY)
        gone.set()
    assert answer == Answer(Verdict.FAILED, error="no answer within 0.3 s")


def test_no_more_of_an_answer_is_read_than_is_of_use():
    """The rest, which never comes, is not waited for."""

    def begin(connection):
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n")
        connection.sendall(b" " * (KEPT_BYTES + 1))
        read.wait(60)

    read = threading.Event()
    with raw_server(begin) as port:
        answer = post(f"http://{LOOPBACK}:{port}/")
        read.set()
    assert answer == Answer(Verdict.SUCCESS, 200)


def test_nobody_there_and_no_such_name():
    nobody = Answer(Verdict.FAILED, error="no connection")
    assert post(f"http://{LOOPBACK}:{free_port()}/") == nobody
    for error in (OSError("no such host"), UnicodeError("label too long")):
        assert post("http://hooks.example/", resolve=Names(error)) == nobody


@pytest.mark.parametrize(
    "url", ["http://x.example:0x/", "ftp://x.example/", "http://u:p@x.example/"]
)
def test_what_is_no_address_to_call_is_refused(url):
    answer = post(url, resolve=Names([LOOPBACK]))
    assert answer == Answer(Verdict.REFUSED, error="an address that can't be called")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.1", "2130706433"])
def test_private_addresses_are_refused_however_they_are_written(service, host):
    url = f"http://{host}:{service.port}/"
    assert post(url, private_too=False) == REFUSED
    assert service.requests == []


def test_the_tenants_settings_may_allow_them(service):
    assert post(service.url, private_too=True).verdict is Verdict.SUCCESS


def test_a_connection_kept_for_one_tenant_is_not_anothers_way_in(service):
    client = WebhookClient(PLAIN)
    answers = [
        client.post(call_of(service.url, private_too=private_too)).result(60)
        for private_too in (True, False, True)
    ]
    client.close()
    assert [answer.verdict for answer in answers] == [
        Verdict.SUCCESS, Verdict.REFUSED, Verdict.SUCCESS,
    ]  # fmt: skip
    assert answers[1] == REFUSED


def test_a_name_that_leads_inside_is_refused_without_a_connection():
    network = Network()
    for inside in (["127.0.0.1"], ["10.0.0.7", "fd00::1"], ["169.254.169.254"], []):
        answer = post(
            "http://a.example/", private_too=False, resolve=Names(inside), network=network
        )
        assert answer == REFUSED
    assert network.places == []


def test_the_address_that_was_checked_is_the_one_connected_to(service):
    """A name server that answers otherwise a moment later (DNS rebinding) is not asked again."""
    names = Names(["8.8.8.8"], ["127.0.0.1"])
    network = Network("8.8.8.8")
    url = f"http://rebinding.example:{service.port}/"

    answer = post(url, private_too=False, resolve=names, network=network)

    assert answer.verdict is Verdict.SUCCESS
    assert (names.asked, network.places) == (["rebinding.example"], ["8.8.8.8"])
    assert service.requests[0].headers["host"] == f"rebinding.example:{service.port}"


def test_of_several_addresses_those_inside_are_passed_over(service):
    names = Names(["127.0.0.1", "1.1.1.1", "8.8.8.8", "10.0.0.1"])
    network = Network("8.8.8.8")
    url = f"http://many.example:{service.port}/"
    assert post(url, private_too=False, resolve=names, network=network).status == 200
    assert network.places == ["1.1.1.1", "8.8.8.8"]  # the first took no connection


def test_redirects_of_a_post_are_followed_with_its_body(service):
    service.answer = redirecting("/1", f"{service.url}/2")
    assert post(service.url + "/0") == Answer(Verdict.SUCCESS, 200, {"arrived": True})
    assert len({request.body for request in service.requests}) == 1
    assert len({request.headers["idempotency-key"] for request in service.requests}) == 1
    assert [request.path for request in service.requests] == ["/0", "/1", "/2"]


@pytest.mark.parametrize("status", [301, 302, 303])
def test_redirects_that_make_it_a_get_are_refusals(service, status):
    service.answer = redirecting("/1", status=status)
    answer = post(service.url + "/0")
    assert answer == Answer(Verdict.REFUSED, status, {}, f"HTTP {status}")
    assert len(service.requests) == 1


def test_redirects_have_an_end(service):
    service.answer = redirecting("/1", "/2", "/3", "/4")
    answer = post(service.url + "/0")
    assert answer == Answer(Verdict.REFUSED, 307, error="more than 3 redirects")
    assert len(service.requests) == 4


@pytest.mark.parametrize(
    "place",
    ["http://127.0.0.1/", "http://[::1]:8080/", "http://inside.example/", "//inside.example/x"],
)
def test_every_place_a_redirect_leads_to_is_checked(service, place):
    service.answer = redirecting(place)
    network = Network("8.8.8.8")

    async def names(host, _port):
        return {"outside.example": ["8.8.8.8"], "inside.example": ["192.168.0.1"]}.get(host, [host])

    url = f"http://outside.example:{service.port}/0"
    assert post(url, private_too=False, resolve=names, network=network) == REFUSED
    assert network.places == ["8.8.8.8"]


@pytest.mark.parametrize("place", ["ftp://x.example/", "http://[::1/", "http://u:p@x.example/"])
def test_a_redirect_to_what_is_no_address_is_refused(service, place):
    service.answer = redirecting(place)
    answer = post(service.url + "/0")
    assert answer == Answer(Verdict.REFUSED, error="an address that can't be called")


def test_a_redirect_without_a_place_is_a_refusal(service):
    service.answer = lambda _request: Response(308, {})
    assert post(service.url) == Answer(Verdict.REFUSED, 308, {}, "HTTP 308")


def test_names_that_hang_keep_no_others_waiting(service):
    """One fewer than may be under way may hang in the resolver."""
    let_go = threading.Event()

    async def names(host, _port):
        work = let_go.wait if host == "hangs.example" else list
        await asyncio.get_running_loop().run_in_executor(None, work)
        return [LOOPBACK]

    client = WebhookClient(PLAIN, resolve=names)
    hung = [
        client.post(call_of("http://hangs.example/")) for _ in range(PLAIN.webhook_concurrency - 1)
    ]
    try:
        quick = client.post(call_of(f"http://quick.example:{service.port}/"))
        assert quick.result(60).verdict is Verdict.SUCCESS
        assert not any(answer.done() for answer in hung)
    finally:
        let_go.set()
        client.close()


@pytest.fixture
def trusted():
    """TLS that trusts the certificate of hooks.example and no other."""
    return ssl.create_default_context(cafile=TLS_FILES / "hooks.example.crt")


def test_tls_goes_by_the_name_though_the_connection_goes_to_the_address(trusted):
    asked = []
    context = server_tls(asked)
    with raw_server(answer_once, context) as port:
        answer = post(
            f"https://hooks.example:{port}/",
            private_too=False,
            resolve=Names(["8.8.8.8"]),
            network=Network("8.8.8.8"),
            tls=trusted,
        )
    assert answer == Answer(Verdict.SUCCESS, 200, {"tls": True})
    assert asked == ["hooks.example"]


@pytest.mark.parametrize(
    ("host", "trusts"), [("other.example", True), ("hooks.example", False)], ids=["name", "issuer"]
)
def test_a_certificate_that_is_not_the_hosts_is_no_connection(trusted, host, trusts):
    tls = {"tls": trusted} if trusts else {}
    with raw_server(answer_once, server_tls([])) as port:
        answer = post(f"https://{host}:{port}/", resolve=Names([LOOPBACK]), **tls)
    assert answer == Answer(Verdict.FAILED, error="no trusted TLS connection")


def test_a_redirect_out_of_tls_is_refused(trusted, service):
    def redirect(connection):
        read_request(connection)
        connection.sendall(
            f"HTTP/1.1 307 Moved\r\nLocation: {service.url}\r\nContent-Length: 0\r\n\r\n".encode()
        )

    with raw_server(redirect, server_tls([])) as port:
        answer = post(f"https://hooks.example:{port}/", resolve=Names([LOOPBACK]), tls=trusted)
    assert answer == Answer(Verdict.REFUSED, error="an address that can't be called")
    assert service.requests == []


def server_tls(names):
    """TLS with the certificate of hooks.example; the names that clients ask for are noted."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS_FILES / "hooks.example.crt", TLS_FILES / "hooks.example.key")
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    return context


def read_request(connection):
    got = b""
    while not got.endswith(b"}") and (more := connection.recv(65536)):
        got += more


def answer_once(connection):
    read_request(connection)
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{"tls": true}')


@contextlib.contextmanager
def raw_server(converse, tls=None):
    """A port on which one connection is taken, and ``converse(connection)`` called."""

    def serve():
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            connection = stack.enter_context(listener.accept()[0])
            if tls:
                connection = stack.enter_context(tls.wrap_socket(connection, server_side=True))
            converse(connection)

    with socket.create_server((LOOPBACK, 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(60)
