"""A file's text in blocks of whole lines, however long the file and its lines are."""

import codecs
import re
from collections.abc import Iterator
from typing import BinaryIO

from jobs.imports.marks import MARKING

# A longer row is no contact's. More text than that, read at once, is one that holds such a row.
MOST_CHARACTERS = 100_000
_BLOCK = 1 << 16
_END = re.compile(r"\r\n?|\n")


def read_blocks(file: BinaryIO, encoding: str) -> Iterator[str]:
    """Decode a file; each block ends where a line does, lines end in LF, CR or CRLF.

    Of a line longer than ``MOST_CHARACTERS`` only so many and one more are handed on, as a block
    without an end. Bytes that are not of this encoding are marked (``jobs.imports.marks``).
    """
    decoder = codecs.getincrementaldecoder(encoding)(MARKING)
    begun, skipping, last = "", False, False
    while not last:
        raw = file.read(_BLOCK)
        last = not raw
        text = begun + decoder.decode(raw, final=last)
        if skipping:
            end = _END.search(text)
            if end is None or (end[0] == "\r" and end.end() == len(text) and not last):
                begun = "" if end is None else "\r"
                continue
            text, skipping = text[end.end() :], False
        # A CR at the very end may be half of a CRLF.
        cut = max(text.rfind("\n"), text.rfind("\r", 0, -1)) + 1 if not last else len(text)
        if cut:
            yield text[:cut]
        begun = text[cut:]
        if len(begun) > MOST_CHARACTERS:
            yield begun[: MOST_CHARACTERS + 1]
            skipping, begun = True, "\r" if begun.endswith("\r") else ""
