from jobs.journeys.leaving import run_leaving
from workers.process import held_process
from workers.queues import DELIVERIES, JOURNEYS, WEBHOOKS


def run_journeys() -> None:
    """Take one batch of due steps as far as it goes; then look at whom changes take out."""
    process = held_process()
    outcome = process.steps.run_batch()
    made = {DELIVERIES: outcome.messages, WEBHOOKS: outcome.webhooks, JOURNEYS: outcome.more_due}
    for queue in filter(made.get, made):
        process.ring(queue)
    if run_leaving(process.database, process.settings).more:
        process.ring(JOURNEYS)
