from jobs.journeys.leaving import run_leaving
from workers.process import held_process
from workers.queues import DELIVERIES, JOURNEYS


def run_journeys() -> None:
    """Take one batch of due steps as far as it goes; then look at whom changes take out."""
    process = held_process()
    outcome = process.steps.run_batch()
    if outcome.messages:
        process.ring(DELIVERIES)
    if outcome.more_due:
        process.ring(JOURNEYS)
    if run_leaving(process.database, process.settings).more:
        process.ring(JOURNEYS)
