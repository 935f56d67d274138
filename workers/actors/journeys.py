from workers.process import held_process
from workers.queues import DELIVERIES, JOURNEYS


def run_journeys() -> None:
    """Take one batch of due steps as far as it goes."""
    process = held_process()
    outcome = process.steps.run_batch()
    if outcome.messages:
        process.ring(DELIVERIES)
    if outcome.more_due:
        process.ring(JOURNEYS)
