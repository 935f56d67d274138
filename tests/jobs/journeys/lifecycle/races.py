"""What tests of races need: a batch stopped in its middle, and a change that waits for it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg

from tests.jobs.journeys.journeys import query
from tests.waiting import wait_until

WAITING = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE wait_event_type = 'Lock' AND datname = current_database()"
)


def waiting(database):
    """How many sessions wait for a lock."""
    return query(database, WAITING)[0][0]


class Stopped:
    """A batch that has decided and applied everything and stands before its commit."""

    def __init__(self, runner, monkeypatch, *, now):
        self._reached = threading.Event()
        self._go = threading.Event()
        self._patch = monkeypatch
        self._pool = ThreadPoolExecutor(1)
        self._runner, self._now = runner, now

    def __enter__(self):
        import jobs.journeys.batch as module  # noqa: PLC0415

        record = module.record_batch

        def hold(*args, **kwargs):
            record(*args, **kwargs)
            self._reached.set()
            assert self._go.wait(20)

        self._patch.setattr(module, "record_batch", hold)
        self._outcome = self._pool.submit(self._runner.run_batch, self._now)
        assert self._reached.wait(20)
        self._patch.setattr(module, "record_batch", record)
        return self

    def commit(self):
        self._go.set()
        return self._outcome.result(20)

    def __exit__(self, *_error):
        self._go.set()
        self._pool.shutdown()


def during(database, stopped, change):
    """Start ``change`` while the batch stands, see it wait, let the batch commit; its result."""
    with ThreadPoolExecutor(1) as pool:
        changed = pool.submit(change)
        wait_until(lambda: waiting(database) or changed.done())
        waited = not changed.done()
        outcome = stopped.commit()
        return changed.result(20), outcome, waited


def statuses(database, table="messages"):
    return dict(query(database, f"SELECT status, count(*) FROM {table} GROUP BY status"))


def states(database):
    return dict(query(database, "SELECT state, count(*) FROM pending_executions GROUP BY state"))


__all__ = ["Stopped", "during", "psycopg", "states", "statuses", "waiting"]
