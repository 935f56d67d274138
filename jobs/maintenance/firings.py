"""The work of calendar firings. The row is the ledger, its lock the lease."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from config.logging import mask_phone
from config.settings import Settings
from config.tracebacks import error_line
from db.engine import Connection, Database
from db.queries import maintenance

log = structlog.get_logger(__name__)

MAX_ATTEMPTS = 5
_SHOWN_CHARACTERS = 500

Work = Callable[[Connection, Settings], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class FiringOutcome:
    """``schedule``: whose firing was worked on, None if none was due; ``failed``: it raised."""

    schedule: str | None = None
    failed: bool = False


def run_next_firing(
    database: Database, settings: Settings, works: Mapping[str, Work]
) -> FiringOutcome:
    """Do the work of the oldest unfinished firing, in ONE transaction with the note of it.

    ``works``: schedule → what it does. Work that raises is undone and tried again with a growing
    pause, ``MAX_ATTEMPTS`` times in all.
    """
    with database.transaction() as connection:
        firing = maintenance.claim_firing(connection, list(works))
        if firing is None:
            return FiringOutcome()
        try:
            with connection.transaction():
                result = works[firing.schedule](connection, settings)
        except Exception as error:
            log.exception("firing_failed", schedule=firing.schedule, attempt=firing.attempts + 1)
            shown = mask_phone(f"{type(error).__name__}: {error_line(error)}")
            maintenance.close_firing(
                connection,
                firing,
                finished=firing.attempts + 1 >= MAX_ATTEMPTS,
                error=shown[:_SHOWN_CHARACTERS],
            )
            return FiringOutcome(firing.schedule, failed=True)
        maintenance.close_firing(connection, firing, finished=True, result=result)
    return FiringOutcome(firing.schedule)
