"""What an answer of the SMS gateway means; pure."""

import email.utils
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

from config.logging import mask_phone

# A gateway that asks for a longer silence is asked again after this, in seconds.
LONGEST_WAIT_S = 3600.0
# Client errors that say "later", not "no": timeout, a try with the same key under way, too early,
# too many.
_LATER = frozenset({408, 409, 425, 429})
# Answers about us or the address, not about a message: moved, token, payment, forbidden, not here.
_DENIED = frozenset({301, 307, 308, 401, 402, 403, 404, 405, 407})
_ACCEPTED = frozenset({200, 201, 202})
_SHOWN_CHARACTERS = 200
# Numbers written for people: +1 (555) 000-1234.
_SPACED_DIGITS = re.compile(r"\+?\d(?:[\s().-]{0,3}\d){6,}")


class Verdict(Enum):
    SENT = "sent"
    REFUSED = "refused"  # a definite no: this message will never go
    RETRY = "retry"  # it may or may not have gone: again, with the same key
    UNREACHABLE = "unreachable"  # no connection: it has not gone
    DENIED = "denied"  # not taken from us, or not here: it has not gone
    UNSENT = "unsent"  # not tried: no attempt is counted


# Nothing of the message's own: the gateway, the way to it or the token is to be mended first.
NOT_TAKEN = frozenset({Verdict.UNREACHABLE, Verdict.DENIED})


@dataclass(frozen=True, slots=True)
class Answer:
    """``wait_s``: how long the gateway asked to be left alone, in seconds; 0 if it didn't."""

    verdict: Verdict
    provider_id: str | None = None
    reason: str | None = None
    wait_s: float = 0.0


def judge(status: int, headers: Mapping[str, str], content: bytes, now: datetime) -> Answer:
    """Read an HTTP answer; total over everything a server may say.

    200, 201 and 202 with an ``id`` mean sent. A wrong token or address (301, 307, 308, 401 to 405,
    407) means not until that is mended. Other client errors but 408, 409, 425 and 429 mean never.
    All else means again later, not before ``Retry-After`` (seconds or a date; ``now`` is aware).
    """
    fields = _fields(content)
    provider_id = fields.get("id")
    if status in _ACCEPTED and isinstance(provider_id, str | int) and str(provider_id).strip():
        return Answer(Verdict.SENT, provider_id=storable(str(provider_id)))
    reason = _reason(status, fields)
    if status in _DENIED:
        return Answer(Verdict.DENIED, reason=reason)
    if 400 <= status < 500 and status not in _LATER:  # noqa: PLR2004 - HTTP's client errors
        return Answer(Verdict.REFUSED, reason=reason)
    return Answer(Verdict.RETRY, reason=reason, wait_s=_retry_after_s(headers, now))


def storable(text: str) -> str:
    """Text from outside that any text column takes, cut to a line, without phone numbers."""
    printable = text.encode("utf-8", "replace").decode().replace("\0", "")
    return _SPACED_DIGITS.sub(_masked, " ".join(printable.split()))[:_SHOWN_CHARACTERS]


def backoff_s(attempts: int, base_s: float) -> float:
    """Seconds until the next try after ``attempts`` ≥ 1 failed ones: doubles, an hour at most."""
    return min(base_s * 2.0 ** min(max(attempts, 1) - 1, 30), LONGEST_WAIT_S)


def _masked(number: re.Match[str]) -> str:
    return mask_phone("+" + re.sub(r"\D", "", number.group())[:15])


def _fields(content: bytes) -> Mapping[str, object]:
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _reason(status: int, fields: Mapping[str, object]) -> str:
    if status in _ACCEPTED:
        return f"HTTP {status} without a message id"
    said = next(
        (v for k in ("error", "message", "detail") if isinstance(v := fields.get(k), str)), ""
    )
    return f"HTTP {status}: {storable(said)}" if said else f"HTTP {status}"


def _retry_after_s(headers: Mapping[str, str], now: datetime) -> float:
    value = headers.get("retry-after", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            at = email.utils.parsedate_to_datetime(value)
        except (ValueError, OverflowError):
            return 0.0
        seconds = ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds()
    return min(max(seconds, 0.0), LONGEST_WAIT_S) if math.isfinite(seconds) else 0.0
