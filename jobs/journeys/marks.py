"""How far each tenant's due steps have been consumed: where the next claim may begin to look.

While any session holds an old snapshot, the index entries of consumed steps can't be passed over:
a claim that begins at the first of them walks over all (measured: 5 ms grew to 287 ms after
200,000 steps). A mark is only a hint. Steps may come to lie before it, from a batch that was
rolled back or a transaction that committed late; so it is kept well behind the clock, and at short
intervals a claim begins at the bottom again.
"""

import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import attrgetter
from uuid import UUID

from db.queries.journeys.rows import Mark, StepRow

# A step made due by a batch carries that batch's clock: it commits well within this.
_BEHIND_CLOCK = timedelta(seconds=2)
# What lies before a mark waits this long; longer where a look from the bottom takes long, so that
# such looks never cost more than a tenth of the time.
_FROM_BOTTOM_EVERY_S = 1.0
_FROM_BOTTOM_AT_LEAST_EVERY_S = 10.0
_MOST_TENANTS = 5_000
_LOWEST = (datetime.min.replace(tzinfo=UTC), 0)


class LowWaterMarks:
    """The marks of one process; threads share them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._marks: dict[UUID, Mark] = {}
        self._bottom_at = -_FROM_BOTTOM_EVERY_S
        self._bottom_under_way = False
        self._every_s = _FROM_BOTTOM_EVERY_S

    def current(self) -> list[Mark]:
        """Where a claim begins, by tenant; empty, once in a while, for the very bottom."""
        with self._lock:
            now_s = self._clock()
            if now_s - self._bottom_at >= self._every_s:
                self._bottom_at = now_s
                self._bottom_under_way = True
                self._marks.clear()
            return list(self._marks.values())

    def advance(self, claimed: Iterable[StepRow]) -> None:
        """Note what a claim, itself begun at the marks, has taken; also one that took nothing."""
        with self._lock:
            if self._bottom_under_way:
                self._bottom_under_way = False
                took_s = self._clock() - self._bottom_at
                self._every_s = min(
                    max(_FROM_BOTTOM_EVERY_S, 10 * took_s), _FROM_BOTTOM_AT_LEAST_EVERY_S
                )
        last: dict[UUID, tuple[datetime, int]] = {}
        clock = None
        # A tenant's steps come together, so its key is looked up once, not for each.
        for tenant_id, steps in groupby(claimed, key=attrgetter("tenant_id")):
            *_, latest = sorted((step.scheduled_at, step.id, step.now) for step in steps)
            clock = latest[2]
            last[tenant_id] = max(latest[:2], last.get(tenant_id, _LOWEST))
        if clock is None:
            return
        limit = (clock - _BEHIND_CLOCK, 0)
        with self._lock:
            if len(self._marks) + len(last) > _MOST_TENANTS:
                self._marks.clear()
            for tenant_id, place in last.items():
                self._marks[tenant_id] = Mark(tenant_id, *min(place, limit))
