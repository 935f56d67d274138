"""How a text falls into columns, which line is the header, and which column is what."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from jobs.imports.headers import Columns, MappingError, map_content, map_header
from jobs.imports.records import Record

# How many records are looked at, and how many of those may stand before the header.
LOOKED_AT = 200
_PREAMBLE = 30
_SHARE = 0.8  # of the cells of a column that are to be numbers, or addresses
_PHONE = re.compile(r"['’]?[+＋(]?[\d(][\d\s().\-/]{5,}\d")
_DATE = re.compile(r"\d{4}-\d\d?-\d\d?|\d\d?[./-]\d\d?[./-]\d{2,4}")
_PLUS = re.compile(r"\s*['’]?[(]?[+＋]|00")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_FEWEST_DIGITS, _MOST_DIGITS = 7, 15
_SHOWN_COLUMNS = 8
_SHOWN_CHARACTERS = 30


class NoTableError(ValueError):
    """There is nothing to import in it; the text says why, without the file's name."""


@dataclass(frozen=True)
class Table:
    """``header``: the record that names the columns; None if there is none, and data begin at once.

    ``delimiter`` is the one that the records were split by.
    """

    delimiter: str
    header: Record | None
    columns: Columns


@dataclass(frozen=True)
class _Reading:
    """A file's first records, split by one delimiter; ``width``: the usual number of fields."""

    delimiter: str
    records: Sequence[Record]
    width: int
    agreement: float


def find_table(
    readings: Sequence[tuple[str, Sequence[Record]]], mapping: Mapping[str, str] | None
) -> Table:
    """The reading in which most of it makes sense.

    Each delimiter votes with the file's first records: does a header with a known column come of
    it, how many of its columns are known, do the rows agree with it in width, how wide are they?

    Raises:
        NoTableError: no reading has a column of phone numbers.
        MappingError: the mapping asks for what the file hasn't.
    """
    found = []
    shapes = [_shape(delimiter, records) for delimiter, records in readings]
    for reading in shapes:
        header = _find_header(reading, mapping)
        if header is not None:
            record, columns = header
            agreement = reading.agreement if len(record.fields) == reading.width else 0.0
            rank = (reading.width > 1, len(columns.how), agreement >= _SHARE, reading.width)
            found.append((rank, Table(reading.delimiter, record, columns)))
    if found:
        return max(found, key=lambda each: each[0])[1]
    best = max(shapes, key=lambda shape: (shape.width > 1, shape.agreement >= _SHARE, shape.width))
    if not best.records:
        raise NoTableError("there is no header (line 1)")
    if not _is_data(best.records[0]):
        likeliest = best.records[_likeliest_header(best)]
        try:
            map_header(likeliest.fields, mapping)
        except MappingError as error:
            wrong = f"{error} (line {likeliest.line}), {_columns_of(likeliest)}"
            raise NoTableError(wrong) from error
        raise NoTableError(_no_phone_column(likeliest))
    return _without_header(best, mapping)


def _shape(delimiter: str, records: Sequence[Record]) -> _Reading:
    """A preamble is narrow and comes first, so the later half says how wide the table is."""
    sound = [record for record in records if not record.broken]
    later = [len(record.fields) for record in sound[len(sound) // 2 :]]
    widths = Counter(later)
    width = max(widths, key=lambda each: (widths[each], each), default=0)
    return _Reading(delimiter, sound, width, widths[width] / max(1, len(later)))


def _find_header(
    reading: _Reading, mapping: Mapping[str, str] | None
) -> tuple[Record, Columns] | None:
    """The record with the most columns that are known, before the first that is data."""
    best: tuple[tuple[bool, int, bool], Record, Columns] | None = None
    for record in reading.records[:_PREAMBLE]:
        width = len(record.fields)
        if _is_data(record):
            if width == reading.width:
                break
            continue
        if (width > 1) != (reading.width > 1):
            continue
        columns = _mapped(record.fields, mapping)
        if columns is None:
            continue
        rank = ("asked" in columns.how.values(), len(columns.how), width == reading.width)
        if best is None or rank > best[0]:
            best = rank, record, columns
    return best and best[1:]


def _mapped(fields: Sequence[str], mapping: Mapping[str, str] | None) -> Columns | None:
    try:
        return map_header(fields, mapping)
    except MappingError:
        return None


def _likeliest_header(reading: _Reading) -> int:
    """Of a file in which no header is known: its first record of the usual width."""
    return next(
        (n for n, record in enumerate(reading.records) if len(record.fields) == reading.width), 0
    )


def _without_header(reading: _Reading, mapping: Mapping[str, str] | None) -> Table:
    columns = list(zip(*(_padded(r, reading.width) for r in reading.records), strict=True))
    phones = [n for n, cells in enumerate(columns) if _mostly(cells, is_phone_like)]
    emails = [n for n, cells in enumerate(columns) if _mostly(cells, _EMAIL.fullmatch)]
    plus = [n for n in phones if _mostly(columns[n], _PLUS.match)]
    line = reading.records[0].line
    if len(plus or phones) > 1 and not mapping:
        numbers = " and ".join(str(n + 1) for n in plus or phones)
        raise NoTableError(
            f"there is no header (line {line}), and columns {numbers} all look like phone numbers: "
            f"map one of them to phone, by its number"
        )
    found = map_content(reading.width, mapping, plus or phones, emails)
    if found is None:
        raise NoTableError(f"there is no header, and no column of phone numbers (line {line})")
    return Table(reading.delimiter, None, found)


def _padded(record: Record, width: int) -> list[str]:
    return [*record.fields[:width], *[""] * (width - len(record.fields))]


def _mostly(cells: Sequence[str], fits: Callable[[str], object]) -> bool:
    filled = [cell for each in cells if (cell := each.strip())]
    return bool(filled) and sum(1 for cell in filled if fits(cell)) >= _SHARE * len(filled)


def is_phone_like(cell: str) -> bool:
    """Whether it is written like a phone number, valid or not."""
    text = cell.strip()
    digits = sum(map(str.isdecimal, text))
    return (
        _FEWEST_DIGITS <= digits <= _MOST_DIGITS
        and _PHONE.fullmatch(text) is not None
        and _DATE.fullmatch(text) is None
    )


def _is_data(record: Record) -> bool:
    return any(is_phone_like(cell) or _EMAIL.fullmatch(cell.strip()) for cell in record.fields)


def _no_phone_column(record: Record) -> str:
    return (
        f"no column of phone numbers in the header (line {record.line}), "
        f"{_columns_of(record)} (call one 'phone')"
    )


def _columns_of(record: Record) -> str:
    names = [name.strip("\ufeff").strip()[:_SHOWN_CHARACTERS] for name in record.fields]
    shown = ", ".join(name.replace("\0", "␀") for name in names[:_SHOWN_COLUMNS])
    more = ", …" if len(names) > _SHOWN_COLUMNS else ""
    return f"which has: {' '.join(shown.split())}{more}"
