"""A gateway of real HTTP that answers as a test says, and messages to send to it."""

import asyncio
import json
import threading
import time

import pytest

from config.settings import load_settings
from jobs.deliveries.gateway import SmsGateway
from standalone.http_server import Response, serve_until
from standalone.ports import LOOPBACK, accepts_connections, free_port
from tests.factories import make_contacts, make_tenant
from tests.waiting import wait_until


class Carrier:
    """Counts posts by key; ``answer(message)`` may be replaced, and may be slow."""

    def __init__(self):
        self.port = free_port()
        self.url = f"http://{LOOPBACK}:{self.port}"
        self.posts = []
        self.answer = lambda _message: Response(202, {"id": f"sms-{len(self.posts)}"})
        self._runner = asyncio.Runner()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self._thread.start()
        wait_until(lambda: accepts_connections(self.port))
        return self

    def __exit__(self, *_error):
        self._runner.get_loop().call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _serve(self):
        with self._runner:
            self._runner.run(serve_until(self._stop, self._take, LOOPBACK, self.port))

    async def _take(self, request):
        message = json.loads(request.body)
        self.posts.append((request.headers["idempotency-key"], request.headers, message))
        answer = self.answer(message)
        return await answer if asyncio.iscoroutine(answer) else answer


@pytest.fixture
def carrier():
    with Carrier() as running:
        yield running


@pytest.fixture
def settings(database_url, tmp_path, carrier):
    return load_settings(
        database_url=database_url,
        state_dir=tmp_path,
        sms_gateway_url=carrier.url,
        sms_gateway_token="secret",
    )


@pytest.fixture
def gateway(settings):
    client = SmsGateway(settings)
    yield client
    client.close()


@pytest.fixture
def tenant(database):
    return make_tenant(database)


@pytest.fixture
def queue_messages(database):
    """(tenant_id, count, **columns) → ids of messages queued to as many new contacts."""
    started = time.monotonic_ns() % 1_000

    def queue(tenant_id, count, *, start=0, **columns):
        contacts = make_contacts(database, tenant_id, count, start=start + started)
        names = "".join(f", {name}" for name in columns)
        values = "".join(f", %({name})s" for name in columns)
        with database.transaction() as connection:
            rows = connection.execute(
                f"INSERT INTO messages (tenant_id, contact_id, to_number, body{names})"
                f" SELECT tenant_id, id, phone_number, 'Hello you'{values} FROM contacts"
                " WHERE tenant_id = %(tenant)s AND id = ANY(%(contacts)s) RETURNING id",
                {"tenant": tenant_id, "contacts": contacts, **columns},
            ).fetchall()
        return [row[0] for row in rows]

    return queue


@pytest.fixture
def execute(database):
    """(statement, params) → rows; committed."""

    def run(text, params=None):
        with database.transaction() as connection:
            cursor = connection.execute(text, params)
            return cursor.fetchall() if cursor.description else cursor.rowcount

    return run
