"""Connections to checked addresses: a name is resolved once, and what it led to is connected to.

The check sits where connections are made, so whatever leads to one (a redirect, another answer of
the name server a moment later) passes it, while TLS and HTTP go on by the host's name.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence

import httpcore

from jobs.webhooks.addresses import may_call

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""(host, port) → its IP addresses, the best first; OSError or UnicodeError where it has none."""

_MOST_ADDRESSES = 3


class AddressRefusedError(Exception):
    """The host has no address that this webhook may call."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses by the machine's resolver, in its order; a number is its own."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[0]) for *_, place in found))


class CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to public addresses; with ``private_too`` to private and loopback ones as well."""

    def __init__(
        self,
        *,
        private_too: bool,
        resolve: Resolve = resolve,
        network: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        self._private_too = private_too
        self._resolve = resolve
        self._network = network or httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first of the host's addresses that may be called and takes a connection.

        Raises:
            AddressRefusedError: none of them may be called.
            httpcore.ConnectError, httpcore.ConnectTimeout: there is none, or nobody answers.
        """
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError("the host's name leads nowhere") from error
        allowed = [a for a in addresses if may_call(a, private_too=self._private_too)]
        if not allowed:
            raise AddressRefusedError
        *others, last = allowed[:_MOST_ADDRESSES]
        for address in others:
            try:
                return await self._network.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._network.connect_tcp(last, port, timeout, local_address, socket_options)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own signature
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        del path, timeout, socket_options
        raise AddressRefusedError

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)
