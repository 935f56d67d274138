from jobs.maintenance.firings import run_next_firing
from workers.calendar import WORKS
from workers.process import held_process
from workers.queues import MAINTENANCE


def run_maintenance() -> None:
    """Do the work of one calendar firing."""
    process = held_process()
    outcome = run_next_firing(process.database, process.settings, WORKS)
    if outcome.schedule and not outcome.failed:
        process.ring(MAINTENANCE)
