"""openpyxl, held to what a stranger's workbook may ask of it."""

import contextlib
import datetime as dt
import re
import warnings
import zipfile
import zlib
from collections.abc import Generator, Iterator
from typing import IO, Any
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException  # openpyxl parses with defusedxml where it is installed
from openpyxl import Workbook as Book
from openpyxl.reader.excel import ExcelReader
from openpyxl.utils.escape import unescape
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.xml.constants import SHARED_STRINGS

from jobs.imports.errors import UnreadableFileError
from jobs.imports.records import Record
from jobs.imports.sources import Source

# Texts that cells share are all in memory before the first row; a megabyte of them takes three.
_MOST_TEXT_BYTES = 32 << 20
_MOST_PART_BYTES = 8 << 20  # of what else is read as a whole: styles, the list of sheets
_MOST_ROWS = 1_048_576  # Excel's own limit
_ESCAPE = re.compile("_x[0-9A-Fa-f]{4}_")
# Whatever a malformed part makes openpyxl stumble over.
_BROKEN = (
    *(zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ParseError),
    *(DefusedXmlException, InvalidFileException, ValueError, TypeError, LookupError),
    *(AttributeError, OverflowError),
)


class _Archive(zipfile.ZipFile):
    """Reads nothing whole that is large."""

    def read(self, name: "str | zipfile.ZipInfo", pwd: bytes | None = None) -> bytes:
        info = name if isinstance(name, zipfile.ZipInfo) else self.getinfo(name)
        if info.file_size > _MOST_PART_BYTES:
            raise ValueError(f"{info.filename} is too large")
        return super().read(name, pwd)


class _Reader(ExcelReader):
    """``name``: what errors call the file."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        super().__init__(file, read_only=True, data_only=True, keep_links=False)
        self.archive = _Archive(file)
        self._name = name

    def read_strings(self) -> None:
        part = self.package.find(SHARED_STRINGS)  # type: ignore[no-untyped-call]
        if part is not None:
            size = self.archive.getinfo(part.PartName[1:]).file_size
            if size > _MOST_TEXT_BYTES:
                raise UnreadableFileError(
                    f"{self._name}: the workbook has too much text to be read (line 1): "
                    f"save it as .csv"
                )
        super().read_strings()

    def read_chartsheet(self, sheet: Any, rel: Any) -> None:
        """Of no use here, and pictures are read for it."""


@contextlib.contextmanager
def open_book(source: Source) -> Iterator[Book]:
    """A workbook whose sheets are read row by row.

    Raises:
        UnreadableFileError: it is damaged or too large.
    """
    with source.path.open("rb") as file, contextlib.ExitStack() as stack:
        with damage_named(source, 1), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what we don't look at
            reader = _Reader(file, source.name)
            stack.callback(reader.archive.close)
            reader.read()
        yield reader.wb


@contextlib.contextmanager
def damage_named(source: Source, line: int) -> Iterator[None]:
    """Raises UnreadableFileError that names the line in place of what openpyxl stumbles over."""
    try:
        yield
    except _BROKEN as error:
        raise _damaged(source, line) from error


def _damaged(source: Source, line: int) -> UnreadableFileError:
    return UnreadableFileError(f"{source.name}: the workbook is damaged (line {line:,})")


@contextlib.contextmanager
def open_sheet(source: Source, sheet: str) -> Iterator[Iterator[Record]]:
    """A sheet's rows as records, blank ones passed over; ``line`` is Excel's row number.

    Raises:
        UnreadableFileError: it is damaged, now or while it is read.
    """
    with open_book(source) as book:
        with damage_named(source, 1):
            worksheet = book[sheet]
            worksheet.reset_dimensions()  # many programs write wrong ones
            rows = worksheet.iter_rows(values_only=True)
        with contextlib.closing(_records(source, rows)) as records:
            yield records


def _records(source: Source, rows: Iterator[tuple[Any, ...]]) -> Generator[Record, None, None]:
    line = 0
    while True:
        line += 1
        try:
            row = next(rows, None)
        except _BROKEN as error:
            raise _damaged(source, line) from error
        if row is None:
            return
        if line > _MOST_ROWS:
            raise UnreadableFileError(f"{source.name}: a sheet has no such row (line {line:,})")
        fields = [shown(value) for value in row]
        if any(map(str.strip, fields)):
            yield Record(line, fields)


def shown(value: Any) -> str:
    """A cell's value as text: whole numbers with all their digits, times in ISO 8601."""
    text = "" if value is None else str(value)
    match value:
        case str():
            text = unescape(value) if _ESCAPE.search(value) else value
        case bool():
            text = text.upper()
        case float() if value.is_integer():
            text = str(int(value))
        case dt.datetime() if value.time() == dt.time():
            text = value.date().isoformat()
        case dt.datetime():
            text = value.isoformat()
    return text
