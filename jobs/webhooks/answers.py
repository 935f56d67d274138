"""What the answer to a webhook call means; pure."""

import json
import math
from dataclasses import dataclass
from enum import Enum
from typing import Any

KEPT_BYTES = 16 * 1024
"""An answer longer than this is not kept."""
_DEEPEST = 20
# Client errors that say "later", not "no": timeout, too early, too many.
_LATER = frozenset({408, 425, 429})
_SERVER_ERRORS = range(500, 600)


class Verdict(Enum):
    SUCCESS = "success"
    REFUSED = "refused"  # a definite no: another try would get the same
    FAILED = "failed"  # perhaps next time


@dataclass(frozen=True, slots=True)
class Answer:
    """``status`` is None where no answer came; ``said`` is what a JSON answer held, else None."""

    verdict: Verdict
    status: int | None = None
    said: Any = None
    error: str | None = None


def judge(status: int, content: bytes) -> Answer:
    """Read an HTTP answer; total over everything a server may say.

    2xx is success; 5xx, 408, 425 and 429 are failures that another try may mend; all else (client
    errors, redirects that aren't followed) is a refusal. ``content`` may be cut off after
    ``KEPT_BYTES``.
    """
    said = readable(content)
    if 200 <= status < 300:  # noqa: PLR2004 - HTTP's successes
        return Answer(Verdict.SUCCESS, status, said)
    later = status in _LATER or status in _SERVER_ERRORS
    return Answer(Verdict.FAILED if later else Verdict.REFUSED, status, said, f"HTTP {status}")


def readable(content: bytes) -> Any:
    """What a JSON text says, as any jsonb column takes it; None of what is none, or too much.

    Too much: more than ``KEPT_BYTES``, deeply nested, or numbers beyond all measure.
    """
    if len(content) > KEPT_BYTES:
        return None
    try:
        return _storable(json.loads(content), _DEEPEST)
    except (ValueError, RecursionError):
        return None


def _storable(value: Any, deeper: int) -> Any:
    if deeper < 0:
        raise ValueError("nested too deeply")
    if isinstance(value, dict):
        return {_text(name): _storable(item, deeper - 1) for name, item in value.items()}
    if isinstance(value, list):
        return [_storable(item, deeper - 1) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("no number")
    return _text(value) if isinstance(value, str) else value


def _text(text: str) -> str:
    """Without half characters and the character 0, which no database takes."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")
