"""Messages as a service in another language writes them, by the README, on a real server."""

import contextlib
import json
import re
import uuid
from pathlib import Path

import pytest
import redis

from jobs.runs import enqueue
from tests.drain import drain
from tests.factories import make_tenant
from workers.actors import declare_actors
from workers.broker import close_broker, make_broker
from workers.middleware import worker_middleware
from workers.queues import QUEUES

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
SECTION = README.partition("### By message")[2].partition("\n## ")[0]
RUNS = ("imports", "enrollment")


@pytest.fixture
def broker(settings, redis_settings):
    """The real broker on the real server, booted as in a worker process."""
    settings = settings.model_copy(update=redis_settings)
    booted = make_broker(settings, middleware=worker_middleware(settings))
    declare_actors(booted)
    booted.emit_after("process_boot")
    yield booted
    booted.emit_after("worker_shutdown", None)
    close_broker(booted)


@pytest.fixture
def push(redis_settings):
    """Does what the README says, with nothing but a client for Redis."""
    [template] = re.findall(r"```json\n(.*?)```", SECTION, re.DOTALL)

    def push_one(queue, *args):
        message_id = str(uuid.uuid4())
        message = json.loads(template.replace("ID", message_id))
        message |= {
            "queue_name": queue,
            "actor_name": QUEUES[queue].actor,
            "args": [str(arg) for arg in args],
        }
        key = f"{redis_settings['broker_namespace']}:{queue}"
        with (
            contextlib.closing(redis.Redis.from_url(redis_settings["redis_url"])) as client,
            client.pipeline(transaction=True) as together,
        ):
            together.hset(f"{key}.msgs", message_id, json.dumps(message))
            together.rpush(key, message_id)
            together.execute()

    return push_one


def test_the_readme_names_every_queue_with_its_actor():
    named = re.findall(r"^\| `(\w+)` \| `(\w+)` \| (.*?) \|$", SECTION, re.MULTILINE)
    assert {queue: actor for queue, actor, _ in named} == {
        queue.name: queue.actor for queue in QUEUES.values()
    }
    assert {queue for queue, _, args in named if "id of a run" in args} == set(RUNS)


@pytest.mark.parametrize("queue", sorted(QUEUES))
def test_a_message_is_taken_up_by_its_actor(broker, push, queue):
    push(queue)
    assert QUEUES[queue].actor in drain(broker)


@pytest.mark.parametrize("queue", RUNS)
def test_a_run_may_be_named_twice_or_not_exist(broker, push, database, queue):
    tenant_id = make_tenant(database)
    kind = {"imports": "undo_import", "enrollment": "enroll_contacts"}[queue]
    with database.transaction() as connection:
        first, second = (enqueue(connection, tenant_id, kind, {}) for _ in range(2))
    for run_id in (second, second, uuid.uuid4()):
        push(queue, run_id)
    assert drain(broker).count(QUEUES[queue].actor) >= 3
    with database.transaction() as connection:
        rows = dict(connection.execute("SELECT id, attempts FROM job_runs").fetchall())
    assert rows[second] == 1
    assert rows[first] in (0, 1)  # a follow-up may have been rung for it
