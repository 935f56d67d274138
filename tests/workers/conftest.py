import fakeredis
import pytest

from workers.actors import declare_actors
from workers.broker import close_broker, make_broker
from workers.middleware import worker_middleware


@pytest.fixture
def redis_client():
    client = fakeredis.FakeRedis(server=fakeredis.FakeServer())
    yield client
    client.close()


@pytest.fixture
def broker(settings, redis_client):
    """The real broker on an in-process Redis, booted as in a worker process; see tests.drain."""
    booted = make_broker(settings, middleware=worker_middleware(settings), client=redis_client)
    declare_actors(booted)
    booted.emit_after("process_boot")
    yield booted
    booted.emit_after("worker_shutdown", None)
    close_broker(booted)


@pytest.fixture
def execute(database):
    """(statement, params) → rows; committed."""

    def run(text, params=None):
        with database.transaction() as connection:
            cursor = connection.execute(text, params)
            return cursor.fetchall() if cursor.description else cursor.rowcount

    return run
