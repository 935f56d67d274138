"""One look at the ledgers, and as many rings as there is work for."""

import math
from collections.abc import Callable, Sequence

import psycopg
import structlog
from dramatiq import Broker

from config.settings import Settings
from db.engine import Database, DatabaseUnreachableError
from db.queries import maintenance
from db.queries.maintenance import DueWork
from jobs.calls.stream import CallStream
from workers.bell import BROKER_ERRORS, ring, waiting
from workers.calendar import WORKS
from workers.kinds import KINDS
from workers.queues import (
    CALL_LOGS,
    CALLS,
    DELIVERIES,
    IMPORTS,
    JOURNEYS,
    MAINTENANCE,
    QUEUES,
    WEBHOOKS,
    Queue,
)

log = structlog.get_logger(__name__)


class Ticker:
    """Rings in proportion to due work, never more than ``max_rings`` messages waiting a queue."""

    def __init__(
        self,
        database: Database,
        broker: Broker,
        settings: Settings,
        *,
        calls: CallStream | None = None,
        may_ring: Callable[[], bool] = lambda: True,
    ) -> None:
        """``may_ring`` is asked before each ring: whoever looked may lead no more since.

        ``calls`` is what workers write calls from.
        """
        self._database = database
        self._broker = broker
        self._settings = settings
        self._calls = calls
        self._may_ring = may_ring
        self._trouble = ""

    def tick(self) -> dict[str, int]:
        """Look once and ring; returns queue → rings. One statement, whatever is due.

        Never raises for a server that is away: that is logged once, and the next tick tries again.
        """
        try:
            rung = self._ring_for(self._look())
        except BROKER_ERRORS as error:
            self._tell("broker_away", error)
            return {}
        except (DatabaseUnreachableError, psycopg.OperationalError) as error:
            self._tell("database_away", error)
            return {}
        if self._trouble:
            log.info("servers_back")
            self._trouble = ""
        if rung:
            log.debug("rang", **rung)
        return rung

    def _look(self) -> list[DueWork]:
        settings = self._settings
        with self._database.transaction() as connection:
            return maintenance.count_due_work(
                connection,
                steps=settings.max_rings * settings.batch_size,
                messages=settings.max_rings * settings.delivery_batch_size,
                webhooks=settings.max_rings * settings.webhook_concurrency,
                webhooks_per_tenant=settings.webhook_tenant_concurrency,
                calls=settings.max_rings * settings.call_batch_size,
                runs=settings.max_rings,
                firings=settings.max_rings,
                kinds=[kind.limits for kind in KINDS.values()],
                schedules=list(WORKS),
            )

    def _ring_for(self, due: Sequence[DueWork]) -> dict[str, int]:
        rung = {}
        wanted = useful_rings(due, self._settings)
        if self._calls and (shards := sum(map(bool, self._calls.lengths()))):
            wanted[CALL_LOGS] = shards
        for queue, useful in wanted.items():
            times = max(0, useful - waiting(self._broker, queue))
            if times and self._may_ring():
                ring(self._broker, queue, times)
                rung[queue.name] = times
        return rung

    def _tell(self, trouble: str, error: Exception) -> None:
        if trouble != self._trouble:
            log.warning(trouble, error=str(error))
            self._trouble = trouble


def useful_rings(due: Sequence[DueWork], settings: Settings) -> dict[Queue, int]:
    """How many messages each queue has use for: one a batch, ``max_rings`` at most; pure.

    A run of a kind that nobody knows is rung for as well: the worker that takes it up fails it.
    """
    useful: dict[Queue, int] = {}
    for work in due:
        queue, batch_size = _served_by(work, settings)
        useful[queue] = useful.get(queue, 0) + math.ceil(work.due / batch_size)
    return {queue: min(times, settings.max_rings) for queue, times in useful.items() if times}


def _served_by(work: DueWork, settings: Settings) -> tuple[Queue, int]:
    """The queue whose workers do it, and how much of it one message stands for."""
    served = {
        "steps": (JOURNEYS, settings.batch_size),
        "changes": (JOURNEYS, settings.batch_size),
        "messages": (DELIVERIES, settings.delivery_batch_size),
        "webhooks": (WEBHOOKS, settings.webhook_concurrency),
        "calls": (CALLS, settings.call_batch_size),
        "firings": (MAINTENANCE, 1),
        "numbers": (CALL_LOGS, 1),
    }
    return served.get(work.ledger) or (_queue_of_kind(work.kind), 1)


def _queue_of_kind(kind: str | None) -> Queue:
    return QUEUES[KINDS[kind].queue] if kind and kind in KINDS else IMPORTS
