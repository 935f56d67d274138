"""A cache that is asked for many keys at once and loads what it lacks in one go."""

import threading
import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from cachetools import TTLCache

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass
class CacheStatistics:
    """Lookups since the process started."""

    hits: int = 0
    misses: int = 0


class BulkCache(Generic[K, V]):
    """Entries live ``ttl_s`` seconds, the least recently used fall first past ``maxsize``.

    Absence is cached too. Safe to share between threads; two that miss the same key both load it.
    """

    def __init__(
        self,
        name: str,
        *,
        maxsize: int,
        ttl_s: float,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.statistics = CacheStatistics()
        self._entries: TTLCache[K, V | None] = TTLCache(maxsize, ttl_s, timer)
        self._lock = threading.Lock()
        self._clears = 0

    def get_many(
        self, keys: Iterable[K], load: Callable[[Sequence[K]], Mapping[K, V]]
    ) -> dict[K, V | None]:
        """The value of every key, None where there is none; ``load`` is called once, if at all."""
        wanted = set(keys)
        found: dict[K, V | None] = {}
        with self._lock:
            clears = self._clears
            for key in wanted:
                try:
                    found[key] = self._entries[key]
                except KeyError:
                    continue
            missing = [key for key in wanted if key not in found]
            self.statistics.hits += len(found)
            self.statistics.misses += len(missing)
        if missing:
            loaded = load(missing)
            fresh = {key: loaded.get(key) for key in missing}
            with self._lock:
                if clears == self._clears:  # else what was loaded may be out of date
                    self._entries.update(fresh)
            found |= fresh
        return found

    def clear(self) -> None:
        """Forget everything; the next lookup loads anew."""
        with self._lock:
            self._entries.clear()
            self._clears += 1
