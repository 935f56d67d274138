"""What one worker process holds: opened after the fork, closed when the worker stops."""

import threading
from dataclasses import dataclass, field

import structlog
from dramatiq import Broker

from config.settings import Settings
from db.cache.listener import CacheListener, keep_caches
from db.engine import Database, open_database
from jobs.calls.belonging import Owners
from jobs.calls.phones import Phones
from jobs.calls.stream import CallStream
from jobs.deliveries.gateway import SmsGateway
from jobs.journeys.batch import StepRunner
from jobs.webhooks.client import WebhookClient
from workers.bell import BROKER_ERRORS, ring, waiting
from workers.call_stream import open_call_stream
from workers.queues import Queue

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class WorkerProcess:
    """``gateway`` is None where SMS_GATEWAY_URL isn't set: messages then stay queued.

    So do calls where ``phones`` is None: AMI_URLS isn't set.
    ``calls`` is None where no Redis is named; ``owners`` says whose numbers calls are on.
    ``cache_listener`` hears which of the tables that are cached have changed.
    ``stopping`` is set once the worker is told to stop; what takes long looks at it.
    """

    settings: Settings
    broker: Broker
    database: Database
    steps: StepRunner
    gateway: SmsGateway | None
    webhooks: WebhookClient
    cache_listener: CacheListener
    calls: CallStream | None = None
    owners: Owners | None = None
    phones: Phones | None = None
    stopping: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def open(cls, settings: Settings, broker: Broker) -> "WorkerProcess":
        database = open_database(settings)
        gateway = SmsGateway(settings) if settings.sms_gateway_url else None
        if gateway is None:
            log.warning("no_sms_gateway", hint="set SMS_GATEWAY_URL; messages stay queued")
        return cls(
            settings,
            broker,
            database,
            StepRunner(database, settings),
            gateway,
            WebhookClient(settings),
            keep_caches(database, settings),
            open_call_stream(settings),
            Owners(settings.number_ttl_s, database.caches),
            Phones(settings) if settings.calling_pbxs else None,
        )

    def close(self) -> None:
        if self.gateway:
            self.gateway.close()
        if self.calls:
            self.calls.close()
        self.webhooks.close()
        if self.phones:
            self.phones.close()
        self.cache_listener.stop()
        self.database.close()

    def ring(self, queue: Queue) -> None:
        """Have one more worker come and look, unless enough are called; never raises.

        What the work needs is committed: a ring that fails is made good by the next tick.
        """
        try:
            if waiting(self.broker, queue) < self.settings.max_rings:
                ring(self.broker, queue)
        except BROKER_ERRORS as error:
            log.warning("ring_failed", queue=queue.name, error=str(error))


_held: list[WorkerProcess] = []


def hold_process(process: WorkerProcess) -> None:
    """Make ``process`` the one that this process's actors work with."""
    _held[:] = [process]


def held_process() -> WorkerProcess:
    """What the actors work with.

    Raises:
        RuntimeError: the worker process hasn't booted.
    """
    if not _held:
        raise RuntimeError("no worker process was opened: emit_after('process_boot') comes first")
    return _held[0]


def stop_process() -> None:
    """Tell the actors to stop where they can, if a process is held."""
    for process in _held:
        process.stopping.set()


def drop_process() -> None:
    """Close what the actors work with, if anything is held."""
    while _held:
        _held.pop().close()
