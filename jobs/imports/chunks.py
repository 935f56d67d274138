"""A file's rows in chunks, each ready to be staged."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from jobs.imports.duplicates import SeenPhones
from jobs.imports.records import Record
from jobs.imports.rows import RowReader, StagedRow
from jobs.imports.tally import Tally


@dataclass
class Chunk:
    """Rows to stage, and the counts of what is known without the database."""

    rows: list[StagedRow] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)

    @property
    def contacts(self) -> int:
        return len(self.rows) - self.tally.rejected


def read_chunks(records: Iterator[Record], reader: RowReader, size: int) -> Iterator[Chunk]:
    """Chunks of ``size`` rows of the file, the last one shorter, none of them empty.

    Of rows with the same phone number the first valid one counts, in the whole file; the others
    are duplicates and are left out.
    """
    seen = SeenPhones()
    while taken := list(islice(records, size)):
        chunk = Chunk()
        chunk.tally.read = len(taken)
        for record in taken:
            row = reader.read(record)
            if row.reason is not None:
                chunk.tally.rejected += 1
                chunk.tally.rejected_reasons[row.reason] += 1
            elif not seen.add(row.phone_number or ""):
                chunk.tally.duplicates += 1
                continue
            chunk.rows.append(row)
        yield chunk
