"""Celery on Redis: two processes, prefetch 64, early acks, no results, events, gossip or mingle."""

import sys
from collections.abc import Callable

from celery import Celery
from celery.signals import worker_process_init

from benchmarks.peers.peer import Peer, Steps, connection, delivery, do_step, empty_valkey
from config.settings import Settings, load_settings

_QUEUE = "steps"
_STAGED = "staged"


def make_app(settings: Settings) -> Celery:
    """An app with the task ``do_step``."""
    app = Celery("steps", broker=settings.require("redis_url"), set_as_current=False)
    app.conf.update(
        task_ignore_result=True,
        task_default_queue=_QUEUE,
        worker_prefetch_multiplier=64,
        worker_send_task_events=False,
        task_compression=None,
        broker_connection_retry_on_startup=True,
    )
    app.task(name="do_step", ignore_result=True)(do_step)
    return app


def _work() -> None:
    worker_process_init.connect(lambda **_: connection(), weak=False)
    make_app(load_settings()).worker_main(
        [
            *("worker", "--pool", "prefork", "--concurrency", "2", "--loglevel", "WARNING"),
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
            *("--queues", _QUEUE, "--optimization", "fair"),
        ]
    )


def _commands() -> list[tuple[str, ...]]:
    return [(sys.executable, "-m", "benchmarks.peers.celery_peer")]


def _stage(settings: Settings, steps: Steps) -> Callable[[], None]:
    app = make_app(settings)
    task = app.tasks["do_step"]
    with app.producer_pool.acquire(block=True) as producer:
        for tenant_id, *ids in steps:
            task.apply_async((str(tenant_id), *ids), producer=producer, queue=_STAGED)
    app.close()
    return delivery(settings, _STAGED, _QUEUE)


CELERY = Peer("celery", "celery", _commands, _stage, empty_valkey)

if __name__ == "__main__":
    sys.exit(_work())
