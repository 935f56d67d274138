"""Numbers as PBXs show them."""

import re

_INTERNATIONAL = re.compile(r"(?:\+|00)([1-9][0-9]{6,14})")
# A carrier that shows numbers without a plus shows them with their country.
_PLAIN = re.compile(r"[1-9][0-9]{7,14}")
_SPACING = str.maketrans("", "", " -().")


def e164(number: str | None) -> str | None:
    """``+4930…`` of what is shown as ``+4930…``, ``004930…`` or ``4930…``; None of others."""
    text = (number or "").translate(_SPACING)
    found = _INTERNATIONAL.fullmatch(text)
    if found:
        return f"+{found[1]}"
    return f"+{text}" if _PLAIN.fullmatch(text) else None
