"""A PBX simulator in a thread of the test's own process."""

import asyncio
import threading

from standalone.pbx import PbxSimulator
from standalone.pbx_calls import Mix
from standalone.ports import LOOPBACK, accepts_connections, free_port
from tests.waiting import wait_until

USER, SECRET = "caller", "hunter2"


class Exchange:
    """``url`` is how to log in; ``pbx`` the simulator, to be asked and told through ``run``."""

    def __init__(self, mix=None, *, port=None, tls=None):
        self.port = port or free_port()
        self.pbx = PbxSimulator(USER, SECRET, mix or Mix(ring_s=0.01, talk_s=0.01))
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._serve)

    @property
    def url(self):
        return f"ami://{USER}:{SECRET}@{LOOPBACK}:{self.port}"

    def __enter__(self):
        self._thread.start()
        wait_until(lambda: accepts_connections(self.port))
        return self

    def __exit__(self, *_error):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()

    def run(self, function):
        """Call it in the simulator's own thread; returns what it returns."""

        async def called():
            return function()

        return asyncio.run_coroutine_threadsafe(called(), self._loop).result()

    def _serve(self):
        self._loop.run_until_complete(self.pbx.serve_until(self._stop, self.port, tls=self._tls))
