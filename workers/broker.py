"""The broker: Redis or Valkey, or RabbitMQ by an ``amqp://`` URL."""

from collections.abc import Iterable

import redis
from dramatiq import Broker, Middleware
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from config.settings import Settings
from workers.queues import QUEUES
from workers.redis_broker import WokenBroker

# A worker says that it lives each second; the messages it held ring again after this. The sweep
# doesn't wait for that.
_HEARTBEAT_TIMEOUT_MS = 10_000
# Of a million commands; the default, 1,000, finds a dead worker after minutes on a quiet queue.
_MAINTENANCE_CHANCE = 50_000
# Dead letters are of no use where the ledger is in Postgres.
_DEAD_MESSAGE_TTL_MS = 3_600_000
# Longer than consumers block, and long enough for a server that forks.
_SOCKET_TIMEOUT_S = 5.0
_CONNECT_TIMEOUT_S = 2.0


def make_broker(
    settings: Settings,
    *,
    middleware: Iterable[Middleware] = (),
    client: "redis.Redis | None" = None,
) -> Broker:
    """The broker with every queue declared; nothing is connected yet.

    None of Dramatiq's default middleware: retries, time limits and results belong in the ledger.
    ``client`` stands in for the server in tests.

    Raises:
        ConfigError: neither REDIS_URL nor BROKER_URL is set.
    """
    if client is None and settings.message_broker_url.startswith(("amqp://", "amqps://")):
        return _declared(_rabbitmq_broker(settings.message_broker_url, middleware))
    return _declared(
        WokenBroker(  # type: ignore[no-untyped-call]
            client=client or redis_client(settings.message_broker_url),
            middleware=list(middleware),
            namespace=settings.broker_namespace,
            heartbeat_timeout=_HEARTBEAT_TIMEOUT_MS,
            maintenance_chance=_MAINTENANCE_CHANCE,
            dead_message_ttl=_DEAD_MESSAGE_TTL_MS,
        )
    )


def close_broker(broker: Broker) -> None:
    """Close its connections."""
    broker.close()
    if isinstance(broker, WokenBroker):
        broker.client.close()


def _declared(broker: Broker) -> Broker:
    for name in QUEUES:
        broker.declare_queue(name)
    return broker


def redis_client(url: str) -> "redis.Redis":
    """A client that retries by itself: with a bare URL redis-py doesn't. Not connected yet."""
    return redis.Redis.from_url(
        url,
        socket_timeout=_SOCKET_TIMEOUT_S,
        socket_connect_timeout=_CONNECT_TIMEOUT_S,
        socket_keepalive=True,
        retry=Retry(ExponentialBackoff(cap=0.2, base=0.02), 2),
        retry_on_error=[redis.ConnectionError],
    )


def _rabbitmq_broker(url: str, middleware: Iterable[Middleware]) -> Broker:
    from dramatiq.brokers.rabbitmq import RabbitmqBroker  # noqa: PLC0415 - pika only where it is used

    return RabbitmqBroker(url=url, middleware=list(middleware))
