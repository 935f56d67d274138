"""A CSV's records with the lines they begin on, whatever a stray quote does."""

import csv
import io
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from typing import Any, NamedTuple

from jobs.imports.blocks import MOST_CHARACTERS

# A quote that is opened and not closed would swallow what follows, up to the file's end.
_MOST_LINES = 200
_NEVER_CLOSED = "a quote is never closed"
_TOO_LONG = f"the row is longer than {MOST_CHARACTERS:,} characters"
_NOTHING = "\0\x1a\ufeff"  # what programs leave at the end of a file, or at its beginning


class Record(NamedTuple):
    """``line`` counts from 1. ``broken``: why it can't be read; ``fields`` then holds its text."""

    line: int
    fields: list[str]
    broken: str | None = None


class _SlipError(Exception):
    """So much text in one record that its quote is a slip."""


def read_records(blocks: Iterable[str], delimiter: str, *, first_line: int = 1) -> Iterator[Record]:
    """Split blocks of whole lines into records; lines and rows without any value are passed over.

    A quoted field may hold line ends. One that is never closed, or goes on after its closing quote,
    costs its own line, which is given back as broken, and not the lines behind it. What comes out
    doesn't depend on where one block ends and the next begins.
    """
    line = first_line
    carefully = _CarefulReader(blocks, delimiter)
    for block in carefully.blocks:
        read = 0
        try:
            if len(block) > MOST_CHARACTERS:
                raise _SlipError  # noqa: TRY301  # to be looked at line by line
            reader = csv.reader(
                io.StringIO(block, newline=""),
                delimiter=delimiter,
                skipinitialspace=True,
                strict=True,
            )
            if '"' in block:
                for fields in reader:
                    before, read = read, reader.line_num
                    if read - before > _MOST_LINES:
                        read = before
                        raise _SlipError  # noqa: TRY301
                    if fields and ("!" <= fields[0] < "\x7f" or not _is_blank(fields)):
                        yield Record(line + before, fields)
            else:
                for number, fields in enumerate(reader, line):
                    if fields and ("!" <= fields[0] < "\x7f" or not _is_blank(fields)):
                        yield Record(number, fields)
            line += reader.line_num
        except (csv.Error, _SlipError):
            line = yield from carefully.read(block, read, line)


def _is_blank(fields: list[str]) -> bool:
    return not any(field.strip().strip(_NOTHING).strip() for field in fields)


class _CarefulReader:
    """Reads what the csv module doesn't like, a record at a time."""

    def __init__(self, blocks: Iterable[str], delimiter: str) -> None:
        self.blocks = iter(blocks)
        self._delimiter = delimiter
        self._lines: deque[str] = deque()
        self._taken: list[str] = []
        self._characters = 0

    def read(self, block: str, skipped: int, line: int) -> Generator[Record, None, int]:
        """The records of a block, less its first lines; ``line`` is that of the block's first.

        Reads on in the blocks behind it to the end of the one that its last record ends in, and
        returns the line that is next.
        """
        self._lines.extend(list(io.StringIO(block, newline=""))[skipped:])
        line += skipped
        while self._lines:
            self._taken, self._characters = [], 0
            record = self._record(line)
            if not _is_blank(record.fields):
                yield record
            line += len(self._taken)
        return line

    def _record(self, line: int) -> Record:
        try:
            return Record(
                line,
                next(
                    csv.reader(self, delimiter=self._delimiter, skipinitialspace=True, strict=True)
                ),
            )
        except (csv.Error, _SlipError):
            first = self._taken[0]
        if len(self._taken) == 1 and len(first) <= MOST_CHARACTERS:
            # Another line would be asked for if a quote were open at the end of this one.
            reader = self._reader([first, "-"], strict=False)
            fields = next(reader)
            if reader.line_num == 1:
                return Record(line, fields)
        self._lines.extendleft(reversed(self._taken[1:]))
        del self._taken[1:]
        too_long = len(first) > MOST_CHARACTERS
        text = first[:MOST_CHARACTERS] if too_long else first.rstrip("\r\n")
        return Record(line, [text], _TOO_LONG if too_long else _NEVER_CLOSED)

    def _reader(self, lines: Iterable[str], *, strict: bool) -> Any:
        return csv.reader(lines, delimiter=self._delimiter, skipinitialspace=True, strict=strict)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if not self._lines:
            self._lines.extend(io.StringIO(next(self.blocks), newline=""))
        line = self._lines.popleft()
        self._taken.append(line)
        self._characters += len(line)
        if len(self._taken) > _MOST_LINES or self._characters > MOST_CHARACTERS:
            raise _SlipError
        return line
