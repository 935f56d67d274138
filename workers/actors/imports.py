from workers.actors.runs import take_up
from workers.queues import IMPORTS


def run_imports(run_id: str | None = None) -> None:
    """Do the next import that is due, or the one named."""
    take_up(IMPORTS, run_id)
