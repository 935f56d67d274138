"""Bytes that no character stands for: kept in the text as marks, so that their row can be named."""

import codecs
import re

MARKING = "trunkline.mark"  # the name of the error handler, for codecs
_MARK = re.compile("[\ud800-\udfff]")
_FIRST, _LAST = 0xDC00, 0xDCFF


def _mark(error: UnicodeError) -> tuple[str, int]:
    """A lone surrogate for each byte: no encoding yields one, so it means nothing else."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    bad = error.object[error.start : error.end]
    return "".join(chr(_FIRST + byte) for byte in bad), error.end


codecs.register_error(MARKING, _mark)


def is_marked(text: str) -> bool:
    """Whether bytes of it could not be read, or it holds half a character for other reasons."""
    return not text.isascii() and _MARK.search(text) is not None


def show_marks(text: str) -> str:
    r"""Readable again: marks as ``\x9d``, a NUL, which Postgres has no place for, as ``␀``."""
    shown = text.replace("\0", "␀")
    return _MARK.sub(_shown, shown)


def _shown(mark: re.Match[str]) -> str:
    point = ord(mark[0])
    return f"\\x{point - _FIRST:02x}" if _FIRST <= point <= _LAST else f"\\u{point:04x}"
