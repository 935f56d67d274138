"""What a worker process holds is opened after the fork, or processes would share its sockets."""

from dramatiq import Broker, Middleware, Worker

from config.settings import Settings
from workers.process import WorkerProcess, drop_process, hold_process


class ProcessBoot(Middleware):
    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def after_process_boot(self, broker: Broker) -> None:
        hold_process(WorkerProcess.open(self._settings, broker))

    def after_worker_shutdown(self, broker: Broker, worker: Worker) -> None:  # noqa: ARG002 - dramatiq's signature
        drop_process()
