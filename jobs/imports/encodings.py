"""What a file is written in, found by reading all of it once, a block at a time."""

import codecs
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from charset_normalizer import from_bytes

from jobs.imports.errors import UnreadableFileError

_BLOCK = 1 << 20
_SAMPLE = 1 << 16
# Of a text in no Unicode encoding: these are told apart by charset-normalizer where it is sure.
_LEGACY = (
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257"),
    *("shift_jis", "euc_jp", "euc_kr", "gb18030", "big5"),
)
_SURE_COHERENCE = 0.2
_SIGNATURES = {
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"\x1f\x8b": "a gzip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"{\\rtf": "an RTF document",
}
# Control characters that no text has, in numbers beyond what dirt explains.
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f\x1a\x1b"))
_CONTROL_SHARE = 0.02


@dataclass(frozen=True)
class Text:
    """How to read a file: a codec that decodes all of it; ``lines`` is how many it has, about."""

    encoding: str
    lines: int


def detect_text(path: Path, filename: str, on_block: Callable[[], None]) -> Text:
    """Find the codec a file can be read with from end to end.

    UTF-8 and UTF-16, with a byte order mark or without, are tried first; then what
    charset-normalizer is sure of; then Windows-1252 and, for what even that has no character for,
    Latin-1, which reads anything. ``on_block`` is called for each mebibyte that is read.

    Raises:
        UnreadableFileError: it is empty or no text; ``filename`` is what the text calls it.
    """
    with path.open("rb") as file:
        head = file.read(_SAMPLE)
        if not head.strip():
            raise UnreadableFileError(f"{filename}: the file is empty")
        _refuse_binary(head, filename)
        lines, marked = _survey(_blocks(file, on_block))
        for encoding in _candidates(head, marked):
            if _decodes(_blocks(file, on_block), encoding):
                return Text(encoding, lines)
    return Text("latin-1", lines)


def _refuse_binary(head: bytes, filename: str) -> None:
    for signature, name in _SIGNATURES.items():
        if head.startswith(signature):
            raise UnreadableFileError(f"{filename}: this is {name}, not a CSV (line 1)")
    if _utf_16(head):
        return
    controls = len(head) - len(head.translate(None, _CONTROLS))
    if controls > _CONTROL_SHARE * len(head):
        at = next(place for place, byte in enumerate(head) if byte in _CONTROLS)
        line = head.count(b"\n", 0, at) + 1
        raise UnreadableFileError(f"{filename}: this is binary data, not a CSV (line {line})")


def _utf_16(head: bytes) -> str | None:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    # Without a mark: Western text has a NUL in every other byte.
    if len(head) >= 4 and head[1::2].count(0) > 0.4 * len(head) / 2 and not head[::2].count(0):  # noqa: PLR2004
        return "utf-16-le"
    if len(head) >= 4 and head[::2].count(0) > 0.4 * len(head) / 2 and not head[1::2].count(0):  # noqa: PLR2004
        return "utf-16-be"
    return None


def _survey(blocks: Iterable[bytes]) -> tuple[int, bytes]:
    """Lines of the file, about, and the first of its bytes from lines that are not all ASCII."""
    feeds = returns = 0
    marked = bytearray()
    last = b""
    for block in blocks:
        feeds += block.count(b"\n")
        returns += block.count(b"\r")
        last = block[-2:]
        if len(marked) < _SAMPLE and not block.isascii():
            for line in block.splitlines():
                if not line.isascii():
                    marked += line + b"\n"
                if len(marked) >= _SAMPLE:
                    break
    return max(feeds, returns) + (not last.strip(b"\0").endswith((b"\n", b"\r"))), bytes(marked)


def _candidates(head: bytes, marked: bytes) -> Iterator[str]:
    if utf_16 := _utf_16(head):
        yield utf_16
    yield "utf-8-sig" if head.startswith(codecs.BOM_UTF8) else "utf-8"
    best = from_bytes(marked, cp_isolation=list(_LEGACY)).best()
    if best is not None and best.coherence >= _SURE_COHERENCE:
        yield best.encoding
    yield "cp1252"


def _decodes(blocks: Iterable[bytes], encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for block in blocks:
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _blocks(file: BinaryIO, on_block: Callable[[], None]) -> Iterator[bytes]:
    file.seek(0)
    while block := file.read(_BLOCK):
        on_block()
        yield block
