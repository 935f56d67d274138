"""A service of real HTTP that answers as a test says, and the client that calls it."""

import asyncio
import json
import threading

import pytest

from config.settings import load_settings
from jobs.webhooks.client import WebhookClient
from standalone.http_server import Response, serve_until
from standalone.ports import LOOPBACK, accepts_connections, free_port
from tests.waiting import wait_until


class Service:
    """Keeps the requests it got; ``answer(request)`` may be replaced, and may be slow."""

    def __init__(self):
        self.port = free_port()
        self.url = f"http://{LOOPBACK}:{self.port}"
        self.requests = []
        self.answer = lambda _request: Response(200, {"ok": True})
        self._runner = asyncio.Runner()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._serve)

    @property
    def documents(self):
        """What was posted, in order."""
        return [json.loads(request.body) for request in self.requests]

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
        self.requests.append(request)
        answer = self.answer(request)
        return await answer if asyncio.iscoroutine(answer) else answer


@pytest.fixture
def service():
    with Service() as running:
        yield running


@pytest.fixture
def settings(database_url, tmp_path):
    return load_settings(database_url=database_url, state_dir=tmp_path)


@pytest.fixture
def client(settings):
    opened = WebhookClient(settings)
    yield opened
    opened.close()
