"""The rows that an import refused, as a CSV to be mended and imported again."""

import contextlib
import csv
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO
from uuid import UUID

from db.engine import Connection, Database
from db.queries import imports as queries
from jobs.imports.guards import error_text, guard

_PAGE_ROWS = 5000
_ERROR = "error"


def write_error_list(
    database: Database,
    tenant_id: UUID,
    run_id: UUID,
    cursor: Mapping[str, Any] | None,
    file: TextIO,
) -> int:
    """Write the file's own columns and ``error``, in the file's order; returns how many rows.

    ``cursor``: the run's, where header and delimiter stand, and whether lines mean anything. What a
    spreadsheet would run as a formula is marked as text; the mark goes when the list is imported. A
    text with other letters than ASCII's begins with a byte order mark, without which spreadsheets
    garble it.
    """
    names: list[str] = list(cursor["header"]) if cursor else []
    delimiter = cursor["delimiter"] if cursor else ","
    numbered = not cursor or cursor.get("lines", True)
    last = len(names) - 1
    with database.transaction() as connection:
        survey = queries.survey_errors(connection, tenant_id, run_id, last)
        # Of a list that was mended and came back: it makes place for the new one.
        replaced = last >= 0 and names[last].strip().lower() == _ERROR and survey.last_is_empty
        names += [f"column {n}" for n in range(len(names) + 1, survey.width + 1)]
        width = len(names)
        if replaced:
            del names[last]
        if not (survey.ascii and "".join(names).isascii()):
            file.write("\ufeff")
        writer = csv.writer(file, delimiter=delimiter, lineterminator="\r\n")
        writer.writerow([*map(guard, names), _free_name(names)])
        for line, reason, fields in _rows(connection, tenant_id, run_id):
            cells = [*map(guard, fields), *[""] * (width - len(fields))]
            if replaced:
                del cells[last]
            writer.writerow([*cells, error_text(line, reason) if numbered else reason])
    return survey.rows


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """A text file to write that takes its name, and what stood under it, once the block is done.

    Nobody but this user can read it: it is full of people.

    Raises:
        OSError: it can't be written there.
    """
    begun = path.with_name(f".{path.name}.{os.getpid()}.part")
    descriptor = os.open(begun, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            yield file
        begun.replace(path)
    except BaseException:
        begun.unlink(missing_ok=True)
        raise


def _rows(
    connection: Connection, tenant_id: UUID, run_id: UUID
) -> Iterator[tuple[int, str, list[str]]]:
    after = -1
    while page := queries.list_errors(connection, tenant_id, run_id, after=after, size=_PAGE_ROWS):
        yield from page
        after = page[-1][0]


def _free_name(names: Sequence[str]) -> str:
    taken = {name.strip().lower() for name in names}
    name, number = _ERROR, 2
    while name in taken:
        name, number = f"{_ERROR} {number}", number + 1
    return name
