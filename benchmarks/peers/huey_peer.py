"""huey on Redis: two consumers of four threads, blocking reads, no results; sends in a pipeline."""

import sys
from collections.abc import Callable

import redis
from huey import RedisHuey

from benchmarks.peers.peer import Peer, Steps, connection, delivery, do_step, empty_valkey
from config.settings import Settings, load_settings

_NAME = "steps"


def make_huey(settings: Settings) -> RedisHuey:
    """The queue with its task, on the stack's Redis."""
    return RedisHuey(_NAME, url=settings.require("redis_url"), results=False, blocking=True)


def _consume() -> None:
    huey = make_huey(load_settings())
    huey.task(name="do_step")(do_step)
    huey.on_startup()(connection)
    huey.create_consumer(workers=4, worker_type="thread", periodic=False).run()


def _commands() -> list[tuple[str, ...]]:
    return [(sys.executable, "-m", "benchmarks.peers.huey_peer")] * 2


def _stage(settings: Settings, steps: Steps) -> Callable[[], None]:
    huey = make_huey(settings)
    task = huey.task(name="do_step")(do_step)
    with redis.Redis.from_url(settings.require("redis_url")) as client:
        pipeline = client.pipeline(transaction=False)
        for tenant_id, *ids in steps:
            pipeline.lpush("staged", huey.serialize_task(task.s(str(tenant_id), *ids)))
        pipeline.execute()
    return delivery(settings, "staged", huey.storage.queue_key)


HUEY = Peer("huey", "huey", _commands, _stage, empty_valkey)

if __name__ == "__main__":
    _consume()
