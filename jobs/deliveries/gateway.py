"""The HTTP client of the SMS gateway: many sends at once over connections that stay open."""

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from time import monotonic
from uuid import UUID

import httpx
import structlog

from config.settings import Settings
from jobs.deliveries.answers import NOT_TAKEN, Answer, Verdict, judge
from jobs.deliveries.circuit import Circuit
from jobs.deliveries.waiting import Outgoing, WaitingSends

log = structlog.get_logger(__name__)

_UNSENT = Answer(Verdict.UNSENT)


class SmsGateway:
    """Posts messages to ``{sms_gateway_url}/messages``; one per process, opened after a fork.

    The sends of all threads share one event loop, in a thread of its own, and its connections.
    """

    def __init__(self, settings: Settings) -> None:
        self._url = settings.require("sms_gateway_url").rstrip("/") + "/messages"
        self._timeout_s = settings.delivery_timeout_s
        self._concurrency = settings.delivery_concurrency
        token = settings.sms_gateway_token
        self._headers = {"Authorization": f"Bearer {token.get_secret_value()}"} if token else {}
        self._tls = httpx.create_ssl_context(trust_env=False)
        # One connection a client: a pool of many looks through all of them for each request.
        self._idle: list[httpx.AsyncClient] = []
        self.circuit = Circuit(settings.delivery_backoff_s)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="sms-gateway", daemon=True
        )
        self._thread.start()

    def send_all(
        self,
        messages: Sequence[Outgoing],
        *,
        deadline: float,
        look_again: Callable[[Sequence[UUID]], Collection[UUID]],
        look_every_s: float,
    ) -> list[Answer]:
        """Send, ``delivery_concurrency`` at once; answers in the order of the messages.

        No send begins that could outlast ``deadline`` (of ``time.monotonic``), and none after as
        many as run at once found nobody to connect to or were denied; those are answered UNSENT.
        So are those that ``look_again`` withdraws: it is asked every ``look_every_s``, in the
        caller's thread, for those of the ids (sends that have not begun) that must not any more.
        What it raises ends the run: what is under way goes on, nothing else begins.
        """
        waiting = WaitingSends(messages)
        sends = asyncio.run_coroutine_threadsafe(
            self._send_all(waiting, deadline - self._timeout_s), self._loop
        )
        answers = [_UNSENT] * len(messages)
        try:
            while not concurrent.futures.wait([sends], timeout=look_every_s).done:
                if ids := waiting.ids():
                    withdrawn = waiting.withdraw(look_again(ids))
                    if withdrawn:
                        log.info("sends_withdrawn", messages=withdrawn)
        finally:
            waiting.withdraw(waiting.ids())
        for index, answer in sends.result():
            answers[index] = answer
        return answers

    def close(self) -> None:
        """Let what is under way end, close the connections and end the thread."""
        asyncio.run_coroutine_threadsafe(self._close_all(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _send_all(self, waiting: WaitingSends, last_start: float) -> list[tuple[int, Answer]]:
        lanes = min(self._concurrency, len(waiting.ids()))
        answers: list[tuple[int, Answer]] = []
        await asyncio.gather(*(self._lane(waiting, answers, last_start) for _ in range(lanes)))
        return answers

    async def _close_all(self) -> None:
        # Every send has its own time limit; a run that was given up may have left some.
        await asyncio.gather(
            *(asyncio.all_tasks() - {asyncio.current_task()}), return_exceptions=True
        )
        while self._idle:
            await self._idle.pop().aclose()

    def _connect(self) -> httpx.AsyncClient:
        """A client whose connection is still open, or a new one, which connects when it sends."""
        if self._idle:
            return self._idle.pop()
        return httpx.AsyncClient(
            headers=self._headers,
            # Asyncio bounds the whole exchange; what is told apart is that nobody is there at all.
            timeout=httpx.Timeout(None, connect=self._timeout_s / 2),
            verify=self._tls,
            trust_env=False,
        )

    async def _lane(
        self,
        waiting: WaitingSends,
        answers: list[tuple[int, Answer]],
        last_start: float,
    ) -> None:
        """Send one after the other of those that wait; ends when one isn't taken."""
        client = self._connect()
        try:
            while monotonic() < last_start:
                taken = waiting.take()
                if taken is None:
                    return
                index, message = taken
                answer = await self._send(client, message)
                answers.append((index, answer))
                if answer.verdict in NOT_TAKEN:
                    return
        finally:
            self._idle.append(client)

    async def _send(self, client: httpx.AsyncClient, message: Outgoing) -> Answer:
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await client.post(
                    self._url,
                    json={"to": message.to, "from": message.sender, "body": message.body},
                    headers={"Idempotency-Key": str(message.id)},
                )
        except (httpx.ConnectError, httpx.ConnectTimeout):
            return Answer(Verdict.UNREACHABLE, reason="no connection to the gateway")
        except TimeoutError:
            return Answer(Verdict.RETRY, reason=f"no answer within {self._timeout_s:g} s")
        except Exception as error:  # noqa: BLE001 - one bad send is one bad send
            return Answer(Verdict.RETRY, reason=f"send failed: {type(error).__name__}")
        return judge(response.status_code, response.headers, response.content, datetime.now(UTC))
