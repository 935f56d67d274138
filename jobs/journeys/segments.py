"""How many SMS a text takes: 3GPP TS 23.038 (alphabets) and 23.040 (concatenation).

In the GSM 7-bit alphabet one SMS holds 160 septets, or 153 where several belong together; the
characters of its extension table take two. A text with any other character goes as UCS-2: 70
units of 16 bits, or 67. What takes two units is never parted.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = frozenset("\f^{}\\[~]|€")
_GSM_EXTENDED = _GSM | _EXTENSION
_BASIC_PLANE = 0xFFFF


@dataclass(frozen=True, slots=True)
class Segments:
    """``count`` SMS, in the encoding that the text needs."""

    count: int
    encoding: Literal["GSM-7", "UCS-2"]


def count_segments(text: str) -> Segments:
    """The SMS that a text is sent as; an empty one takes one."""
    characters = set(text)
    if characters <= _GSM:
        return Segments(_parts((), len(text), 160, 153), "GSM-7")
    if characters <= _GSM_EXTENDED:
        widths = [2 if character in _EXTENSION else 1 for character in text]
        return Segments(_parts(widths, sum(widths), 160, 153), "GSM-7")
    widths = [2 if ord(character) > _BASIC_PLANE else 1 for character in text]
    return Segments(_parts(widths, sum(widths), 70, 67), "UCS-2")


def _parts(widths: Iterable[int], total: int, alone: int, together: int) -> int:
    """Parts that ``total`` units fill; ``widths`` of the characters where some take two."""
    if total <= alone:
        return 1
    # Each time a character of two would be parted, it leaves one unit of its part empty.
    filled = 0
    for width in widths:
        if width > 1 and filled % together == together - 1:
            filled += 1
        filled += width
    return -(-(filled or total) // together)
