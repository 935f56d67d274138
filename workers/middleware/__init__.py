"""What goes on around every message and every worker process; one middleware a file."""

from dramatiq import Middleware

from config.settings import Settings
from workers.middleware.message_log import MessageLog
from workers.middleware.orphan_guard import OrphanGuard
from workers.middleware.process_boot import ProcessBoot
from workers.middleware.stop_flag import StopFlag


def worker_middleware(settings: Settings) -> list[Middleware]:
    """The middleware of a worker, in order."""
    return [OrphanGuard(), ProcessBoot(settings), StopFlag(), MessageLog()]
