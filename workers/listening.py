"""The listener process: what PBXs say goes into a spool, and from there to the workers."""

import asyncio
import contextlib
import signal
from collections.abc import Sequence
from zoneinfo import ZoneInfo

import redis
import structlog
from dramatiq import Broker
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.settings import ConfigError, Settings
from jobs.calls.listening.connection import PbxConnection
from jobs.calls.listening.intake import Intake, IntakeFigures
from jobs.calls.listening.sender import Sender
from jobs.calls.listening.spool import Spool, open_spool
from jobs.calls.merge.reading import Reader
from jobs.calls.stream import CallStream
from workers.bell import BROKER_ERRORS, ring, waiting
from workers.broker import close_broker, make_broker
from workers.call_stream import open_call_stream
from workers.queues import CALL_LOGS

log = structlog.get_logger(__name__)

# The spool has what Redis hasn't: better to ask again than to wait for it.
_REDIS_TIMEOUT_S = 2.0
# Messages that may wait for a worker: a flush takes all there is.
_MOST_RINGS = 2


def run_listener(settings: Settings) -> None:
    """Listen to the PBXs of AMI_URLS until SIGTERM or SIGINT; main thread only.

    Raises:
        ConfigError: no PBX, database of messages or spool can be used.
    """
    if not settings.pbxs:
        raise ConfigError("AMI_URLS is not set: there is no PBX to listen to")
    broker = make_broker(settings)
    with contextlib.ExitStack() as stack:
        stack.callback(close_broker, broker)
        stream = open_call_stream(settings, _redis_client(settings.require("redis_url")))
        if stream:
            stack.callback(stream.close)
            spool = _open_spool(settings)
            stack.callback(spool.close)
            asyncio.run(Listener(settings, broker, stream, spool).run())


class Listener:
    """One listener: a connection for each PBX, and the intake that all of them feed."""

    def __init__(
        self, settings: Settings, broker: Broker, stream: CallStream, spool: Spool
    ) -> None:
        self._broker = broker
        self._spool = spool
        self._sender = Sender(stream, spool)
        readers = {pbx.name: Reader(ZoneInfo(pbx.timezone)) for pbx in settings.pbxs}
        self._intake = Intake(
            readers,
            spool,
            self._sender,
            on_over=self._ring,
            on_death=self._die,
            report=self._report,
        )
        self._connections: Sequence[PbxConnection] = [
            PbxConnection(pbx, self._intake, timeout_s=settings.ami_timeout_s)
            for pbx in settings.pbxs
        ]
        self._stop = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def run(self) -> None:
        """Listen until ``stop``, or a signal where there may be handlers for one."""
        loop = self._loop = asyncio.get_running_loop()
        with contextlib.suppress(RuntimeError, ValueError):  # not the main thread
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self._stop.set)
        log.info("listener_started", spool=str(self._spool.folder), left=len(self._spool))
        self._intake.start()
        tasks = [asyncio.create_task(connection.run()) for connection in self._connections]
        stopping = asyncio.create_task(self._stop.wait())
        try:
            done, _ = await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (stopping, *tasks):
                task.cancel()
            await asyncio.gather(stopping, *tasks, return_exceptions=True)
            self._intake.stop()
        for task in done - {stopping}:
            task.result()  # a connection never ends by itself: what it raised
        log.info("listener_stopped", unsent=self._sender.unsent)

    def stop(self) -> None:
        """End; from the event loop's own thread."""
        self._stop.set()

    def _die(self) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)

    def _ring(self) -> None:
        """Have a worker write the calls that ended; if that can't be, the next tick rings."""
        with contextlib.suppress(*BROKER_ERRORS):
            if waiting(self._broker, CALL_LOGS) < _MOST_RINGS:
                ring(self._broker, CALL_LOGS)

    def _report(self, figures: IntakeFigures) -> None:
        log.info(
            "listening",
            events=figures.events,
            events_per_s=round(figures.events / 10, 1),
            entries=figures.entries,
            lag_ms=round(figures.lag_s * 1000, 1),
            lost=figures.refused,
            spool_bytes=self._spool.size_bytes,
            unsent=self._sender.unsent,
            connects=sum(connection.figures.connects for connection in self._connections),
            failures=sum(connection.figures.failures for connection in self._connections),
        )


def _open_spool(settings: Settings) -> Spool:
    folder = settings.state_dir.resolve() / "spool"
    try:
        return open_spool(folder, max_bytes=settings.call_spool_mb * 1024 * 1024)
    except OSError as error:
        raise ConfigError(f"STATE_DIR can't be used: {error}") from None


def _redis_client(url: str) -> "redis.Redis":
    return redis.Redis.from_url(
        url,
        socket_timeout=_REDIS_TIMEOUT_S,
        socket_connect_timeout=_REDIS_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )
