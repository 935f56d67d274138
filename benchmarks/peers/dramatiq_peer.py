"""Dramatiq: two processes of four threads, prefetch 64, no middleware; sends in one pipeline."""

import sys
from collections.abc import Callable

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker

from benchmarks.peers.peer import Peer, Steps, connection, delivery, do_step, empty_valkey
from config.settings import Settings, load_settings

_QUEUE = "dramatiq:default"


class Boot(dramatiq.Middleware):
    """Tells that the process is ready by connecting."""

    def after_process_boot(self, broker: dramatiq.Broker) -> None:  # noqa: ARG002 - dramatiq's
        connection()


def make_broker() -> RedisBroker:
    """What ``dramatiq benchmarks.peers.dramatiq_peer:make_broker`` calls in each process."""
    broker = RedisBroker(url=load_settings().require("redis_url"), middleware=[Boot()])
    dramatiq.set_broker(broker)
    dramatiq.actor(do_step, broker=broker)
    return broker


def _commands() -> list[tuple[str, ...]]:
    return [
        (
            *("env", "dramatiq_queue_prefetch=64", sys.executable, "-m", "dramatiq"),
            *("--processes", "2", "--threads", "4", "--skip-logging"),
            "benchmarks.peers.dramatiq_peer:make_broker",
        )
    ]


def _stage(settings: Settings, steps: Steps) -> Callable[[], None]:
    staged = "staged"
    with redis.Redis.from_url(settings.require("redis_url")) as client:
        pipeline = client.pipeline(transaction=False)
        for tenant_id, *ids in steps:
            message = dramatiq.Message(
                queue_name="default",
                actor_name="do_step",
                args=(str(tenant_id), *ids),
                kwargs={},
                options={},
            )
            message = message.copy(options={"redis_message_id": message.message_id})
            pipeline.hset(f"{_QUEUE}.msgs", message.message_id, message.encode())
            pipeline.rpush(staged, message.message_id)
        pipeline.execute()
    return delivery(settings, staged, _QUEUE)


DRAMATIQ = Peer("dramatiq", "dramatiq", _commands, _stage, empty_valkey)
