"""Cells that a spreadsheet would run as formulas, and the apostrophe that keeps it from doing so.

A spreadsheet takes what begins with ``=``, ``+``, ``-`` or ``@`` for a formula, and an apostrophe
before it as the mark of a text, which isn't part of it. So do many systems' exports. Error lists
carry that mark, and every file is read without it: a list that was mended is imported as if the
file had been right from the beginning.
"""

import re
from collections.abc import Iterator, Sequence

from jobs.imports.records import Record

# Full-width forms too, which some spreadsheets take for the same.
_FORMULA = r"\s*[\t\r\n=+\-@＝＋－＠]"
_DANGEROUS = re.compile(_FORMULA)
_GUARDED = re.compile(f"'{_FORMULA}")
# An error list's own column, and what is written there.
_ERROR_COLUMN = re.compile(r"error( \d+)?", re.IGNORECASE)
_ERROR = re.compile(r"line \d+: .+", re.DOTALL)


def guard(cell: str) -> str:
    """The cell, safe to be opened in a spreadsheet."""
    return f"'{cell}" if _DANGEROUS.match(cell) else cell


def unguard(cell: str) -> str:
    return cell[1:] if _GUARDED.match(cell) else cell


def error_text(line: int, reason: str) -> str:
    """What stands in an error list's last column; ``line`` is the original file's."""
    return f"line {line}: {reason}"


def unguarded(records: Iterator[Record], header: Sequence[str]) -> Iterator[Record]:
    """Records without the marks of spreadsheets, and without what an error list said of them."""
    ours = [at for at, name in enumerate(header) if _ERROR_COLUMN.fullmatch(name.strip())]
    for record in records:
        fields = record.fields
        if ours or "\n'" in "\n" + "\n".join(fields):
            fields = list(map(unguard, fields))
            for at in ours:
                if at < len(fields) and _ERROR.fullmatch(fields[at]):
                    fields[at] = ""
            yield Record(record.line, fields, record.broken)
        else:
            yield record
