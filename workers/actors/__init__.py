"""One actor a queue: a message in, one job call, a ring for what follows.

Actors are plain functions, so that importing them needs no broker; ``declare_actors`` makes them
Dramatiq's. They have no retries: attempts are columns of the ledger.
"""

from collections.abc import Callable, Mapping

import dramatiq

from workers import queues
from workers.actors.call_logs import flush_call_logs
from workers.actors.calls import run_calls
from workers.actors.deliveries import run_deliveries
from workers.actors.enrollment import run_enrollment
from workers.actors.imports import run_imports
from workers.actors.journeys import run_journeys
from workers.actors.maintenance import run_maintenance
from workers.actors.webhooks import run_webhooks
from workers.queues import Queue

ACTORS: Mapping[Queue, Callable[..., None]] = {
    queues.JOURNEYS: run_journeys,
    queues.DELIVERIES: run_deliveries,
    queues.WEBHOOKS: run_webhooks,
    queues.CALLS: run_calls,
    queues.IMPORTS: run_imports,
    queues.ENROLLMENT: run_enrollment,
    queues.CALL_LOGS: flush_call_logs,
    queues.MAINTENANCE: run_maintenance,
}


def declare_actors(broker: dramatiq.Broker) -> None:
    """Make every actor known to the broker, each on its queue and by its function's name."""
    for queue, function in ACTORS.items():
        declare = dramatiq.actor(actor_name=queue.actor, queue_name=queue.name, broker=broker)
        declare(function)
