"""The PBXs that calls are made through: a login at each, which all threads of a process share."""

import asyncio
import itertools
import random
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from time import monotonic

import structlog

from config.pbx import Pbx
from config.settings import Settings
from jobs.calls.ami.client import Action, AmiClient, AmiDeniedError, AmiError, encode, said
from jobs.calls.ami.framing import Message

log = structlog.get_logger(__name__)

_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 60.0
# Of the reasons for which a PBX says no, the one that is about us and not about a call.
_NOT_ALLOWED = "permission denied"


@dataclass(frozen=True, slots=True)
class Dial:
    """A call to be made: to whom, shown as whom, and where it goes once it is answered."""

    channel_id: str
    to_number: str
    from_number: str | None
    extension: str
    ring_timeout_s: int
    variables: Mapping[str, str]


class Verdict(Enum):
    DIALED = "dialed"
    UNKNOWN = "unknown"  # no answer: it may have been dialed, and is not dialed again
    REFUSED = "refused"  # a definite no: this call can't be made
    UNSENT = "unsent"  # nobody was asked, or nobody lets us: not dialed


@dataclass(frozen=True, slots=True)
class DialAnswer:
    """What a PBX said to a call; ``pbx`` None: there was none to ask."""

    verdict: Verdict
    pbx: str | None = None
    reason: str | None = None


class Phones:
    """Opened after a fork. One event loop, in a thread of its own, has the connections.

    A PBX that can't be reached, or doesn't let us in, is tried again with growing waits.
    """

    def __init__(self, settings: Settings) -> None:
        self._channel = settings.call_channel
        self._context = settings.call_context
        self._lines = [_Line(pbx, settings.ami_timeout_s) for pbx in settings.calling_pbxs]
        self._turns = itertools.count()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="phones", daemon=True)
        self._thread.start()

    def ready(self) -> bool:
        """Whether a PBX takes calls; connects where that is due."""
        return asyncio.run_coroutine_threadsafe(self._ready(), self._loop).result()

    def dial(self, calls: Sequence[Dial]) -> list[DialAnswer]:
        """Have calls made, shared among the PBXs; answers in their order. Never raises."""
        return asyncio.run_coroutine_threadsafe(self._dial(calls), self._loop).result()

    def close(self) -> None:
        """Log off and end the thread."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _ready(self) -> bool:
        return any(await asyncio.gather(*(line.ready() for line in self._lines)))

    async def _dial(self, calls: Sequence[Dial]) -> list[DialAnswer]:
        answers = [DialAnswer(Verdict.UNSENT, reason="no PBX is there")] * len(calls)
        lines = [line for line in self._lines if line.open]
        shares: list[list[tuple[int, Action]]] = [[] for _ in lines]
        if not lines:
            return answers
        turn = next(self._turns)  # of several PBXs not always the first has one more
        for i, call in enumerate(calls):
            action = originate(call, self._channel, self._context)
            try:
                encode(action)
            except ValueError as error:
                answers[i] = DialAnswer(Verdict.REFUSED, reason=str(error))
            else:
                shares[(i + turn) % len(lines)].append((i, action))
        answered = await asyncio.gather(
            *(
                line.originate([action for _, action in share])
                for line, share in zip(lines, shares, strict=True)
            )
        )
        for share, given in zip(shares, answered, strict=True):
            for (i, _), answer in zip(share, given, strict=True):
                answers[i] = answer
        return answers

    async def _close(self) -> None:
        await asyncio.gather(*(line.close() for line in self._lines))


class _Line:
    """The login at one PBX, as it comes and goes."""

    def __init__(self, pbx: Pbx, timeout_s: float) -> None:
        self._pbx = pbx
        self._timeout_s = timeout_s
        self._client: AmiClient | None = None
        self._lock = asyncio.Lock()
        self._failures = 0
        self._retry_at = 0.0

    @property
    def open(self) -> bool:
        return self._client is not None and not self._client.closed

    async def ready(self) -> bool:
        async with self._lock:
            if self._client is not None and not await self._client.ping():
                await self._client.close()
                self._client = None
            if self._client is not None:
                return True
            if monotonic() < self._retry_at:
                return False
            try:
                self._client = await AmiClient.connect(self._pbx, timeout_s=self._timeout_s)
            except AmiError as error:
                self._failed(error)
                return False
            log.info("pbx_takes_calls", pbx=self._pbx.name)
            self._failures = 0
            return True

    async def originate(self, actions: Sequence[Action]) -> list[DialAnswer]:
        client, name = self._client, self._pbx.name
        if client is None or not actions:
            return [DialAnswer(Verdict.UNSENT, name, "the PBX is away")] * len(actions)
        try:
            responses = await client.act(actions)
        except AmiError as error:
            return [DialAnswer(Verdict.UNSENT, name, str(error))] * len(actions)
        answers = [_judge(response, name) for response in responses]
        if any(answer.verdict is Verdict.UNSENT for answer in answers):
            await self.close()
            self._failed(AmiDeniedError("may not originate calls"))
        return answers

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def _failed(self, error: AmiError) -> None:
        self._failures += 1
        wait_s = min(_FIRST_WAIT_S * 2.0 ** min(self._failures - 1, 30), _LONGEST_WAIT_S)
        self._retry_at = monotonic() + wait_s * random.uniform(0.75, 1.25)  # noqa: S311 - no secret
        tell = log.error if isinstance(error, AmiDeniedError) else log.warning
        tell("pbx_takes_no_calls", pbx=self._pbx.name, error=str(error), failures=self._failures)


def originate(call: Dial, channel: str, context: str) -> Action:
    """The action that makes a call, of which the PBX says at once whether it will try."""
    digits = call.to_number.removeprefix("+")
    return [
        ("Action", "Originate"),
        # Told again in OriginateResponse, which has no Uniqueid where there was no channel.
        ("ActionID", call.channel_id),
        ("ChannelId", call.channel_id),
        ("Channel", channel.format(number=call.to_number, digits=digits)),
        ("Context", context),
        ("Exten", call.extension),
        ("Priority", "1"),
        ("Timeout", str(call.ring_timeout_s * 1000)),
        *([("CallerID", f"<{call.from_number}>")] if call.from_number else []),
        ("Async", "true"),
        *(("Variable", f"{name}={_quoted(value)}") for name, value in call.variables.items()),
    ]


def _quoted(value: str) -> str:
    """A variable's value where commas part variables; a line break would end the line."""
    plain = "".join(max(character, " ") for character in value)
    for special in '\\",':
        plain = plain.replace(special, "\\" + special)
    return plain


def _judge(response: Message | None, pbx: str) -> DialAnswer:
    if response is None:
        return DialAnswer(Verdict.UNKNOWN, pbx, "the PBX didn't answer")
    if response.fields.get("Response") == "Success":
        return DialAnswer(Verdict.DIALED, pbx)
    reason = said(response)
    if reason.casefold().startswith(_NOT_ALLOWED):
        return DialAnswer(Verdict.UNSENT, pbx, reason)
    return DialAnswer(Verdict.REFUSED, pbx, reason)
