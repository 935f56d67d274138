"""While the gateway takes nothing, one message at a time asks whether it does again."""

import threading
from collections.abc import Callable
from time import monotonic


class Circuit:
    """Spares a whole queue and its gateway during an outage.

    Closed, it allows full batches. Once a batch found nobody to connect to, or was denied whole, it
    allows nothing for ``wait_s`` (doubling up to ``longest_wait_s``), then one message; the first
    that gets another answer closes it. Threads may share one.
    """

    def __init__(
        self, wait_s: float, *, longest_wait_s: float = 60.0, clock: Callable[[], float] = monotonic
    ) -> None:
        self._first_wait_s = wait_s
        self._longest_wait_s = longest_wait_s
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._retry_at = 0.0

    def allowance(self, batch_size: int) -> int:
        """How many messages may be claimed now: ``batch_size``, 1 or 0."""
        with self._lock:
            if not self._failures:
                return batch_size
            if self._clock() < self._retry_at:
                return 0
            self._retry_at = self._clock() + self._wait_s()
            return 1

    def record(self, *, reached: bool) -> None:
        """Tell whether any send of a batch got an answer of its own."""
        with self._lock:
            self._failures = 0 if reached else self._failures + 1
            if self._failures:
                self._retry_at = self._clock() + self._wait_s()

    def _wait_s(self) -> float:
        return min(self._first_wait_s * 2.0 ** min(self._failures - 1, 30), self._longest_wait_s)
