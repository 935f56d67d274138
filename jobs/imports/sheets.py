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
from defusedxml.ElementTree import iterparse
from openpyxl import Workbook as Book
from openpyxl.reader.excel import ExcelReader
from openpyxl.utils.escape import unescape
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet._reader import DATA_TAG, ROW_TAG, WorkSheetParser
from openpyxl.xml.constants import SHARED_STRINGS, SHEET_MAIN_NS

from jobs.imports.errors import UnreadableFileError
from jobs.imports.records import Record
from jobs.imports.sources import Source

# Texts that cells share are all in memory before the first row; a megabyte takes three or so.
_MOST_TEXT_BYTES = 32 << 20
_MOST_PART_BYTES = 8 << 20  # of what else is read as a whole: styles, the list of sheets
_MOST_ROWS = 1_048_576  # Excel's own limit
_STRING, _RUN, _TEXT = (f"{{{SHEET_MAIN_NS}}}{tag}" for tag in ("si", "r", "t"))
_ESCAPE = re.compile("_x[0-9A-Fa-f]{4}_")
# Whatever a malformed part makes openpyxl stumble over.
_BROKEN = (
    *(zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ParseError),
    *(DefusedXmlException, InvalidFileException, ValueError, TypeError, LookupError),
    *(AttributeError, OverflowError),
)


# Of what we don't look at, and of dates that are none, which come out as #VALUE!.
warnings.filterwarnings("ignore", module=r"openpyxl\.")


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
        if part is None:
            return
        info = self.archive.getinfo(part.PartName[1:])
        if info.file_size > _MOST_TEXT_BYTES:
            raise UnreadableFileError(
                f"{self._name}: the workbook has too much text to be read (line 1): save it as .csv"
            )
        with self.archive.open(info) as file:
            self.shared_strings = list(_strings(file))

    def read_chartsheet(self, sheet: Any, rel: Any) -> None:
        """Of no use here, and pictures are read for it."""


def _strings(file: IO[bytes]) -> Iterator[str]:
    """The strings that cells share; openpyxl's own reader keeps what is left of each element."""
    elements = iterparse(file, events=("start", "end"))
    _, root = next(elements)
    for event, element in elements:
        if event == "end" and element.tag == _STRING:
            runs = (element, *element.findall(_RUN))  # not what tells how to pronounce it
            yield "".join(text.text or "" for run in runs for text in run.findall(_TEXT))
            root.clear()


@contextlib.contextmanager
def open_book(source: Source) -> Iterator[Book]:
    """A workbook whose sheets are read row by row.

    Raises:
        UnreadableFileError: it is damaged or too large.
    """
    with source.path.open("rb") as file, contextlib.ExitStack() as stack:
        with damage_named(source, 1):
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
    with open_book(source) as book, contextlib.ExitStack() as stack:
        with damage_named(source, 1):
            worksheet: Any = book[sheet]
            file = stack.enter_context(worksheet._get_source())  # noqa: SLF001
            rows = _RowParser(
                file,
                worksheet._shared_strings,  # noqa: SLF001
                data_only=True,
                epoch=book.epoch,
                date_formats=worksheet.parent._date_formats,  # noqa: SLF001
                timedelta_formats=worksheet.parent._timedelta_formats,  # noqa: SLF001
            ).parse()
        yield _records(source, rows)


class _RowParser(WorkSheetParser):
    """Reads the rows of a sheet and nothing else, and forgets each one as it goes on."""

    def parse(self) -> Generator[tuple[int, list[dict[str, Any]]], None, None]:
        """Row number, and its cells that are there: each with ``column``, from 1, and ``value``."""
        rows = None
        for event, element in iterparse(self.source, events=("start", "end")):
            if event == "start":
                if element.tag == DATA_TAG:
                    rows = element
            elif element.tag == ROW_TAG:
                yield self.parse_row(element)
                self.row_dimensions.clear()
                if rows is not None:
                    rows.clear()
            elif element.tag == DATA_TAG:
                return


def _records(source: Source, rows: Iterator[tuple[int, list[dict[str, Any]]]]) -> Iterator[Record]:
    line = 0
    while True:
        try:
            line, cells = next(rows, (0, []))
        except _BROKEN as error:
            raise _damaged(source, line + 1) from error
        if line == 0:
            return
        if line > _MOST_ROWS:
            raise UnreadableFileError(f"{source.name}: a sheet has no such row (line {line:,})")
        fields = [""] * max((cell["column"] for cell in cells), default=0)
        for cell in cells:
            fields[cell["column"] - 1] = shown(cell["value"])
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
