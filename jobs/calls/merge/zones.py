"""The times that Asterisk tells: epochs of events, and the local clock of its own records."""

from datetime import datetime
from zoneinfo import ZoneInfo

_LATEST_MOMENT = 7_258_118_400.0  # the year 2200


def timestamp(text: str | None) -> float | None:
    """Epoch seconds; None of what is none, or of no time that a PBX lives in."""
    try:
        moment = float(text or "")
    except ValueError:
        return None
    return round(moment, 6) if 0 < moment < _LATEST_MOMENT else None


def local_epoch(text: str, zone: ZoneInfo, near: float) -> float | None:
    """Epoch seconds of ``2026-11-22 01:46:01`` in ``zone``; None if it is empty or no time.

    Such records have whole seconds and no offset. An hour that comes twice in autumn is read as the
    one nearer to ``near`` (epoch seconds).
    """
    try:
        local = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=zone)
    except ValueError:
        return None
    both = local.timestamp(), local.replace(fold=1).timestamp()
    return min(both, key=lambda moment: abs(moment - near))
