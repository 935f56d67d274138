"""Files of contacts: recognised, opened."""

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from jobs.imports.encodings import detect_text
from jobs.imports.errors import UnreadableFileError, insist_on_regular, unreadable
from jobs.imports.headers import Columns, map_header
from jobs.imports.records import Record, read_records

DELIMITERS = (",", ";", "\t", "|")
_DECLARED = re.compile(r'"?sep=(.)"?\r?\n?', re.IGNORECASE)  # Excel's first line
_HEADER_LINES = 50
_SHOWN_COLUMNS = 8
_SHOWN_CHARACTERS = 30


@dataclass(frozen=True)
class ContactFile:
    """What was found out about a file.

    ``lines``: how many it has, about. ``header``: the names of its columns as they stand there.
    """

    path: Path
    encoding: str
    delimiter: str
    columns: Columns
    lines: int
    header: tuple[str, ...]

    @contextlib.contextmanager
    def records(self) -> Iterator[Iterator[Record]]:
        """Its records after the header, read as they are asked for."""
        with self.path.open(encoding=self.encoding, newline="") as lines:
            first = next(lines)
            declared = _DECLARED.fullmatch(first.removeprefix("\ufeff"))
            rest = lines if declared else chain([first], lines)
            records = read_records(rest, self.delimiter, first_line=2 if declared else 1)
            next(records)  # the header
            yield records


def inspect_file(
    path: Path, filename: str | None = None, *, on_block: Callable[[], None] = lambda: None
) -> ContactFile:
    """Find out how a file of contacts is to be read; ``filename`` is what errors call it.

    All of it is read, several times for some encodings: ``on_block`` is called every mebibyte.

    Raises:
        UnreadableFileError: it can't be read, is no CSV, or has no column of phone numbers.
        what ``on_block`` raises.
    """
    filename = filename or path.name
    try:
        insist_on_regular(path, filename)
        text = detect_text(path, filename, on_block)
        with path.open(encoding=text.encoding, newline="") as lines:
            # A header that spans more lines than this, or ends in none, is no header.
            head = list(islice(lines, _HEADER_LINES))
    except OSError as error:
        raise unreadable(filename, error) from error
    if len(head) < _HEADER_LINES and not any(line.strip().strip("\ufeff\0") for line in head):
        raise UnreadableFileError(f"{filename}: the file is empty")
    declared = _DECLARED.fullmatch(head[0].removeprefix("\ufeff"))
    first_line = 2 if declared else 1
    head = head[first_line - 1 :]
    delimiters = (declared[1],) if declared else DELIMITERS
    headers = [(d, next(read_records(head, d, first_line=first_line), None)) for d in delimiters]
    mapped = [
        (columns.width, delimiter, columns, tuple(_named(record)))
        for delimiter, record in headers
        if record and not record.broken and (columns := map_header(_named(record)))
    ]
    if not mapped:
        raise UnreadableFileError(_no_phone_column(filename, [r for _, r in headers if r]))
    _, delimiter, columns, names = max(mapped, key=lambda found: found[0])
    return ContactFile(path, text.encoding, delimiter, columns, text.lines, names)


def _named(record: Record) -> list[str]:
    return [name.removeprefix("\ufeff") for name in record.fields]


def _no_phone_column(filename: str, records: list[Record]) -> str:
    """One sentence that shows the columns there are, split where most come of it."""
    if not records:
        return f"{filename}: there is no header (line 1)"
    widest = max(records, key=lambda record: len(record.fields))
    names = [name.strip()[:_SHOWN_CHARACTERS] for name in _named(widest)]
    shown = ", ".join(name.replace("\0", "␀") for name in names[:_SHOWN_COLUMNS])
    more = ", …" if len(names) > _SHOWN_COLUMNS else ""
    return (
        f"{filename}: no column of phone numbers in the header (line {widest.line}), "
        f"which has: {' '.join(shown.split())}{more} (call one 'phone')"
    )
