"""A worker that is told to stop doesn't wait for the end of a run that takes minutes."""

from dramatiq import Broker, Middleware, Worker

from workers.process import stop_process


class StopFlag(Middleware):
    """Dramatiq then waits for its threads; each hands its run back before the next chunk."""

    def before_worker_shutdown(self, broker: Broker, worker: Worker) -> None:  # noqa: ARG002 - dramatiq's signature
        stop_process()
