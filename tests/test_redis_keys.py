"""Two suites, and whoever else uses the server, don't disturb each other."""

import contextlib
import uuid

import pytest
import redis

from tests.redis_keys import own_namespace
from workers.bell import ring, waiting
from workers.broker import close_broker, make_broker
from workers.queues import IMPORTS, QUEUES


@pytest.fixture
def url(servers):
    return servers[1]


@contextlib.contextmanager
def opened(settings, url, namespace):
    broker = make_broker(
        settings.model_copy(update={"redis_url": url, "broker_namespace": namespace})
    )
    yield broker
    close_broker(broker)


def test_what_else_a_redis_holds_stays(settings, url):
    stranger = f"stranger-{uuid.uuid4().hex}"
    with (
        redis.Redis.from_url(url) as client,
        own_namespace(url) as other,
        opened(settings, url, other) as beside,
    ):
        client.set(stranger, 1, ex=60)
        ring(beside, IMPORTS)

        with own_namespace(url) as own, opened(settings, url, own) as broker:
            for queue in QUEUES.values():
                ring(broker, queue, 3)
            next(broker.consume(IMPORTS.name, timeout=0))  # its worker's keys are there as well
            assert waiting(beside, IMPORTS) == 1
            broker.flush_all()
            ring(broker, IMPORTS)

        assert not list(client.scan_iter(match=f"{own}*"))
        assert client.exists(stranger)
        assert waiting(beside, IMPORTS) == 1
        client.delete(stranger)
