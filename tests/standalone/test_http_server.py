"""The simulators' HTTP server lets nothing behind, whenever it is stopped."""

import asyncio
import contextlib
import socket

import pytest

from standalone.http_server import Response, serve_until
from standalone.ports import LOOPBACK, free_port


async def _answer(_request):
    return Response(200, {})


@pytest.mark.parametrize("turns", range(8))
def test_a_connection_that_comes_as_it_stops_is_cut(turns):
    """Whatever the loop has got to with it by then."""

    async def stop_amid_connecting(port):
        stop = asyncio.Event()
        serving = asyncio.ensure_future(serve_until(stop, _answer, LOOPBACK, port))
        client = await _connected(port)
        late = [socket.create_connection((LOOPBACK, port)) for _ in range(5)]
        for _ in range(turns):
            await asyncio.sleep(0)
        stop.set()
        await serving
        return [client, *late]

    clients = asyncio.run(stop_amid_connecting(free_port()))
    for client in clients:
        client.settimeout(10)
        with contextlib.closing(client), contextlib.suppress(ConnectionError):
            assert client.recv(1) == b""


async def _connected(port):
    while True:
        try:
            return socket.create_connection((LOOPBACK, port))
        except ConnectionRefusedError:
            await asyncio.sleep(0)
