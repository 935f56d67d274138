"""The simulator over real HTTP, killed and restarted too."""

import os
import signal
import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from standalone.ports import accepts_connections, free_port
from standalone.sms_gateway import TOKEN_VARIABLE
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
TEXT = "Your appointment is tomorrow"


class Gateway:
    def __init__(self, folder):
        self.port = free_port()
        self.log = folder / "gateway.log"
        self._argv = [
            *(sys.executable, "-m", "standalone.sms_gateway"),
            *("--port", str(self.port), "--journal", str(folder / "journal")),
        ]
        self.start()
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}", headers={"Authorization": "Bearer t0k"}
        )

    def start(self):
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self._argv,
                cwd=ROOT,
                env={**os.environ, TOKEN_VARIABLE: "t0k"},
                stdout=output,
                stderr=output,
            )
        wait_until(lambda: accepts_connections(self.port))

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(10)

    def send(self, key, to="+15550001234", body=TEXT):
        return self.client.post(
            "/messages",
            json={"to": to, "from": "+15550000000", "body": body},
            headers={"Idempotency-Key": key},
        )

    def report(self):
        return self.client.get("/report").json()


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    gateway = Gateway(tmp_path_factory.mktemp("gateway"))
    yield gateway
    gateway.client.close()
    if gateway.process.poll() is None:
        gateway.stop()


@pytest.fixture
def gateway(running):
    running.client.post("/faults", json={}).raise_for_status()
    return running


@pytest.fixture
def key():
    return str(uuid.uuid4())


def test_a_message_is_taken_once(gateway, key):
    before = gateway.report()
    first = gateway.send(key)
    again = gateway.send(key)
    other = gateway.send(key, body="another text")
    assert (first.status_code, again.status_code, other.status_code) == (202, 200, 409)
    assert first.json() == again.json()
    after = gateway.report()
    assert after["received"] - before["received"] == 1
    assert after["repeats"] - before["repeats"] == 1


@pytest.mark.parametrize("number", ["15550001234", "+0123456789", "+1555", "+1555000123456789"])
def test_a_number_that_is_not_e164_is_refused(gateway, key, number):
    answer = gateway.send(key, to=number)
    assert answer.status_code == 422
    assert number not in answer.text


def test_faults_are_set_and_unset(gateway, key):
    gateway.client.post(
        "/faults", json={"fail_next": 2, "status": 429, "refuse_numbers": ["+15550009999"]}
    )
    assert [gateway.send(key).status_code for _ in range(3)] == [429, 429, 202]
    assert gateway.send(f"{key}-2", to="+15550009999").status_code == 422
    gateway.client.post("/faults", json={})
    assert gateway.send(f"{key}-2", to="+15550009999").status_code == 202


def test_a_delayed_answer_is_of_a_message_that_was_taken(gateway, key):
    gateway.client.post("/faults", json={"delay_ms": 5000})
    with pytest.raises(httpx.ReadTimeout):
        gateway.client.post(
            "/messages",
            json={"to": "+15550001234", "from": "x", "body": TEXT},
            headers={"Idempotency-Key": key},
            timeout=0.2,
        )
    assert gateway.client.post("/messages/lookup", json=[key]).json() == {key: 1}


def test_what_was_taken_can_be_compared_key_by_key(gateway):
    prefix = f"~{uuid.uuid4()}"
    keys = [f"{prefix}-{number}" for number in range(5)]
    for key in [*keys, keys[0]]:
        gateway.send(key)
    asked = gateway.client.post("/messages/lookup", json=[*keys, "never"]).json()
    assert asked == {keys[0]: 2, **dict.fromkeys(keys[1:], 1), "never": 0}
    seen, after = {}, prefix
    while after is not None:
        page = gateway.client.get("/messages", params={"after": after, "limit": 2}).json()
        seen |= {message["key"]: message["count"] for message in page["messages"]}
        after = page["next"]
    assert {key: seen[key] for key in keys} == {key: asked[key] for key in keys}


def test_a_restart_after_kill_9_forgets_nothing(gateway, key):
    first = gateway.send(key)
    before = gateway.report()
    gateway.stop(signal.SIGKILL)
    gateway.start()
    assert gateway.report() == before
    again = gateway.send(key)
    assert again.status_code == 200
    assert again.json() == first.json()


def test_only_the_token_opens(gateway):
    answer = gateway.client.get("/report", headers={"Authorization": "Bearer guess"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("POST", "/messages", b"{}", 400),
        ("POST", "/messages", b"no json", 400),
        ("POST", "/messages/lookup", b'{"a": 1}', 400),
        ("POST", "/faults", b'{"fail_nxt": 1}', 400),
        ("POST", "/faults", b'{"status": 9999}', 400),
        ("GET", "/messages?limit=x", b"", 400),
        ("GET", "/nothing", b"", 404),
    ],
)
def test_what_it_does_not_understand_it_says(gateway, method, path, content, status):
    headers = {"Idempotency-Key": "k"}
    answer = gateway.client.request(method, path, content=content, headers=headers)
    assert answer.status_code == status
    assert answer.json()["error"]


def test_many_connections_at_once(gateway):
    before = gateway.report()["received"]
    keys = [str(uuid.uuid4()) for _ in range(200)]
    with ThreadPoolExecutor(16) as pool:
        assert {answer.status_code for answer in pool.map(gateway.send, keys)} == {202}
    assert gateway.report()["received"] - before == 200


def test_neither_numbers_nor_texts_are_kept(gateway, key):
    gateway.send(key, to="+15557654321", body="a text nobody else reads")
    for path in gateway.log.parent.iterdir():
        kept = path.read_bytes()
        assert b"15557654321" not in kept, path
        assert b"a text nobody" not in kept, path
    assert gateway.log.read_bytes() == b""
