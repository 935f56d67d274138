"""The times of Asterisk's own records: whole seconds of its local clock, without an offset."""

from datetime import datetime
from zoneinfo import ZoneInfo


def local_epoch(text: str, zone: ZoneInfo, near: float) -> float | None:
    """Epoch seconds of ``2026-11-22 01:46:01`` in ``zone``; None if it is empty or no time.

    An hour that comes twice in autumn is read as the one nearer to ``near`` (epoch seconds).
    """
    try:
        local = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=zone)
    except ValueError:
        return None
    both = local.timestamp(), local.replace(fold=1).timestamp()
    return min(both, key=lambda moment: abs(moment - near))
