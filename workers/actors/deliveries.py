from jobs.deliveries import batch
from workers.process import held_process
from workers.queues import DELIVERIES


def run_deliveries() -> None:
    """Send one batch of queued messages."""
    process = held_process()
    if process.gateway is None:
        return
    outcome = batch.run_deliveries(
        process.database, process.settings, process.gateway, process.steps.next_hours
    )
    if outcome.more:
        process.ring(DELIVERIES)
