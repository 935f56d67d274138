import contextlib

import pytest
import redis

from config.settings import load_settings
from db.cache.registry import Caches
from jobs.calls.belonging import Owners
from jobs.calls.phones import Phones
from jobs.calls.stream import CallStream
from tests.jobs.calls.exchange import Exchange


@pytest.fixture
def settings(database_url, redis_settings, tmp_path):
    """Settings under which whatever was sent is due at once."""
    return load_settings(
        database_url=database_url,
        state_dir=tmp_path / "state",
        call_debounce_ms=1,
        call_debounce_max_ms=1,
        **redis_settings,
    )


@pytest.fixture
def client(redis_settings):
    with contextlib.closing(redis.Redis.from_url(redis_settings["redis_url"])) as opened:
        yield opened


@pytest.fixture
def stream(client, redis_settings):
    return CallStream(client, redis_settings["broker_namespace"])


@pytest.fixture
def owners():
    return Owners(300, Caches())


@pytest.fixture
def exchange():
    """A PBX that rings and talks for a moment."""
    with Exchange() as running:
        yield running


@pytest.fixture
def phones(settings, exchange):
    """Logged in at the exchange, once they are asked."""
    named = load_settings(ami_urls=exchange.url)
    opened = Phones(settings.model_copy(update={"ami_urls": named.ami_urls}))
    yield opened
    opened.close()
