"""How a worker is started: what the supervisor, the Procfile and an operator run alike."""

import sys

from config.settings import Settings

WORKER_STOP_S = 10
"""How long a worker that is told to stop may finish what it is at."""


def worker_command(settings: Settings) -> tuple[str, ...]:
    """One dramatiq master with one process: a killed process then takes no other with it."""
    return (
        *(sys.executable, "-m", "dramatiq", "--processes", "1"),
        *("--threads", str(settings.worker_threads), "--skip-logging"),
        *("--worker-shutdown-timeout", str(WORKER_STOP_S * 1000), "worker"),
    )
