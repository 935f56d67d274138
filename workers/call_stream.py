"""The stack's streams of calls, on Redis whatever broker carries the messages."""

import contextlib
from typing import Any

import redis

from config.settings import Settings
from db.engine import Connection
from jobs.calls.claiming import send_owned
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


def claim_owned_calls(connection: Connection, settings: Settings) -> dict[str, Any]:
    """Have calls written anew whose number was imported while they were being written.

    ``{"sent": how many}``.
    """
    stream = open_call_stream(settings)
    if stream is None:
        return {"sent": 0}
    with contextlib.closing(stream):
        return {"sent": send_owned(connection, stream)}
