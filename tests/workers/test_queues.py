"""Every queue has an actor and is consumed by some process."""

import ast
import inspect

from config.settings import load_settings
from workers import queues
from workers.actors import ACTORS
from workers.command import worker_command
from workers.kinds import KINDS
from workers.queues import QUEUES, Queue


def test_every_queue_is_listed_and_has_the_actor_of_its_name():
    declared = {value for value in vars(queues).values() if isinstance(value, Queue)}

    assert set(QUEUES.values()) == declared == set(ACTORS)
    assert {queue.actor: queue for queue in declared} == {
        function.__name__: queue for queue, function in ACTORS.items()
    }


def test_the_names_are_those_that_other_services_ring():
    names = {"journeys", "deliveries", "webhooks", "imports", "enrollment", "calls", "call_logs"}
    assert set(QUEUES) == names | {"maintenance"}


def test_every_queue_is_consumed_by_the_worker():
    command = worker_command(load_settings())

    assert not {"--queues", "-Q"} & set(command)  # dramatiq's default is all
    assert command[-1] == "worker"


def test_every_kind_of_run_has_a_queue():
    assert {kind.queue for kind in KINDS.values()} <= set(QUEUES)


def test_an_actor_is_at_most_ten_lines():
    for function in ACTORS.values():
        lines = inspect.getsource(function).splitlines()
        [definition] = ast.parse("\n".join(lines)).body
        assert definition.end_lineno - definition.lineno + 1 <= 10, function.__name__
