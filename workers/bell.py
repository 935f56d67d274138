"""Ringing: a message that says come and look, and how many of those nobody has answered."""

from dramatiq import Broker, Message
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.errors import BrokerError
from redis import RedisError

from workers.queues import Queue
from workers.redis_broker import WokenBroker

# What ringing and asking raise while the broker is away.
BROKER_ERRORS = (BrokerError, RedisError, OSError)


def ring(broker: Broker, queue: Queue, times: int = 1) -> None:
    """Put ``times`` messages into the queue.

    Raises:
        one of BROKER_ERRORS: the broker is away; the ledger has the work, the next tick rings.
    """
    for _ in range(times):
        broker.enqueue(
            Message(queue_name=queue.name, actor_name=queue.actor, args=(), kwargs={}, options={})
        )


def waiting(broker: Broker, queue: Queue) -> int:
    """Messages in the queue that no worker has taken up.

    Raises:
        one of BROKER_ERRORS: the broker is away.
    """
    if isinstance(broker, WokenBroker):
        return broker.waiting(queue.name)
    if isinstance(broker, RabbitmqBroker):
        return broker.get_queue_message_counts(queue.name)[0]
    raise TypeError(f"no way to ask {type(broker).__name__} how many messages wait")
