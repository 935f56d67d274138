"""What an import would do with a file, for the person who sent it to say yes, or how else."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from jobs.imports.arguments import FileArguments
from jobs.imports.files import ContactFile, inspect_file
from jobs.imports.guards import unguarded
from jobs.imports.headers import Columns
from jobs.imports.records import Record
from jobs.imports.rows import RowReader, StagedRow

_SAMPLES = 3
_LOOKED_AT = 200
_SHOWN_ROWS = 5


@dataclass(frozen=True)
class PreviewedColumn:
    """``number`` counts from 1 and is what a mapping may call it by, ``name`` as the file has it.

    ``field``: one of ours, ``attribute`` or ``ignore``. ``how`` that was found out: ``asked``, by
    its ``name``, by its ``content``, or ``rest``. ``samples``: some of its values, all different.
    """

    number: int
    name: str
    field: str
    how: str
    samples: list[str]


@dataclass(frozen=True)
class PreviewedRow:
    """What would become of a row: a contact if ``reason`` is None. ``values``: those not empty."""

    line: int
    phone_number: str | None
    values: dict[str, Any]
    reason: str | None


@dataclass(frozen=True)
class Preview:
    """``header_line`` is None if the file has no header; ``lines``: how many it has, about."""

    filename: str
    form: str
    encoding: str
    delimiter: str
    sheet: str | None
    header_line: int | None
    lines: int
    columns: list[PreviewedColumn]
    rows: list[PreviewedRow]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def preview_file(
    path: Path,
    arguments: FileArguments,
    *,
    region: str,
    on_block: Callable[[], None] = lambda: None,
) -> Preview:
    """Look at a file as its import would; nothing is written.

    ``region``: where its national phone numbers are at home (ISO 3166). Phone numbers are shown as
    they are: it is for its owner's eyes, and not for logs.

    Raises:
        UnreadableFileError: as the import itself would.
    """
    file = inspect_file(path, arguments.filename, mapping=arguments.mapping, on_block=on_block)
    with file.records() as records:
        first = list(islice(unguarded(records, file.header), _LOOKED_AT))
    reader = RowReader(file.columns, region)
    return Preview(
        filename=arguments.filename,
        form=file.source.form,
        encoding=file.encoding,
        delimiter=file.delimiter,
        sheet=file.sheet or None,
        header_line=file.header_line,
        lines=file.lines,
        columns=[_column(file, position, first) for position in range(file.columns.width)],
        rows=[_row(reader.read(record)) for record in first[:_SHOWN_ROWS]],
    )


def _column(file: ContactFile, position: int, records: list[Record]) -> PreviewedColumn:
    columns = file.columns
    cells = (
        record.fields[position].strip()
        for record in records
        if record.broken is None and position < len(record.fields)
    )
    samples = list(islice(dict.fromkeys(cell for cell in cells if cell), _SAMPLES))
    field, how = _meaning(columns, position)
    return PreviewedColumn(position + 1, columns.name(position), field, how, samples)


def _meaning(columns: Columns, position: int) -> tuple[str, str]:
    ours = {at: name for name, at in columns.known.items()}
    ours.update(dict.fromkeys(columns.phones, "phone"))
    if position in ours:
        return ours[position], columns.how[position]
    if position in {at for _, at in columns.attributes}:
        return "attribute", columns.how.get(position, "rest")
    return "ignore", "asked"


def _row(row: StagedRow) -> PreviewedRow:
    values = row._asdict()
    for name in ("line_number", "phone_number", "reason", "fields"):
        del values[name]
    filled = {name: value for name, value in values.items() if value not in {None, "[]", "{}"}}
    for name in filled.keys() & {"tags", "attributes"}:
        filled[name] = json.loads(filled[name])
    return PreviewedRow(row.line_number, row.phone_number, filled, row.reason)
