"""Local times turned into moments, right on the days when clocks change."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


@lru_cache(maxsize=1000)
def zone_named(name: str) -> ZoneInfo:
    """The zone of an IANA name.

    Raises:
        ValueError: there is no such zone, or its data is missing on this machine.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"unknown time zone {name!r}") from None


def at_local(day: date, clock: time, zone: ZoneInfo, *, fold: int = 0) -> datetime:
    """The moment (UTC) at which ``zone``'s clocks show ``clock`` on ``day``.

    A time that comes twice is the first of the two, or with ``fold`` 1 the second. A time that is
    left out, because clocks jump over it, is the moment as long after the jump as the time lies
    inside the gap: 02:30 on a day that jumps from 02:00 to 03:00 is 03:30 (PEP 495).
    """
    return datetime.combine(day, clock, tzinfo=zone).replace(fold=fold).astimezone(UTC)


def next_at_local(moment: datetime, clock: time, zone: ZoneInfo) -> datetime:
    """The first moment (UTC), ``moment`` or after it, at which ``zone``'s clocks show ``clock``.

    On a day that leaves the time out it is as long after the jump as the time lies inside the gap.
    """
    # From the day before, whose gap may end on this one, to one that no jump of clocks leaves out.
    today = moment.astimezone(zone).date()
    return min(
        at
        for n in range(-1, 4)
        for at in _showings(today + timedelta(days=n), clock, zone)
        if at >= moment
    )


def _showings(day: date, clock: time, zone: ZoneInfo) -> Iterator[datetime]:
    first = at_local(day, clock, zone)
    yield first
    second = at_local(day, clock, zone, fold=1)
    if second > first:  # it is before the first where the time is left out
        yield second


def clock_change(day: date, zone: ZoneInfo) -> datetime | None:
    """The moment (UTC) on ``day`` from which ``zone``'s clocks show another time, if there is one.

    Of a day, midnight to midnight; the midnight at its end counts too.
    """
    before = at_local(day, time(), zone)
    after = at_local(day + timedelta(days=1), time(), zone)
    offset = before.astimezone(zone).utcoffset()
    if after.astimezone(zone).utcoffset() == offset:
        return None
    while after - before > timedelta.resolution:
        middle = before + (after - before) // 2
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after
