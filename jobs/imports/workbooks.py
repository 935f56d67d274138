"""Excel workbooks (.xlsx): surveyed before a row is read, and the sheet of contacts found."""

import re
import zipfile
from collections.abc import Callable, Mapping
from itertools import islice

from jobs.imports.errors import UnreadableFileError
from jobs.imports.headers import MappingError
from jobs.imports.sheets import damage_named, open_book, open_sheet
from jobs.imports.sources import Source, insist_on_size
from jobs.imports.tables import LOOKED_AT, NoTableError, Table, find_table

WORKBOOK = "xlsx"  # in place of an encoding
_BLOCK = 1 << 20
_ROW = re.compile(rb"<(?:\w+:)?row[\s>/]")
_LONGEST_TAG = 64  # as far as its name
_MOST_ROW_BYTES = 8 << 20


def survey_workbook(source: Source, on_block: Callable[[], None]) -> dict[str, int]:
    """Visible sheets that have rows, in their order, with how many rows they have, about.

    All sheets are read once, to know that they are whole and that no row of them is longer than
    memory likes; ``on_block`` is called for each mebibyte.

    Raises:
        UnreadableFileError: the workbook is damaged, locked, a bomb, or has no rows.
    """
    with open_book(source) as book, zipfile.ZipFile(source.path) as archive:
        sheets: dict[str, int] = {}
        unpacked = sum(info.file_size for info in archive.infolist())
        insist_on_size(source.name, source.path.stat().st_size, unpacked)
        for sheet in book.worksheets:
            if sheet.sheet_state == "visible":
                with damage_named(source, 1):
                    info = archive.getinfo(sheet._worksheet_path)  # type: ignore[attr-defined]  # noqa: SLF001
                sheets[sheet.title] = _count_rows(source, archive, info, on_block)
    filled = {title: rows for title, rows in sheets.items() if rows}
    if not filled:
        raise UnreadableFileError(f"{source.name}: the workbook is empty")
    return filled


def _count_rows(
    source: Source, archive: zipfile.ZipFile, info: zipfile.ZipInfo, on_block: Callable[[], None]
) -> int:
    insist_on_size(source.name, info.compress_size, info.file_size)
    rows = since = 0
    rest = b""
    with damage_named(source, 1), archive.open(info) as part:
        while block := part.read(_BLOCK):
            on_block()
            text = rest + block
            starts = [tag.start() for tag in _ROW.finditer(text)]
            rows += len(starts)
            since = len(text) - starts[-1] if starts else since + len(block)
            if since > _MOST_ROW_BYTES:
                raise UnreadableFileError(
                    f"{source.name}: a row is too long to be read (line {max(1, rows):,})"
                )
            # A tag may be cut in two; one that was counted isn't counted again.
            rest = text[-_LONGEST_TAG:]
            if starts and len(text) - starts[-1] <= _LONGEST_TAG:
                rest = text[starts[-1] + 1 :]
    return rows


def find_sheet(
    source: Source, sheets: Mapping[str, int], mapping: Mapping[str, str] | None
) -> tuple[str, Table]:
    """The one sheet that has a column of phone numbers.

    Raises:
        UnreadableFileError: several have, or what has rows is damaged.
        NoTableError: none has.
        MappingError: the mapping asks for what none has.
    """
    found: dict[str, Table] = {}
    reasons: list[NoTableError | MappingError] = []
    for sheet in sheets:
        with open_sheet(source, sheet) as records:
            head = list(islice(records, LOOKED_AT))
        try:
            found[sheet] = find_table([(",", head)], mapping)
        except (NoTableError, MappingError) as error:
            reasons.append(error)
    if len(found) > 1:
        names = ", ".join(repr(sheet) for sheet in found)
        raise UnreadableFileError(
            f"{source.name}: several sheets have phone numbers (line 1): {names}: leave one alone"
        )
    if not found:
        raise reasons[0]
    return next(iter(found.items()))
