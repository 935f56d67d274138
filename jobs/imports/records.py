"""A CSV's records with the lines they begin on, whatever a stray quote does."""

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# A quote that is opened and not closed would swallow what follows, up to the file's end.
_MOST_LINES = 200
_MOST_CHARACTERS = 100_000  # below the csv module's own limit for a field


@dataclass(frozen=True, slots=True)
class Record:
    """``line`` counts from 1. ``broken``: why it can't be read; ``fields`` then holds its text."""

    line: int
    fields: list[str]
    broken: str | None = None


class _RunawayQuoteError(Exception):
    pass


def read_records(lines: Iterable[str], delimiter: str, *, first_line: int = 1) -> Iterator[Record]:
    """Split lines, ends kept, into records; blank lines and rows without any value are passed over.

    A quoted field may hold line ends. One that is never closed costs its own line, which is given
    back as broken, and not the lines behind it.
    """
    source = _Lines(lines, first_line)
    reader = csv.reader(source, delimiter=delimiter)
    while True:
        source.begin()
        try:
            fields = next(reader)
        except StopIteration:
            return
        except (_RunawayQuoteError, csv.Error):
            fields = []
            source.runaway = True
        if source.runaway:
            line = source.line
            yield Record(line, [source.give_back().rstrip("\r\n")], "a quote is never closed")
            reader = csv.reader(source, delimiter=delimiter)
        elif any(fields) and any(map(str.strip, fields)):
            yield Record(source.line, fields)


class _Lines:
    """Hands lines to the csv module and remembers those of the record it is at."""

    def __init__(self, lines: Iterable[str], first_line: int) -> None:
        self._lines = iter(lines)
        self._again: deque[str] = deque()
        self._taken: list[str] = []
        self._characters = 0
        self.line = first_line
        self.runaway = False

    def __iter__(self) -> Iterator[str]:
        return self

    def begin(self) -> None:
        self.line += len(self._taken)
        self._taken = []
        self._characters = 0
        self.runaway = False

    def __next__(self) -> str:
        if len(self._taken) >= _MOST_LINES or self._characters > _MOST_CHARACTERS:
            raise _RunawayQuoteError
        if self._again:
            line = self._again.popleft()
        else:
            try:
                line = next(self._lines)
            except StopIteration:
                # Inside a record the module asks for more only while a quote is open.
                self.runaway = bool(self._taken)
                raise
        self._taken.append(line)
        self._characters += len(line)
        return line

    def give_back(self) -> str:
        """Keep the record's first line, which is returned; the others will be read anew."""
        self._again.extendleft(reversed(self._taken[1:]))
        del self._taken[1:]
        return self._taken[0]
