"""Rows that the database refuses, told by line and reason."""

from collections.abc import Sequence
from dataclasses import dataclass

from db.engine import Connection
from db.queries import imports as queries
from db.queries.imports import RefusedRow
from jobs.imports.chunks import Chunk
from jobs.imports.rows import StagedRow, refused
from jobs.runs import ClaimedRun

# Under which all that the database itself has to say is counted.
BY_DATABASE = "the database refuses the row"


@dataclass(frozen=True)
class Refusal:
    """``counted_as``: which reason it counts under, of which there are few."""

    line_number: int
    reason: str
    counted_as: str


def refuse(
    connection: Connection,
    run: ClaimedRun,
    part: Chunk,
    refusals: Sequence[Refusal],
    counted: Sequence[StagedRow] = (),
) -> None:
    """Put rows of a chunk on the error list, as they stood in the file, and count them.

    ``counted``: rows for the list that are counted already. One statement, or none.
    """
    if not refusals and not counted:
        return
    records = {record.line: record for record in part.records} if refusals else {}
    rows = [*counted, *(refused(records[each.line_number], each.reason) for each in refusals)]
    queries.refuse_rows(
        connection,
        run.tenant_id,
        run.id,
        [RefusedRow(row.line_number, row.reason or "", row.fields or "[]") for row in rows],
    )
    part.tally.rejected += len(refusals)
    for each in refusals:
        part.tally.rejected_reasons[each.counted_as] += 1
