"""A tenant's execution rules as people write them: ``mon-fri``, ``09:00``, ``21:00-08:00``."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from db.engine import Connection
from db.queries import tenants as queries
from db.queries.tenants import TenantRules
from jobs.tenants.creation import TenantError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
OUTSIDE = ("next_opening", "next_business_day", "same_time_next_day", "skip", "pause")
RESUBMISSION = ("skip", "reschedule", "pause", "continue")
_CLOCK = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")
_NONE = "none"
_MOST = {
    "resubmission_hours": 24 * 366,
    "call_gap_minutes": 24 * 60,
    "sends_per_second": 100_000,
    "max_calls_at_once": 100_000,
}
_LARGEST = 1_000_000

Changes = Mapping[str, str | None]
"""What to change, by the name of the option; None leaves it as it is."""


def change_rules(connection: Connection, tenant_id: UUID, changes: Changes) -> TenantRules:
    """Lay down rules, in the caller's transaction; those not named stay as they are.

    Args:
        connection: in a transaction.
        tenant_id: whose.
        changes: ``weekdays`` (``mon-fri``, ``mon,wed``, ``daily``), ``opens``, ``closes`` (HH:MM;
            24:00 is midnight; before ``opens``: past midnight), ``outside``, ``quiet``
            (``21:00-08:00``), ``resubmission``, ``resubmission_hours``, ``max_per_day``,
            ``call_gap_minutes``, ``sends_per_second``, ``burst``, ``calls_at_once``.
            ``none`` takes a limit away.

    Raises:
        TenantError: one line that names every wrong value.
    """
    rules = queries.load_rules(connection, tenant_id)
    problems = _zone_problems(rules)
    changed: dict[str, Any] = {}
    for option, text in changes.items():
        if text is not None:
            try:
                changed |= _READERS[option](text.strip().lower())
            except ValueError as error:
                problems.append(f"{option.replace('_', '-')} {text!r}: {error}")
    rules = rules._replace(**changed)
    if rules.opens_at == rules.closes_at:
        problems.append(f"hours from {rules.opens_at} to {rules.closes_at} are none")
    if rules.send_burst is not None and rules.sends_per_second is None:
        problems.append("a burst is wanted only where sends-per-second is")
    if problems:
        raise TenantError("; ".join(problems))
    queries.save_rules(connection, tenant_id, rules)
    return rules


def _zone_problems(rules: TenantRules) -> list[str]:
    try:
        ZoneInfo(rules.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return [f"the tenant's time zone {rules.timezone!r} is unknown on this machine"]
    return []


def _weekdays(text: str) -> dict[str, Any]:
    if text == "daily":
        return {"weekdays": list(range(1, 8))}
    days: set[int] = set()
    for part in text.split(","):
        ends = [day.strip() for day in part.split("-")]
        if len(ends) > 2 or any(day not in DAYS for day in ends):  # noqa: PLR2004 - two ends
            raise ValueError(
                f"days such as mon-fri, mon,wed or daily are wanted ({', '.join(DAYS)})"
            )
        first, last = DAYS.index(ends[0]), DAYS.index(ends[-1])
        days |= {(first + n) % 7 + 1 for n in range((last - first) % 7 + 1)}
    return {"weekdays": sorted(days)}


def _clock(text: str, *, midnight: str = "00:00") -> str:
    if text == "24:00":
        return midnight
    if not _CLOCK.fullmatch(text):
        raise ValueError("a time such as 09:00 is wanted")
    return text


def _opens(text: str) -> dict[str, Any]:
    return {"opens_at": _clock(text)}


def _closes(text: str) -> dict[str, Any]:
    clock = _clock(text, midnight="24:00")
    return {"closes_at": "24:00" if clock == "00:00" else clock}


def _quiet(text: str) -> dict[str, Any]:
    if text == _NONE:
        return {"quiet_starts_at": None, "quiet_ends_at": None}
    starts, separator, ends = text.partition("-")
    if not separator:
        raise ValueError("hours such as 21:00-08:00, or none, are wanted")
    starts_at, ends_at = _clock(starts.strip()), _clock(ends.strip())
    if starts_at == ends_at:
        raise ValueError("they would never end")
    return {"quiet_starts_at": starts_at, "quiet_ends_at": ends_at}


def _one_of(column: str, words: tuple[str, ...]) -> Callable[[str], dict[str, Any]]:
    def read(text: str) -> dict[str, Any]:
        word = text.replace("-", "_")
        if word not in words:
            raise ValueError(f"one of {', '.join(words)} is wanted")
        return {column: word}

    return read


def _count(column: str, *, least: int, none: bool) -> Callable[[str], dict[str, Any]]:
    def read(text: str) -> dict[str, Any]:
        if none and text == _NONE:
            return {column: None}
        most = _MOST.get(column, _LARGEST)
        if not text.isascii() or not text.isdecimal() or not least <= int(text) <= most:
            raise ValueError(
                f"a whole number from {least} to {most:,}{', or none,' if none else ''} is wanted"
            )
        return {column: int(text)}

    return read


def _rate(text: str) -> dict[str, Any]:
    if text == _NONE:
        return {"sends_per_second": None, "send_burst": None}
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not 0 < rate <= _MOST["sends_per_second"]:
        raise ValueError(
            f"a number above 0, at most {_MOST['sends_per_second']:,}, or none, is wanted"
        )
    return {"sends_per_second": rate}


_READERS: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "weekdays": _weekdays,
    "opens": _opens,
    "closes": _closes,
    "outside": _one_of("outside", OUTSIDE),
    "quiet": _quiet,
    "resubmission": _one_of("resubmission", RESUBMISSION),
    "resubmission_hours": _count("resubmission_hours", least=1, none=False),
    "max_per_day": _count("max_messages_per_day", least=1, none=True),
    "call_gap_minutes": _count("call_gap_minutes", least=0, none=False),
    "sends_per_second": _rate,
    "burst": _count("send_burst", least=1, none=True),
    "calls_at_once": _count("max_calls_at_once", least=0, none=False),
}
