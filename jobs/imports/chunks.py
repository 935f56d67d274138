"""A file's rows in chunks, each ready to be staged."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from jobs.imports.records import Record
from jobs.imports.rows import RowReader, StagedRow
from jobs.imports.tally import Tally

_MOST_CHARACTERS = 4 << 20  # of text in a chunk; it is held several times over


@dataclass
class Chunk:
    """Rows to write, and the counts of what is known without the database.

    ``records`` are all that the chunk was read from, duplicates among them.
    """

    records: Sequence[Record]
    rows: list[StagedRow] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)

    @property
    def valid(self) -> int:
        return len(self.rows) - self.tally.rejected


def read_chunks(
    records: Iterator[Record], reader: RowReader, size: int, counts: Callable[[str], bool]
) -> Iterator[Chunk]:
    """Chunks of ``size`` rows of the file, the last one shorter, none of them empty.

    ``counts`` is asked for the number of each valid row, in the file's order, whether this is the
    row of that number that counts; the others are duplicates and are left out. Where rows are so
    long that memory would feel them, chunks have fewer.
    """
    while taken := _take(records, size):
        chunk = Chunk(taken)
        chunk.tally.read = len(taken)
        for record in taken:
            row = reader.read(record)
            if row.reason is not None:
                chunk.tally.rejected += 1
                chunk.tally.rejected_reasons[row.reason] += 1
            elif not counts(row.phone_number or ""):
                chunk.tally.duplicates += 1
                continue
            chunk.rows.append(row)
        yield chunk


def pass_over(
    records: Iterator[Record], reader: RowReader, size: int, counts: Callable[[str], object]
) -> Iterator[int]:
    """Read rows for their numbers alone: ``counts`` is told that of each valid row.

    Yields how many were read, after each ``size`` of them.
    """
    while taken := list(islice(records, size)):
        for record in taken:
            number = reader.phone_of(record)
            if number is not None:
                counts(number)
        yield len(taken)


def _take(records: Iterator[Record], size: int) -> list[Record]:
    taken: list[Record] = []
    characters = 0
    for record in islice(records, size):
        taken.append(record)
        characters += sum(map(len, record.fields))
        if characters > _MOST_CHARACTERS:
            break
    return taken
