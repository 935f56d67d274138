"""A thread that hears from the database which tables have changed, and tells the caches."""

import os
import select
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from uuid import UUID

import psycopg
import structlog

from config.settings import Settings
from db.cache.registry import Caches
from db.cache.shared import open_shared_store
from db.engine import Connection, Database, DatabaseUnreachableError, connect_directly

log = structlog.get_logger(__name__)

CHANNEL = "trunkline_cache"
"""A payload is ``TABLE TENANT`` or, of many tenants, ``TABLE *``."""

BEAT_S = 1.0
_REPORT_EVERY_S = 5.0
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 1.0
# The server drops a listener that is frozen, or what it is to be told would pile up.
_SILENCE = "30s"


class NotDirectError(Exception):
    """Between this process and Postgres is something that passes no notifications on."""


class CacheListener:
    """From `start` to `stop`; on one direct connection of its own, made after the fork.

    While it can't listen, reads go past the caches; once it listens again, all is forgotten first.
    """

    def __init__(self, connect: Callable[[], Connection], caches: Caches) -> None:
        self._connect = connect
        self._caches = caches
        self._stopping = False
        self._stop_seen, self._stop_told = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="cache-listener", daemon=True)
        self._reported_at = float("-inf")

    def start(self) -> None:
        self._caches.watch()
        self._thread.start()

    def stop(self) -> None:
        """End the thread and close its connection, and Redis's."""
        self._stopping = True
        self._stop_told.send(b"x")
        self._thread.join()
        figures = {
            name: {"asked": its.asked, "hit_rate": round(its.hit_rate, 3), "loads": its.loads}
            for name, its in self._caches.statistics().items()
            if its.hit_rate is not None
        }
        log.info("caches_left", **figures)
        self._stop_seen.close()
        self._stop_told.close()
        if self._caches.store:
            self._caches.store.close()

    def _run(self) -> None:
        pause_s, told = _FIRST_PAUSE_S, False
        while not self._stopping:
            try:
                with self._connect() as connection:
                    self._begin(connection)
                    pause_s, told = _FIRST_PAUSE_S, False
                    self._listen(connection)
            except (DatabaseUnreachableError, NotDirectError, psycopg.Error) as error:
                self._caches.lost()
                problem = " ".join(str(error).split())
                if not told:
                    log.warning("cache_listener_lost", error=problem)
                told = True
                self._keep_house(problem)
                self._wait(pause_s)
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
        self._caches.lost()

    def _begin(self, connection: Connection) -> None:
        _expect_direct(connection)
        connection.execute("SELECT set_config('idle_session_timeout', %s, false)", [_SILENCE])

    def _listen(self, connection: Connection) -> None:
        changes: set[str] = set()
        connection.add_notify_handler(lambda notice: changes.add(notice.payload))
        connection.execute(f"LISTEN {CHANNEL}")
        self._caches.clear()
        news = True
        log.info("cache_listener_listens")
        while not self._stopping:
            # Notifications that came since are handed over with the answer.
            asked_at = time.monotonic()
            connection.execute("SELECT 1")
            while notice := connection.pgconn.notifies():  # read, but after the answer
                changes.add(notice.extra.decode())
            news = news or bool(changes)
            while changes:
                self._tell(changes.pop())
            self._caches.heard(asked_at)
            if news:
                self._caches.settle()
                news = False
            self._keep_house()
            self._wait(BEAT_S, connection)

    def _tell(self, payload: str) -> None:
        table, _, tenant = payload.partition(" ")
        try:
            self._caches.changed(table, UUID(tenant))
        except ValueError:  # of many tenants
            self._caches.changed(table)

    def _keep_house(self, problem: str | None = None) -> None:
        now = time.monotonic()
        if now - self._reported_at < _REPORT_EVERY_S:
            return
        self._reported_at = now
        self._caches.sweep()
        if self._caches.store:
            told = {name: asdict(part) for name, part in self._caches.statistics().items()}
            self._caches.store.report({"problem": problem, "caches": told})

    def _wait(self, seconds: float, connection: Connection | None = None) -> None:
        """Until the time is over, `stop` is called, or the server has something to say."""
        watched: list[socket.socket | Connection] = [
            self._stop_seen,
            *([connection] if connection else []),
        ]
        if not self._stopping:
            select.select(watched, [], [], seconds)


def _expect_direct(connection: Connection) -> None:
    """A pooler takes LISTEN and never passes a notification on; it makes up the backend's pid.

    Raises:
        NotDirectError: this isn't the server itself.
    """
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    if row != (connection.info.backend_pid,):
        raise NotDirectError(
            "nothing is cached, for changes can't be heard of through a pooler: "
            "name the direct way to Postgres as DATABASE_DIRECT_URL"
        )


def keep_caches(database: Database, settings: Settings) -> CacheListener:
    """Share this process's caches through Redis and have them follow the database from now on."""
    database.caches.store = open_shared_store(settings)
    name = f"trunkline-caches-{os.getpid()}"
    listener = CacheListener(
        partial(connect_directly, settings, application_name=name), database.caches
    )
    listener.start()
    return listener
