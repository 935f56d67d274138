"""One PBX listened to: logged in, asked what goes on, and called again when it is gone."""

import asyncio
import contextlib
import random
from dataclasses import dataclass

import structlog

from config.pbx import Pbx
from jobs.calls.ami.client import AmiClient, AmiDeniedError, AmiError
from jobs.calls.ami.framing import Message
from jobs.calls.listening.intake import Intake, Told

log = structlog.get_logger(__name__)

# The classes of events that tell of calls; a user who may read fewer gets fewer.
EVENTS = "system,call,cdr,agent,user"
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 5.0
# One who was denied is not asked for every second.
_DENIED_WAIT_S = 10.0
_PING_EVERY_S = 10.0
# Of a PBX that is gone for so long no call is taken to go on; one that does after all is put right
# by whatever is heard of it later.
_GONE_S = 120.0
# A connection that held for so long was a good one.
_STEADY_S = 60.0


@dataclass
class ConnectionFigures:
    """Since the process started."""

    connects: int = 0
    failures: int = 0
    dropped: int = 0


class PbxConnection:
    """Listens to one PBX until it is cancelled."""

    def __init__(self, pbx: Pbx, intake: Intake, *, timeout_s: float) -> None:
        self._pbx = pbx
        self._intake = intake
        self._timeout_s = timeout_s
        self.figures = ConnectionFigures()
        self._listed: list[str] = []
        self._list_id = ""
        self._complete = asyncio.Event()
        self._booted = asyncio.Event()
        self._overrun = False
        self._heard = False

    async def run(self) -> None:
        """Connect, listen, and connect again, each time a little later while it doesn't work."""
        loop = asyncio.get_running_loop()
        failures, heard_at, told = 0, loop.time(), False
        while True:
            began = loop.time()
            wait_s = min(_FIRST_WAIT_S * 2.0 ** min(failures, 10), _LONGEST_WAIT_S)
            try:
                await self._listen()
                log.warning("pbx_hung_up", pbx=self._pbx.name)
            except AmiDeniedError as error:
                log.error("pbx_denies", pbx=self._pbx.name, error=str(error))  # noqa: TRY400
                wait_s = max(wait_s, _DENIED_WAIT_S)
            except AmiError as error:
                log.warning("pbx_away", pbx=self._pbx.name, error=str(error))
            if self._heard:
                self._heard, heard_at, told = False, loop.time(), False
            elif not told and loop.time() - heard_at >= _GONE_S:
                log.error("pbx_gone", pbx=self._pbx.name)
                told = self._intake.tell_gone(self._pbx.name)
            steady = loop.time() - began >= _STEADY_S
            failures = 0 if steady else failures + 1
            self.figures.failures += 1
            await asyncio.sleep(wait_s * random.uniform(0.5, 1.5))  # noqa: S311 - apart, not secret

    async def _listen(self) -> None:
        self._booted.clear()
        self._overrun = False
        client = await AmiClient.connect(
            self._pbx, timeout_s=self._timeout_s, events=EVENTS, on_event=self._take
        )
        try:
            self.figures.connects += 1
            self._heard = True
            log.info("pbx_connected", pbx=self._pbx.name)
            await self._take_census(client)
            while not client.closed and not self._overrun:
                try:
                    async with asyncio.timeout(_PING_EVERY_S):
                        await self._booted.wait()
                except TimeoutError:
                    await client.ping()
                    continue
                self._booted.clear()
                await self._take_census(client)
        finally:
            await client.close()

    async def _take_census(self, client: AmiClient) -> None:
        """Ask which calls there are, so that those whose end was missed are closed."""
        self._listed, self._list_id = [], f"census-{self.figures.connects}"
        self._complete.clear()
        list_all = [("Action", "CoreShowChannels"), ("ActionID", self._list_id)]
        [pong] = await client.act([[("Action", "Ping")]])
        [answer] = await client.act([list_all])
        if pong is None:
            raise AmiError("no answer to a Ping")
        told = answer is not None and answer.fields.get("Response") == "Success"
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._timeout_s if told else 0):
                await self._complete.wait()
        if not self._complete.is_set():  # its events are worth no less
            log.warning("pbx_tells_no_calls", pbx=self._pbx.name)
            return
        at = _number(pong.fields.get("Timestamp")) or self._intake.arrival()
        self._intake.take(Told(self._pbx.name, at, calls=tuple(self._listed)))

    def _take(self, message: Message) -> None:
        fields = message.fields
        if self._list_id and fields.get("ActionID") == self._list_id:
            if message.event == "CoreShowChannel":
                self._listed.append(fields.get("Linkedid", ""))
            else:
                self._complete.set()
            return
        if message.event == "FullyBooted":
            self._booted.set()
        elif message.event == "Shutdown":
            log.warning("pbx_shuts_down", pbx=self._pbx.name)
        if not self._intake.take(Told(self._pbx.name, self._intake.arrival(), message)):
            self.figures.dropped += 1
            if not self._overrun:
                log.error("events_lost", pbx=self._pbx.name)
            self._overrun = True


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None
