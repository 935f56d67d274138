"""History is kept in monthly partitions, made ahead of time."""

from typing import Any

from config.settings import Settings
from db.engine import Connection
from db.queries import maintenance

MONTHS_AHEAD = 3


def extend_partitions(connection: Connection, settings: Settings) -> dict[str, Any]:
    """Make the partitions of this month and the next three; ``{"made": how many were missing}``."""
    made = maintenance.extend_partitions(
        connection, months_ahead=MONTHS_AHEAD, lock_timeout_s=settings.lock_timeout_s
    )
    return {"made": made}
