"""The HTTP client of webhooks: one bounded, checked and signed POST a try."""

import asyncio
import concurrent.futures
import ssl
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import httpcore
import httpx

from config.settings import Settings
from jobs.webhooks.answers import KEPT_BYTES, Answer, Verdict, judge
from jobs.webhooks.network import AddressRefusedError, CheckedNetwork, Resolve, resolve
from jobs.webhooks.signatures import signature

SIGNATURE_HEADER = "Trunkline-Signature"
_REDIRECTS = frozenset({307, 308})  # those that say: the same POST, there
_MOST_REDIRECTS = 3


@dataclass(frozen=True, slots=True)
class Call:
    """``id`` is the idempotency key of every try. What is secret or personal isn't in reprs."""

    id: UUID
    url: str = field(repr=False)
    body: str = field(repr=False)
    secret: str = field(repr=False)
    private_too: bool = False


class WebhookClient:
    """Posts calls; one per process, opened after a fork.

    The calls of all threads share one event loop, in a thread of its own. Each has a connection of
    its own: one that was kept could lead a tenant where only another may call.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        resolve: Resolve = resolve,
        network: httpcore.AsyncNetworkBackend | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """``resolve``, ``network`` and ``tls``: None or default for the machine's own."""
        self._timeout_s = settings.webhook_timeout_s
        self._tls = tls or httpx.create_ssl_context(trust_env=False)
        self._networks = {
            private_too: CheckedNetwork(private_too=private_too, resolve=resolve, network=network)
            for private_too in (False, True)
        }
        self._loop = asyncio.new_event_loop()
        # Names are looked up in threads: one that hangs must not keep the others waiting.
        self._loop.set_default_executor(
            ThreadPoolExecutor(settings.webhook_concurrency, thread_name_prefix="webhook-names")
        )
        self._thread = threading.Thread(target=self._loop.run_forever, name="webhooks", daemon=True)
        self._thread.start()

    def post(self, call: Call) -> "Future[Answer]":
        """Begin a try; its answer comes within ``webhook_timeout_s``, whatever happens."""
        return asyncio.run_coroutine_threadsafe(self._try(call), self._loop)

    def close(self) -> None:
        """End the thread; tries under way are cut off."""
        closing = asyncio.run_coroutine_threadsafe(self._close(), self._loop)
        concurrent.futures.wait([closing])
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _close(self) -> None:
        tries = asyncio.all_tasks() - {asyncio.current_task()}
        for under_way in tries:
            under_way.cancel()
        await asyncio.gather(*tries, return_exceptions=True)

    async def _try(self, call: Call) -> Answer:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._follow(call)
        except TimeoutError:
            return Answer(Verdict.FAILED, error=f"no answer within {self._timeout_s:g} s")
        except AddressRefusedError:
            return Answer(Verdict.REFUSED, error="the host's address is not one to be called")
        except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
            insecure = any(isinstance(reason, ssl.SSLError) for reason in error.args)
            return Answer(
                Verdict.FAILED, error="no trusted TLS connection" if insecure else "no connection"
            )
        except Exception as error:  # noqa: BLE001 - one bad call is one bad call
            return Answer(Verdict.FAILED, error=f"the call failed: {type(error).__name__}")

    async def _follow(self, call: Call) -> Answer:
        """Post, and post again where a redirect says so; each place is checked like the first."""
        body = call.body.encode()
        headers = {
            "User-Agent": "Trunkline",
            "Accept": "application/json",
            "Connection": "close",
            "Accept-Encoding": "identity",  # so that nothing small unfolds into something huge
            "Content-Type": "application/json",
            "Idempotency-Key": str(call.id),
            SIGNATURE_HEADER: signature(call.secret, body, datetime.now(UTC)),
        }
        url: httpx.URL | None = _parsed(call.url)
        for _ in range(_MOST_REDIRECTS + 1):
            if url is None:
                return Answer(Verdict.REFUSED, error="an address that can't be called")
            status, location, content = await self._post(
                self._networks[call.private_too], url, headers, body
            )
            if status not in _REDIRECTS or location is None:
                return judge(status, content)
            url = _redirected(url, location)
        return Answer(Verdict.REFUSED, status, error=f"more than {_MOST_REDIRECTS} redirects")

    async def _post(
        self,
        network: CheckedNetwork,
        url: httpx.URL,
        headers: dict[str, str],
        body: bytes,
    ) -> tuple[int, bytes | None, bytes]:
        """(status, Location, as much of the content as is of use)."""
        place = httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        )
        fields = [(b"Host", url.netloc), *((k.encode(), v.encode()) for k, v in headers.items())]
        # Asyncio bounds the whole; this leaves time for another address where one is dead.
        waits = {"timeout": {"connect": self._timeout_s / 3}}
        async with (
            httpcore.AsyncHTTPConnection(
                place.origin, ssl_context=self._tls, network_backend=network
            ) as connection,
            connection.stream(
                "POST", place, headers=fields, content=body, extensions=waits
            ) as response,
        ):
            content = b""
            async for chunk in response.aiter_stream():
                content += chunk
                if len(content) > KEPT_BYTES:
                    break
        named = {name.lower(): value for name, value in response.headers}
        return response.status, named.get(b"location"), content


def _parsed(text: str) -> httpx.URL | None:
    """An address that can be called, else None."""
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        return None
    return url if url.scheme in {"http", "https"} and url.host and not url.userinfo else None


def _redirected(url: httpx.URL, location: bytes) -> httpx.URL | None:
    """Where a redirect leads; None where it leads nowhere, or out of TLS."""
    try:
        target = _parsed(str(url.join(location.decode("ascii"))))
    except (httpx.InvalidURL, UnicodeDecodeError):
        return None
    leaves_tls = target is not None and (url.scheme, target.scheme) == ("https", "http")
    return None if leaves_tls else target
