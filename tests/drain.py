"""Runs the messages of a broker in the test's own thread, through Dramatiq's real machinery."""

from dramatiq import Middleware, Worker
from dramatiq.worker import ConsumerThread, WorkerThread, _WorkQueueItem


class Failures(Middleware):
    """Keeps what actors raised, which Dramatiq only logs."""

    def __init__(self):
        self.exceptions = []

    def after_process_message(self, _broker, _message, *, exception=None, **_result):
        if exception is not None:
            self.exceptions.append(exception)


def drain(broker, *, at_most=1000):
    """Process messages, and those they ring, until no queue has any; returns the actors' names.

    No thread is started and nothing sleeps.

    Raises:
        what an actor raised first, once all is processed; AssertionError after ``at_most``.
    """
    failures = Failures()
    broker.add_middleware(failures)
    worker = Worker(broker, worker_threads=1, worker_timeout=0)  # never started
    thread = WorkerThread(
        broker=broker,
        consumers=worker.consumers,
        work_queue=worker.work_queue,
        worker_timeout=0,
    )
    for name in sorted(broker.get_declared_queues()):
        consumer = ConsumerThread(
            broker=broker,
            queue_name=name,
            prefetch=1,
            work_queue=worker.work_queue,
            worker_timeout=0,
        )
        consumer.consumer = broker.consume(name, prefetch=1, timeout=0)
        worker.consumers[name] = consumer
    try:
        processed = _process_all(worker, thread, at_most)
    finally:
        broker.middleware.remove(failures)
    if failures.exceptions:
        raise failures.exceptions[0]
    return processed


def _process_all(worker, thread, at_most):
    processed = []
    while True:
        before = len(processed)
        for consumer in worker.consumers.values():
            while (message := next(consumer.consumer)) is not None:
                worker.work_queue.put(_WorkQueueItem(0, message))
                thread.process_message(worker.work_queue.get().message)
                processed.append(message.actor_name)
                assert len(processed) <= at_most, f"still ringing: {processed[-5:]}"
        if len(processed) == before:
            return processed
