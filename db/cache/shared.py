"""The second level: rows as JSON in Redis, for all processes. Without it, nothing is missing.

Keys, each with the stack's prefix: ``cache:SHAPE:KEY`` is ``TIME ROWS``, TIME being Redis's clock
in µs before they were asked for; SHAPE tells apart what releases with other columns have written.
``cache:reports`` holds what processes tell of their caches.
"""

import hashlib
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

import redis
import structlog
from pydantic import TypeAdapter

from config.settings import Settings
from db.cache.floors import Floors, Scope
from db.cache.keys import cache_key

log = structlog.get_logger(__name__)

K = TypeVar("K", bound=Hashable)
R = TypeVar("R")

# A lookup that takes longer costs more than the statement it spares.
_PATIENCE_S = 0.25
_AWAY_S = 2.0
_MOST_BYTES = 256 * 1024


class SharedStore:
    """Redis as far as it can be had, for any thread: no error leaves here.

    After a failure nobody tries for two seconds, so that a server that hangs slows nothing down.
    """

    def __init__(
        self,
        client: "redis.Redis",
        namespace: str,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._prefix = f"{namespace}:cache:"
        self._timer = timer
        self._away_until = float("-inf")
        self._away = False

    def close(self) -> None:
        self._client.close()

    def fetch(self, keys: Sequence[str]) -> tuple[int, list[bytes | None]] | None:
        """The time (µs), and what the keys held after it; None: Redis is away. One round trip."""

        def ask() -> tuple[int, list[bytes | None]]:
            pipeline = self._client.pipeline(transaction=False)
            pipeline.time()
            pipeline.mget([self._prefix + key for key in keys])
            (seconds, microseconds), values = pipeline.execute()
            return int(seconds) * 1_000_000 + int(microseconds), values

        return self._try(ask)

    def now(self) -> int | None:
        """The time (µs); None: Redis is away."""
        told: tuple[int, int] | None = self._try(self._client.time)
        return int(told[0]) * 1_000_000 + int(told[1]) if told else None

    def keep(self, values: Mapping[str, bytes], ttl_s: float) -> None:
        """Write all in one round trip, each gone after ``ttl_s``."""

        def write() -> None:
            pipeline = self._client.pipeline(transaction=False)
            for key, value in values.items():
                pipeline.set(self._prefix + key, value, px=max(1, int(ttl_s * 1000)))
            pipeline.execute()

        self._try(write)

    def report(self, told: Mapping[str, Any]) -> None:
        """Leave word of this process's caches, to be read by `reports`."""
        self._try(
            lambda: self._client.hset(
                self._prefix + "reports",
                f"{socket.gethostname()}:{os.getpid()}",
                json.dumps({"at": time.time(), **told}),
            )
        )

    def reports(self, younger_than_s: float) -> list[dict[str, Any]] | None:
        """What living processes told last; None: Redis is away. Old words are taken out."""

        def read() -> list[dict[str, Any]]:
            told: Any = self._client.hgetall(self._prefix + "reports")
            reports = {field: json.loads(text) for field, text in told.items()}
            now = time.time()
            old = [field for field, it in reports.items() if now - it["at"] > younger_than_s]
            if old:
                self._client.hdel(self._prefix + "reports", *old)
            return [it for field, it in reports.items() if field not in old]

        return self._try(read)

    def _try(self, ask: Callable[[], R]) -> R | None:
        if self._timer() < self._away_until:
            return None
        try:
            answer = ask()
        except (redis.RedisError, OSError) as error:
            self._away_until = self._timer() + _AWAY_S
            if not self._away:
                self._away = True
                log.warning("shared_cache_away", error=" ".join(str(error).split()))
            return None
        if self._away:
            self._away = False
            log.info("shared_cache_back")
        return answer


class SharedRows(Generic[K, R]):
    """The rows of one cache in the store. ``store`` gives it, None: there is none (yet)."""

    def __init__(
        self,
        name: str,
        rows: TypeAdapter[R],
        store: Callable[[], SharedStore | None],
        scope_of: Callable[[K], Scope],
    ) -> None:
        shape = hashlib.sha256(json.dumps(rows.json_schema(), sort_keys=True).encode())
        self._shape = shape.hexdigest()[:8]
        self._name = name
        self._rows = rows
        self._store = store
        self._scope_of = scope_of
        self._floors = Floors()
        self._lock = threading.Lock()

    def find(self, keys: Sequence[K]) -> tuple[int | None, dict[K, tuple[R | None, float]]]:
        """The time before the lookup (None: no Redis), and rows with their age in seconds."""
        store = self._store()
        noted = self._floors.unsettled()
        fetched = store.fetch([self._key(key) for key in keys]) if store else None
        if fetched is None:
            return None, {}
        now, values = fetched
        found: dict[K, tuple[R | None, float]] = {}
        for key, value in zip(keys, values, strict=True):
            if value is not None:
                self._read(key, value, now, found)
        self._floors.settle(noted, now)
        return now, found

    def keep(self, rows: Mapping[K, R | None], asked_at: int, ttl_s: float) -> None:
        """Write what was loaded after ``asked_at``; what JSON can't hold or is huge is left out."""
        values = {}
        for key, row in rows.items():
            text = b"null" if row is None else self._rows.dump_json(row)
            if len(text) <= _MOST_BYTES and (row is None or self._rows.validate_json(text) == row):
                values[self._key(key)] = b"%d %s" % (asked_at, text)
        store = self._store()
        if store and values:
            store.keep(values, ttl_s)

    def distrust(self, scope: Scope) -> None:
        """Believe nothing of it that was loaded until now."""
        self._floors.mark(scope)

    def settler(self) -> Callable[[int], None]:
        """To be told a time that is asked for from now on: what is loaded after it is believed."""
        return partial(self._floors.settle, self._floors.unsettled())

    def _read(self, key: K, value: bytes, now: int, found: dict[K, tuple[R | None, float]]) -> None:
        try:
            at, text = value.split(b" ", 1)
            asked_at = int(at)
            if self._floors.holds(self._scope_of(key), asked_at):
                row = None if text == b"null" else self._rows.validate_json(text)
                found[key] = row, max(0, now - asked_at) / 1_000_000
        except ValueError:  # not ours, or cut off: as if it weren't there
            pass

    def _key(self, key: K) -> str:
        parts: Any = key if isinstance(key, tuple) else (key,)
        return f"{self._shape}:{cache_key(self._name, *parts)}"


def open_shared_store(settings: Settings) -> SharedStore | None:
    """The stack's Redis; None where none is named. Nothing is connected yet."""
    if settings.redis_url is None:
        return None
    client = redis.Redis.from_url(
        settings.require("redis_url"),
        socket_connect_timeout=_PATIENCE_S,
        socket_timeout=_PATIENCE_S,
        retry=None,
    )
    return SharedStore(client, settings.broker_namespace)
