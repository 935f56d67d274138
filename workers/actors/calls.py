from jobs.calls.allocation import allocate_calls
from workers.process import held_process
from workers.queues import CALLS


def run_calls() -> None:
    """Dial one batch of queued calls."""
    process = held_process()
    outcome = allocate_calls(
        process.database, process.settings, process.phones, process.steps.next_hours
    )
    if outcome.more:
        process.ring(CALLS)
