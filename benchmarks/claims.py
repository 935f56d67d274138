"""Batches whose claim is timed, as the product makes them."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from config.settings import Settings
from db.engine import Database
from jobs.journeys import batch
from jobs.journeys.batch import StepRunner


class TimedRunner:
    """A StepRunner that tells how long the claim of each batch took."""

    def __init__(self, settings: Settings) -> None:
        self._database = Database(settings, min_size=1, max_size=2)
        self._runner = StepRunner(self._database, settings)
        self._size = settings.batch_size

    def claim_ms(self) -> float:
        """Run one full batch; milliseconds of its claim, from the call to the last row.

        Raises:
            RuntimeError: it was not full.
        """
        taken: list[float] = []
        claim = batch.claim_steps

        def timed(*arguments: Any, **named: Any) -> Any:
            started = time.perf_counter()
            try:
                return claim(*arguments, **named)
            finally:
                taken.append((time.perf_counter() - started) * 1000)

        with mock.patch.object(batch, "claim_steps", timed):
            outcome = self._runner.run_batch()
        if outcome.claimed != self._size:
            raise RuntimeError(f"{outcome.claimed} of {self._size} steps were claimed")
        return sum(taken)

    def consume(self, steps: int) -> list[float]:
        """Run batches that take ``steps``; milliseconds of each claim."""
        return [self.claim_ms() for _ in range(steps // self._size)]

    def close(self) -> None:
        self._database.close()


@contextmanager
def timed_runner(settings: Settings) -> Iterator[TimedRunner]:
    """Opened and closed."""
    runner = TimedRunner(settings)
    try:
        yield runner
    finally:
        runner.close()
