from jobs.calls.flush import flush_calls
from workers.process import held_process
from workers.queues import CALL_LOGS


def flush_call_logs() -> None:
    """Write what the stream holds of calls."""
    held = held_process()
    if held.calls and held.owners:
        outcome = flush_calls(
            held.database, held.settings, held.calls, held.owners, stopping=held.stopping.is_set
        )
        if outcome.more:
            held.ring(CALL_LOGS)
