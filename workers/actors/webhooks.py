from jobs.webhooks import batch
from workers.process import held_process
from workers.queues import WEBHOOKS


def run_webhooks() -> None:
    """Make one batch of webhook calls."""
    process = held_process()
    outcome = batch.run_webhooks(
        process.database, process.settings, process.webhooks, stopping=process.stopping
    )
    if outcome.more:
        process.ring(WEBHOOKS)
