"""The stack's streams of calls, on Redis whatever broker carries the messages."""

import redis

from config.settings import Settings
from jobs.calls.stream import CallStream
from workers.broker import redis_client


def open_call_stream(settings: Settings, client: "redis.Redis | None" = None) -> CallStream | None:
    """The streams; None where no Redis is named. Nothing is connected yet.

    ``client`` stands in for the server.
    """
    if client is None and settings.redis_url is None:
        return None
    client = client or redis_client(settings.require("redis_url"))
    return CallStream(client, settings.broker_namespace)
