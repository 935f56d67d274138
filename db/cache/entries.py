"""What a process remembers: bounded, each entry for its own time, the least recently used falls."""

import time
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

from cachetools import TLRUCache

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Entries(Generic[K, V]):
    """Not safe between threads by itself. ``evictions`` counts what fell before its time."""

    def __init__(self, maxsize: int, timer: Callable[[], float] = time.monotonic) -> None:
        self.evictions = 0
        self._held = _CountedCache(maxsize, lambda _key, entry, now: now + entry[1], timer=timer)
        self._held.evicted = self._count

    def __len__(self) -> int:
        self._held.expire()
        return len(self._held)

    def __getitem__(self, key: K) -> V:
        """The value.

        Raises:
            KeyError: it isn't remembered, or not any more.
        """
        value: V = self._held[key][0]
        return value

    def put(self, key: K, value: V, ttl_s: float) -> None:
        self._held[key] = (value, ttl_s)

    def drop(self, chosen: Callable[[K], bool]) -> None:
        for key in [key for key in self._held if chosen(key)]:
            self._held.pop(key, None)

    def clear(self) -> None:
        self._held.clear()

    def sweep(self) -> None:
        """Let go of what has expired; without it that happens when something is put in."""
        self._held.expire()

    def _count(self) -> None:
        self.evictions += 1


class _CountedCache(TLRUCache[Any, tuple[Any, float]]):
    """Tells when it makes room."""

    evicted: Callable[[], None]

    def popitem(self) -> tuple[Any, tuple[Any, float]]:
        self.evicted()
        return super().popitem()
