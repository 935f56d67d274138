"""The queues, and the actor that a message in each wakes. A message means: come and look."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Queue:
    """``at_once``: messages that one process takes up at a time.

    Long runs get one, so that they can't occupy every thread, and what a process holds back from
    the others while it is busy stays small.
    """

    name: str
    actor: str
    at_once: int


JOURNEYS = Queue("journeys", "run_journeys", 2)
DELIVERIES = Queue("deliveries", "run_deliveries", 2)
# Apart from messages: services of tenants that hang must not keep those waiting.
WEBHOOKS = Queue("webhooks", "run_webhooks", 2)
CALLS = Queue("calls", "run_calls", 2)
IMPORTS = Queue("imports", "run_imports", 1)
ENROLLMENT = Queue("enrollment", "run_enrollment", 1)
CALL_LOGS = Queue("call_logs", "flush_call_logs", 1)
MAINTENANCE = Queue("maintenance", "run_maintenance", 1)

QUEUES = {
    queue.name: queue
    for queue in (
        JOURNEYS,
        DELIVERIES,
        WEBHOOKS,
        CALLS,
        IMPORTS,
        ENROLLMENT,
        CALL_LOGS,
        MAINTENANCE,
    )
}
