"""What the actors of all queues of runs do."""

from uuid import UUID

from jobs.runs import run_next
from workers.kinds import KINDS
from workers.process import held_process
from workers.queues import Queue


def take_up(queue: Queue, run_id: str | None) -> None:
    """Do the next run of the queue's kinds that is due, or the one named."""
    held = held_process()
    wanted = UUID(run_id) if run_id else None
    outcome = run_next(
        held.database, held.settings, KINDS, wanted, queue=queue.name, stopping=held.stopping
    )
    if outcome.more:
        held.ring(queue)
