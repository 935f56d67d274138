"""Import a file of the numbers that a tenant sends from and is called on, a chunk at a time."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from config.settings import Settings
from db.engine import Connection, Database
from db.queries import imports as queries
from db.queries.imports import ImportTarget
from jobs.imports.arguments import DidArguments
from jobs.imports.chunks import Chunk
from jobs.imports.halving import write_in_halves
from jobs.imports.headers import Columns
from jobs.imports.refusals import BY_DATABASE, Refusal, refuse
from jobs.imports.rows import StagedRow
from jobs.imports.run import run_import
from jobs.runs import ClaimedRun, Kind

# Of other tenants nothing more is told.
TAKEN = "the number is taken"


def import_dids(
    database: Database, settings: Settings, run: ClaimedRun, arguments: DidArguments
) -> dict[str, Any]:
    """Import the rest of a file of numbers; returns and raises as ``run_import``.

    Numbers that the tenant has are skipped; those that another has are rejected as taken.
    """

    def write(connection: Connection, _: ImportTarget, part: Chunk) -> None:
        write_dids(connection, run, part)

    return run_import(database, settings, run, arguments, write, columns=_number_alone)


def write_dids(connection: Connection, run: ClaimedRun, part: Chunk) -> None:
    """Three statements at most; two more for each time that a row refused by the database halves.

    Of them all others are in, whatever the database says of some.
    """

    def write(rows: Sequence[StagedRow]) -> list[str]:
        numbers = [row.phone_number or "" for row in rows]
        return queries.insert_dids(connection, run.tenant_id, run.id, numbers)

    valid = [row for row in part.rows if row.reason is None]
    written, refused = write_in_halves(connection, valid, write)
    created = {number for numbers in written for number in numbers}
    refusals = [Refusal(row.line_number, why, BY_DATABASE) for row, why in refused]
    known = created | {row.phone_number for row, _ in refused}
    left = {row.phone_number or "": row for row in valid if row.phone_number not in known}
    own = queries.find_dids(connection, run.tenant_id, list(left)) if left else set()
    refusals += [
        Refusal(row.line_number, TAKEN, TAKEN) for number, row in left.items() if number not in own
    ]
    part.tally.created, part.tally.skipped = len(created), len(own)
    unread = [row for row in part.rows if row.reason is not None]
    refuse(connection, run, part, refusals, unread)


def _number_alone(columns: Columns) -> Columns:
    return replace(columns, known={"phone": columns.known["phone"]}, attributes=())


DIDS = Kind("import_dids", "imports", DidArguments, import_dids, tenant_limit=4)
