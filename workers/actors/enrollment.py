from workers.actors.runs import take_up
from workers.queues import ENROLLMENT


def run_enrollment(run_id: str | None = None) -> None:
    """Do the next bulk enrollment that is due, or the one named."""
    take_up(ENROLLMENT, run_id)
