"""What a file is written in, found by reading all of it, a block at a time."""

import codecs
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from charset_normalizer import from_bytes

from jobs.imports.alphabets import tell_apart
from jobs.imports.errors import UnreadableFileError
from jobs.imports.marks import MARKING, is_marked
from jobs.imports.signatures import refuse_binary, refuse_signature
from jobs.imports.sources import Source

_BLOCK = 1 << 20
_SAMPLE = 1 << 16
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # begins as UTF-16 does
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# What is in no alphabet may be in one of these, which charset-normalizer tells apart.
_MULTI_BYTE = ("shift_jis", "euc_jp", "euc_kr", "gb18030", "big5")
_UNSURE = "cp1252"
# Without a mark, UTF-16 shows by the NULs of its digits, delimiters and line ends.
_NUL_SHARE = 0.1
_LOPSIDED = 4
_SHORTEST = 4


@dataclass(frozen=True)
class Text:
    """How to read a file; ``lines`` is how many it has, about.

    ``dirty``: it holds NULs or bytes that its encoding has no character for, to be looked for in
    each row.
    """

    encoding: str
    lines: int
    dirty: bool


def detect_text(source: Source, on_block: Callable[[], None]) -> Text:
    """Find the codec that a file can be read with from end to end.

    UTF-8, UTF-16 and UTF-32, with a byte order mark or without, are tried first; a file of which
    more lines are UTF-8 than not is UTF-8 with damaged rows. Then comes the single-byte encoding
    that makes one alphabet of it, then what charset-normalizer says, then Windows-1252; if that has
    no character for some byte far down, those rows are damaged, too. ``on_block`` is called for
    each mebibyte that is read.

    Raises:
        UnreadableFileError: it is empty, no text, or a damaged archive.
    """
    with source.open() as file:
        head = file.read(_SAMPLE)
    if not head.strip(b" \t\r\n\0\x1a"):
        raise UnreadableFileError(f"{source.name}: the file is empty")
    refuse_signature(head, source.name)
    unicode = _unicode(head)
    if unicode is None:
        refuse_binary(head, source.name)
    survey = _Survey(unicode or "utf-8")
    for block in _blocks(source, on_block):
        survey.look(block)
    if survey.is_clean():
        return Text(survey.encoding, survey.lines, dirty=survey.nuls)
    if unicode not in {None, "utf-8-sig"} or _mostly_utf_8(_blocks(source, on_block)):
        return Text(survey.encoding, survey.lines, dirty=True)
    encoding = _legacy(_sample(_blocks(source, on_block)))
    clean = _decodes(_blocks(source, on_block), encoding)
    if not clean and encoding != _UNSURE and _decodes(_blocks(source, on_block), _UNSURE):
        encoding, clean = _UNSURE, True
    return Text(encoding, survey.lines, dirty=survey.nuls or not clean)


def _unicode(head: bytes) -> str | None:
    # UTF-32 is asked first: its mark begins with that of UTF-16.
    for mark in sorted(_MARKS, key=len, reverse=True):
        if head.startswith(mark):
            return _MARKS[mark]
    pairs = len(head) // 2
    if len(head) >= _SHORTEST:
        first, second = head[::2].count(0) / pairs, head[1::2].count(0) / pairs
        if second > _NUL_SHARE and second > _LOPSIDED * first:
            return "utf-16-le"
        if first > _NUL_SHARE and first > _LOPSIDED * second:
            return "utf-16-be"
    return None


class _Survey:
    """Counts lines, looks for NULs, and tries an encoding, all in one go."""

    def __init__(self, encoding: str) -> None:
        self.encoding = encoding
        self.nuls = False
        self._decoder: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder(encoding)()
        self._wide = encoding.startswith(("utf-16", "utf-32"))
        self._feeds = self._returns = 0
        self._last = b""

    def look(self, block: bytes) -> None:
        self._feeds += block.count(b"\n")
        self._returns += block.count(b"\r")
        self._last = block[-4:]
        if not self._wide:
            self.nuls = self.nuls or b"\0" in block
        if self._decoder is not None:
            try:
                text = self._decoder.decode(block)
            except UnicodeDecodeError:
                self._decoder = None
            else:
                if self._wide:
                    self.nuls = self.nuls or "\0" in text

    def is_clean(self) -> bool:
        """Whether all of it is of the encoding."""
        try:
            if self._decoder is not None:
                self._decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
        return self._decoder is not None

    @property
    def lines(self) -> int:
        open_line = not self._last.strip(b"\0").endswith((b"\n", b"\r"))
        return max(self._feeds, self._returns) + open_line


def _mostly_utf_8(blocks: Iterator[bytes]) -> bool:
    """Whether, of the lines that are not ASCII, more are UTF-8 than are not."""
    good = bad = 0
    for line in _marked_lines(blocks):
        if is_marked(line.decode("utf-8", MARKING)):
            bad += 1
        else:
            good += 1
    return good > bad


def _sample(blocks: Iterator[bytes]) -> bytes:
    """The first of its bytes from lines that are not all ASCII."""
    sample = bytearray()
    for line in _marked_lines(blocks):
        sample += line[:_SAMPLE] + b"\n"
        if len(sample) >= _SAMPLE:
            break
    return bytes(sample)


def _marked_lines(blocks: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for block in blocks:
        if block.isascii() and rest.isascii():
            rest = block[-1:]
            continue
        *lines, rest = (rest + block).replace(b"\r", b"\n").split(b"\n")
        yield from (line for line in lines if not line.isascii())
        if len(rest) > _BLOCK:
            yield rest
            rest = b""
    if not rest.isascii():
        yield rest


def _legacy(sample: bytes) -> str:
    told = tell_apart(sample)
    if told is not None:
        return told
    best = from_bytes(sample, cp_isolation=list(_MULTI_BYTE)).best()
    return _UNSURE if best is None else best.encoding


def _decodes(blocks: Iterator[bytes], encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for block in blocks:
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _blocks(source: Source, on_block: Callable[[], None]) -> Iterator[bytes]:
    with source.open() as file:
        while block := file.read(_BLOCK):
            on_block()
            yield block
