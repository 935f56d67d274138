"""Keys as text: by name and arguments, no two alike."""

import json
from collections.abc import Hashable
from datetime import date, datetime
from urllib.parse import quote
from uuid import UUID


def cache_key(name: str, *args: Hashable, **kwargs: Hashable) -> str:
    """``name:argument:…:word=argument:…``, the same for the same arguments in any process.

    Texts stand with their special characters quoted, so that a pattern such as ``agents:TENANT:*``
    means what it says; ``1`` and ``"1"``, ``None`` and ``"None"`` are told apart.

    Raises:
        TypeError: an argument is of a type that has no text of its own.
    """
    parts = [quote(name, safe="")]
    parts += [_text(arg) for arg in args]
    parts += [f"{quote(word, safe='')}={_text(arg)}" for word, arg in sorted(kwargs.items())]
    return ":".join(parts)


def _text(value: object) -> str:
    if isinstance(value, str):
        return quote(value, safe="+@")
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, date | datetime):
        return f"={quote(value.isoformat(), safe='')}"
    if value is None or isinstance(value, int | float):  # a bool is an int
        return f"={json.dumps(value)}"
    if isinstance(value, tuple):
        return f"=({','.join(map(_text, value))})"
    raise TypeError(f"{type(value).__name__} can't be part of a cache's key")
