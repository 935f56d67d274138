"""Files of contacts: recognised, opened."""

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import dropwhile, islice
from pathlib import Path

from jobs.imports.blocks import read_blocks
from jobs.imports.encodings import Text, detect_text
from jobs.imports.errors import UnreadableFileError, insist_on_regular, unreadable
from jobs.imports.headers import Columns, MappingError
from jobs.imports.marks import is_marked
from jobs.imports.records import Record, read_records
from jobs.imports.sheets import open_sheet
from jobs.imports.sources import Source, find_source
from jobs.imports.tables import LOOKED_AT, NoTableError, Table, find_table
from jobs.imports.workbooks import WORKBOOK, find_sheet, survey_workbook

DELIMITERS = (",", ";", "\t", "|")
_DECLARED = re.compile(r'\ufeff*"?sep=(.)"?(?:\r\n|\r|\n|$)', re.IGNORECASE)  # Excel's first line
_LOOKED_AT = 1 << 16  # characters, to find delimiter and header
_NUL = "the row holds a NUL character"


@dataclass(frozen=True)
class ContactFile:
    """What was found out about a file.

    ``encoding``: that of its text, or ``xlsx``. ``lines``: how many it has, about. ``header``: the
    names of its columns as they stand there, on ``header_line``, which is None if there are none.
    """

    path: Path
    encoding: str
    delimiter: str
    columns: Columns
    lines: int
    header: tuple[str, ...]
    header_line: int | None
    source: Source
    dirty: bool = False
    sheet: str = ""

    @contextlib.contextmanager
    def records(self) -> Iterator[Iterator[Record]]:
        """Its records after the header, read as they are asked for.

        Raises:
            UnreadableFileError: while they are read: the workbook is damaged on the way.
        """
        with contextlib.ExitStack() as stack:
            if self.sheet:
                records = stack.enter_context(open_sheet(self.source, self.sheet))
            else:
                blocks = read_blocks(stack.enter_context(self.source.open()), self.encoding)
                records = _split(blocks, self.delimiter)
            if self.dirty:
                records = _checked(records, self.encoding)
            if self.header_line is not None:
                header_line = self.header_line
                records = dropwhile(lambda record: record.line <= header_line, records)
            yield records


def inspect_file(
    path: Path,
    filename: str | None = None,
    *,
    mapping: Mapping[str, str] | None = None,
    on_block: Callable[[], None] = lambda: None,
) -> ContactFile:
    """Find out how a file of contacts is to be read; ``filename`` is what errors call it.

    ``mapping``: what the user wants columns to be, by name or number, where that is not what their
    names say (``jobs.imports.headers.Target``). All of the file is read, several times for some
    encodings: ``on_block`` is called every mebibyte.

    Raises:
        UnreadableFileError: it can't be read, is no table, has no column of phone numbers or none
            that the mapping names.
        what ``on_block`` raises.
    """
    filename = filename or path.name
    try:
        insist_on_regular(path, filename)
        source = find_source(path, filename)
        if source.form == "xlsx":
            return _inspect_workbook(source, mapping, on_block)
        text = detect_text(source, on_block)
        return _inspect_text(source, text, mapping)
    except (NoTableError, MappingError) as error:
        raise UnreadableFileError(f"{filename}: {error}") from error
    except OSError as error:
        raise unreadable(filename, error) from error


def _inspect_text(source: Source, text: Text, mapping: Mapping[str, str] | None) -> ContactFile:
    with source.open() as file:
        blocks = read_blocks(file, text.encoding)
        head = ""
        while len(head) < _LOOKED_AT and (block := next(blocks, "")):
            head += block
        whole = not next(blocks, "")
    if whole and not head.strip(" \t\r\n\ufeff\0\x1a"):
        raise UnreadableFileError(f"{source.name}: the file is empty")
    declared = _DECLARED.match(head)
    readings = []
    for delimiter in (declared[1],) if declared else DELIMITERS:
        records = list(islice(_split(iter([head]), delimiter), LOOKED_AT))
        if not whole and 1 < len(records) < LOOKED_AT:
            del records[-1]  # cut off, perhaps
        readings.append((delimiter, records))
    table = find_table(readings, mapping)
    return ContactFile(
        path=source.path,
        encoding=text.encoding,
        delimiter=table.delimiter,
        columns=table.columns,
        lines=text.lines,
        header=_header(table),
        header_line=table.header and table.header.line,
        source=source,
        dirty=text.dirty,
    )


def _inspect_workbook(
    source: Source, mapping: Mapping[str, str] | None, on_block: Callable[[], None]
) -> ContactFile:
    sheets = survey_workbook(source, on_block)
    sheet, table = find_sheet(source, sheets, mapping)
    return ContactFile(
        path=source.path,
        encoding=WORKBOOK,
        delimiter=table.delimiter,
        columns=table.columns,
        lines=sheets[sheet],
        header=_header(table),
        header_line=table.header and table.header.line,
        source=source,
        sheet=sheet,
        dirty=True,  # an escape may stand for anything
    )


def _header(table: Table) -> tuple[str, ...]:
    """Names by which the file would be read the same way if it had none itself."""
    if table.header is not None:
        return tuple(name.strip("\ufeff") for name in table.header.fields)
    columns = table.columns
    ours = {position: name for name, position in columns.known.items()}
    return tuple(ours.get(n) or columns.name(n) for n in range(columns.width))


def _split(blocks: Iterator[str], delimiter: str) -> Iterator[Record]:
    """Records of a text; what Excel says of its delimiter on the first line is none."""
    first = next(blocks, "")
    declared = _DECLARED.match(first)
    if declared:
        first = first[declared.end() :]
    return read_records(_chained(first, blocks), delimiter, first_line=2 if declared else 1)


def _chained(first: str, blocks: Iterator[str]) -> Iterator[str]:
    yield first.lstrip("\ufeff")
    yield from blocks


def _checked(records: Iterator[Record], encoding: str) -> Iterator[Record]:
    """Rows that hold what no text can hold are broken."""
    for record in records:
        if record.broken is None:
            text = "".join(record.fields)
            if "\0" in text:
                yield Record(record.line, record.fields, _NUL)
                continue
            if is_marked(text):
                broken = f"the row holds bytes that are not {encoding}"
                yield Record(record.line, record.fields, broken)
                continue
        yield record
