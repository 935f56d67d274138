"""The ceiling of journey steps: the same state change as one SQL statement per batch."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg

from benchmarks.statements import benchmark_statement
from config.settings import Settings


def work_off(settings: Settings, *, connections: int, batch_size: int, tenants: int) -> int:
    """Do all due steps, one statement and one commit a batch; returns how many.

    Every connection runs until it finds nothing; the threads only wait for the database.
    """
    text = benchmark_statement("claim_batch", "change_steps")
    share = -(-batch_size // tenants)

    def run() -> int:
        done = 0
        with psycopg.connect(
            settings.direct_url, autocommit=True, prepare_threshold=None
        ) as connection:
            while True:
                row = connection.execute(text, {"batch_size": batch_size, "share": share})
                (count,) = row.fetchone() or (0,)
                if not count:
                    return done
                done += count

    return sum(_at_once(run, connections))


def _at_once(run: Callable[[], int], times: int) -> list[int]:
    with ThreadPoolExecutor(times) as threads:
        return [future.result() for future in [threads.submit(run) for _ in range(times)]]


def steps_per_second(
    settings: Settings, count: int, *, connections: int, batch_size: int, tenants: int
) -> float:
    """Work off the ``count`` steps that are due.

    Raises:
        RuntimeError: there were not as many.
    """
    started = time.perf_counter()
    done = work_off(settings, connections=connections, batch_size=batch_size, tenants=tenants)
    elapsed_s = time.perf_counter() - started
    if done != count:
        raise RuntimeError(f"{done} of {count} steps were done")
    return count / elapsed_s
