"""One logged-in connection to an Asterisk Manager: actions out, responses and events in."""

import asyncio
import contextlib
import hashlib
import itertools
import ssl
from collections.abc import Callable, Sequence

from config.pbx import Pbx
from jobs.calls.ami.framing import Framing, Message

Action = Sequence[tuple[str, str]]
"""Keys and values in order, ``Action`` first; a key may come again (``Variable``)."""

_READ_BYTES = 64 * 1024
_SHOWN_CHARACTERS = 200


class AmiError(Exception):
    """The PBX can't be reached, or says what no PBX says; one line, without the secret."""


class AmiDeniedError(AmiError):
    """The PBX doesn't let us in."""


class AmiClient:
    """Use ``connect``; for one event loop. ``closed`` says that the connection is gone."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        timeout_s: float,
        on_event: Callable[[Message], None] | None,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._timeout_s = timeout_s
        self._on_event = on_event
        self._numbers = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[Message]] = {}
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def connect(
        cls,
        pbx: Pbx,
        *,
        timeout_s: float,
        events: str = "off",
        on_event: Callable[[Message], None] | None = None,
    ) -> "AmiClient":
        """Connect and log in.

        Args:
            pbx: where, and as whom.
            timeout_s: for the connection, and then for each answer.
            events: classes of events (``call,cdr``), as AMI's ``EventMask`` has them.
            on_event: called with each event, in the loop.

        Raises:
            AmiDeniedError: user or secret is wrong.
            AmiError: nobody is there, or nobody who speaks AMI.
        """
        try:
            tls = ssl.create_default_context(cafile=pbx.ca) if pbx.tls else None
            async with asyncio.timeout(timeout_s):
                reader, writer = await asyncio.open_connection(pbx.host, pbx.port, ssl=tls)
        except (OSError, TimeoutError) as error:
            raise AmiError(_told(error)) from None
        client = cls(reader, writer, timeout_s=timeout_s, on_event=on_event)
        try:
            await client._log_in(pbx, events)
        except BaseException:
            await client.close()
            raise
        return client

    @property
    def closed(self) -> bool:
        return self._reading.done()

    async def act(self, actions: Sequence[Action]) -> list[Message | None]:
        """Send actions together; the response to each, None where none came in time.

        An action without ``ActionID`` is given one. What has no response may have been done.

        Raises:
            AmiError: the connection was gone before; nothing was sent.
            ValueError: a key or a value holds a line break or another control character.
        """
        if self.closed:
            raise AmiError("the connection is closed")
        loop = asyncio.get_running_loop()
        answers: list[asyncio.Future[Message]] = []
        lines = bytearray()
        for action in actions:
            given = dict(action).get("ActionID")
            action_id = given or f"trunkline-{next(self._numbers)}"
            lines += encode(action if given else [*action, ("ActionID", action_id)])
            answers.append(loop.create_future())
            self._waiting[action_id] = answers[-1]
        try:
            self._writer.write(lines)
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(self._timeout_s):
                    await self._writer.drain()
                    await asyncio.wait(answers)
        finally:
            for future in answers:
                future.cancel()
            self._waiting = {
                key: future for key, future in self._waiting.items() if not future.done()
            }
        return [
            None if future.cancelled() or future.exception() else future.result()
            for future in answers
        ]

    async def ping(self) -> bool:
        """Whether the PBX answers; one that doesn't is hung up on."""
        try:
            [pong] = await self.act([[("Action", "Ping")]])
        except AmiError:
            return False
        if pong is None:
            await self.close()
        return pong is not None

    async def close(self) -> None:
        """Log off, if anybody listens, and hang up."""
        if not self.closed:
            self._writer.write(encode([("Action", "Logoff")]))
        self._reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reading
        self._writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(self._timeout_s):
                await self._writer.wait_closed()

    async def _log_in(self, pbx: Pbx, events: str) -> None:
        login = [("Action", "Login"), ("Username", pbx.user)]
        if pbx.auth == "plain":
            login += [("Secret", pbx.secret)]
        else:
            challenge = await self._answered([("Action", "Challenge"), ("AuthType", "MD5")])
            key = challenge.fields.get("Challenge", "") + pbx.secret
            digest = hashlib.md5(key.encode(), usedforsecurity=False).hexdigest()
            login += [("AuthType", "MD5"), ("Key", digest)]
        response = await self._answered([*login, ("Events", events)])
        if response.fields.get("Response") != "Success":
            raise AmiDeniedError(f"login denied: {said(response)}")

    async def _answered(self, action: Action) -> Message:
        [response] = await self.act([action])
        if response is None:
            what = "hung up" if self.closed else f"no answer in {self._timeout_s:g} s"
            raise AmiError(f"{dict(action)['Action']}: {what}")
        return response

    async def _read(self) -> None:
        framing = Framing()
        try:
            while data := await self._reader.read(_READ_BYTES):
                for message in framing.feed(data):
                    self._take(message)
        except OSError:
            pass  # the same as its end
        finally:
            for future in self._waiting.values():
                if not future.done():
                    future.cancel()

    def _take(self, message: Message) -> None:
        if message.event is not None:
            if self._on_event is not None:
                self._on_event(message)
            return
        future = self._waiting.pop(message.fields.get("ActionID", ""), None)
        if future is not None and not future.done():
            future.set_result(message)


def encode(action: Action) -> bytes:
    """An action as bytes.

    Raises:
        ValueError: a key or a value holds a line break or another control character, which would
            begin another line, and so another action.
    """
    for key, value in action:
        if not key.isalnum() or any(ord(character) < ord(" ") for character in value):
            raise ValueError(f"{key}: holds a character that no line can carry")
    return "".join([*(f"{key}: {value}\r\n" for key, value in action), "\r\n"]).encode()


def said(response: Message) -> str:
    """What a response says, cut to a line."""
    return " ".join(response.fields.get("Message", "no reason given").split())[:_SHOWN_CHARACTERS]


def _told(error: BaseException) -> str:
    """What a failed connection says of itself, in a line."""
    text = "timed out" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
    return " ".join(text.split())[:_SHOWN_CHARACTERS]
