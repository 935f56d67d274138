"""What a cache was asked and what it did, since its process started."""

from collections.abc import Iterable
from dataclasses import dataclass, fields


@dataclass
class CacheStatistics:
    """``hits`` were known in the process, or just being loaded by another of its threads.

    Of the ``misses``, ``shared_hits`` were in Redis.
    ``loads`` is how often the database was asked, once for all that was missing. ``evictions`` fell
    to make room, before their time.
    """

    hits: int = 0
    misses: int = 0
    shared_hits: int = 0
    loads: int = 0
    evictions: int = 0
    size: int = 0

    @property
    def asked(self) -> int:
        return self.hits + self.misses

    @property
    def hit_rate(self) -> float | None:
        """The share of lookups found in the process or in Redis, 0 to 1; None: nobody asked."""
        return (self.hits + self.shared_hits) / self.asked if self.asked else None


def total(parts: Iterable[CacheStatistics]) -> CacheStatistics:
    """The sum of several."""
    counted = list(parts)
    return CacheStatistics(
        *(sum(getattr(part, field.name) for part in counted) for field in fields(CacheStatistics))
    )
