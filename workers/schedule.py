"""When the leader looks: every tick, at once when there is news, and by the calendar."""

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import psycopg
import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from config.settings import Settings
from db.engine import Database, DatabaseUnreachableError
from db.queries import maintenance
from workers.calendar import ENTRIES, CalendarEntry, due_firings
from workers.ticks import Ticker

log = structlog.get_logger(__name__)

_CALENDAR_S = 1
# News that comes in a stream is looked at together.
_NEWS_SPACING_S = 0.02
# A tick that is still under way when its time comes again is not worth a line each.
logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)
logging.getLogger("apscheduler.executors").setLevel(logging.ERROR)


class Schedule:
    """APScheduler with ticks and calendar; made anew each time its process comes to lead."""

    def __init__(
        self,
        database: Database,
        ticker: Ticker,
        settings: Settings,
        entries: tuple[CalendarEntry, ...] = ENTRIES,
        *,
        leads: Callable[[], bool] = lambda: True,
    ) -> None:
        """``leads`` is asked before each look: whether this process leads still."""
        self._database = database
        self._ticker = ticker
        self._leads = leads
        self._entries = entries
        self._last_fired: Mapping[str, datetime] | None = None
        self._news = threading.Event()
        self._over = threading.Event()
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(2)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        now = datetime.now(UTC)
        self._scheduler.add_job(
            self._tick, "interval", seconds=settings.tick_ms / 1000, id="tick", next_run_time=now
        )
        self._scheduler.add_job(
            self._fire, "interval", seconds=_CALENDAR_S, id="calendar", next_run_time=now
        )

    def start(self) -> None:
        self._scheduler.start()

    def stop(self) -> None:
        """Ring no more; a look that is under way ends without another."""
        self._over.set()
        self._scheduler.shutdown(wait=False)

    def wake(self) -> None:
        """Look at once; while a look is under way, once more after it."""
        self._news.set()
        self._scheduler.modify_job("tick", next_run_time=datetime.now(UTC))

    def _tick(self) -> None:
        while not self._over.is_set() and self._leads():
            self._news.clear()
            self._ticker.tick()
            if not self._news.is_set():
                return
            self._over.wait(_NEWS_SPACING_S)

    def _fire(self) -> None:
        if self._over.is_set() or not self._leads():
            return
        try:
            fired = fire_due(self._database, self._entries, self._last_fired, datetime.now(UTC))
        except (DatabaseUnreachableError, psycopg.OperationalError) as error:
            log.warning("calendar_waits", error=str(error))
            return
        if self._last_fired is None or dict(self._last_fired) != fired:
            self._last_fired = fired
            if not self._over.is_set():
                self.wake()


def fire_due(
    database: Database,
    entries: tuple[CalendarEntry, ...],
    last_fired: Mapping[str, datetime] | None,
    now: datetime,
) -> dict[str, datetime]:
    """Write down the firings that are due; returns when each entry fired last, whoever wrote it.

    ``last_fired`` None: look it up. Of two leaders at once, one row is inserted.
    """
    if last_fired is None:
        with database.transaction() as connection:
            last_fired = maintenance.last_firings(connection, [entry.name for entry in entries])
    firings = due_firings(entries, last_fired, now)
    if firings:
        with database.transaction() as connection:
            inserted = maintenance.insert_firings(connection, firings)
        for name, fire_at in inserted:
            log.info("fired", schedule=name, fire_at=fire_at.isoformat(), late=str(now - fire_at))
    return {**last_fired, **dict(firings)}
