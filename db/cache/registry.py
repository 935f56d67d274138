"""All caches of a process: told of changes together, counted together."""

import threading
import time
from collections.abc import Callable, Hashable, Iterable
from fnmatch import fnmatchcase
from typing import Any, TypeVar
from uuid import UUID
from weakref import WeakSet

from db.cache.cache import Cache
from db.cache.keys import cache_key
from db.cache.shared import SharedStore
from db.cache.statistics import CacheStatistics, total

K = TypeVar("K", bound=Hashable)
R = TypeVar("R")
V = TypeVar("V")

# Silence after which it isn't known any more whether changes are heard of.
TERM_S = 5.0


class Caches:
    """Caches live by their TTLs alone until somebody listens for changes (`watch`).

    From then on reads go past them whenever nothing was heard for five seconds.
    """

    def __init__(self, timer: Callable[[], float] = time.monotonic) -> None:
        self.store: SharedStore | None = None
        """The Redis through which rows are shared, if any."""
        self._timer = timer
        self._made: WeakSet[Cache[Any, Any, Any]] = WeakSet()
        self._lock = threading.Lock()
        self._heard_at: float | None = None

    def make(
        self,
        name: str,
        build: Callable[[R], V],
        *,
        maxsize: int,
        ttl_s: float,
        tables: Iterable[str] = (),
        tenant_of: Callable[[K], UUID] | None = None,
        rows: Any = None,
    ) -> Cache[K, R, V]:
        """A cache among these, as long as somebody holds it; the arguments are `Cache`'s."""
        cache: Cache[K, R, V] = Cache(
            name,
            build=build,
            maxsize=maxsize,
            ttl_s=ttl_s,
            tables=tables,
            tenant_of=tenant_of,
            rows=rows,
            store=lambda: self.store,
            trusted=self.trusted if frozenset(tables) else lambda: True,
            timer=self._timer,
        )
        with self._lock:
            self._made.add(cache)
        return cache

    def trusted(self) -> bool:
        """Whether changes are heard of, or nobody listens for them in this process."""
        heard_at = self._heard_at
        return heard_at is None or self._timer() - heard_at < TERM_S

    def watch(self) -> None:
        """Somebody will listen from now on: nothing is trusted until `heard`."""
        self._heard_at = float("-inf")

    lost = watch

    def heard(self, at: float) -> None:
        """All changes that were committed before ``at``, of the timer's, have been told."""
        self._heard_at = at

    def changed(self, table: str, tenant_id: UUID | None = None) -> None:
        """A table's rows of a tenant, None: of any, have changed and are committed.

        Whoever writes a table that is cached calls it after the commit, so that this process reads
        its own writes; others hear of them from the database.
        """
        for cache in self._all():
            if table in cache.tables:
                cache.changed(tenant_id)

    def clear(self, pattern: str = "*") -> None:
        """Forget all whose key (`cache_key`) matches a pattern such as ``tenants:*``."""
        for cache in self._all():
            cache.clear(_matching(cache.name, pattern))

    def settle(self) -> None:
        """Believe, of what others share, what they load from now on; not only from the next look.

        For after a change: else each process would load anew what another has loaded since.
        """
        settlers = [settle for cache in self._all() if (settle := cache.settler())]
        now = self.store.now() if self.store and settlers else None
        if now is not None:
            for settle in settlers:
                settle(now)

    def sweep(self) -> None:
        """Let go of what has expired."""
        for cache in self._all():
            cache.sweep()

    def statistics(self) -> dict[str, CacheStatistics]:
        """By name of the cache."""
        by_name: dict[str, list[CacheStatistics]] = {}
        for cache in self._all():
            by_name.setdefault(cache.name, []).append(cache.statistics)
        return {name: total(parts) for name, parts in sorted(by_name.items())}

    def _all(self) -> list[Cache[Any, Any, Any]]:
        with self._lock:
            return list(self._made)


def _matching(name: str, pattern: str) -> Callable[[Hashable], bool]:
    def matches(key: Hashable) -> bool:
        parts = key if isinstance(key, tuple) else (key,)
        return fnmatchcase(cache_key(name, *parts), pattern)

    return (lambda _key: True) if pattern == "*" else matches
