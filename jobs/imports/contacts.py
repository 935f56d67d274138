"""Import a file of contacts, a chunk at a time."""

from collections.abc import Sequence
from typing import Any

from config.settings import Settings
from db.engine import Connection, Database
from db.queries import imports as queries
from db.queries.imports import ImportTarget, Written
from jobs.imports.arguments import ImportArguments
from jobs.imports.chunks import Chunk
from jobs.imports.halving import write_in_halves
from jobs.imports.refusals import BY_DATABASE, Refusal, refuse
from jobs.imports.rows import StagedRow
from jobs.imports.run import run_import
from jobs.runs import ClaimedRun, Kind


def import_contacts(
    database: Database, settings: Settings, run: ClaimedRun, arguments: ImportArguments
) -> dict[str, Any]:
    """Import the rest of a file of contacts; returns and raises as ``run_import``."""

    def write(connection: Connection, target: ImportTarget, part: Chunk) -> None:
        write_contacts(connection, run, arguments, target, part)

    return run_import(database, settings, run, arguments, write, campaign=arguments.campaign)


def write_contacts(
    connection: Connection,
    run: ClaimedRun,
    arguments: ImportArguments,
    target: ImportTarget,
    part: Chunk,
) -> None:
    """Five statements at most; two more for each time that a row refused by the database halves."""
    policies = arguments.policies

    def write(rows: Sequence[StagedRow]) -> Written:
        return queries.write_contacts(
            connection,
            run.tenant_id,
            run.id,
            policies=policies,
            campaign_id=target.campaign_id,
            lines=(rows[0].line_number, rows[-1].line_number),
        )

    queries.stage_contacts(connection, StagedRow._fields, part.rows)
    written, refused = write_in_halves(connection, part.rows, write)
    refusals = [Refusal(row.line_number, why, BY_DATABASE) for row, why in refused]
    refuse(connection, run, part, refusals)
    tally = part.tally
    tally.created = sum(of.created for of in written)
    changed = sum(of.changed for of in written)
    known = part.valid - tally.created
    tally.updated = known if "update" in policies.values() else changed
    tally.skipped = known - tally.updated
    if target.campaign_id is None:
        return
    lines = [row.line_number for row, _ in refused]
    if changed < known:
        queries.join_campaign(connection, run.tenant_id, run.id, target.campaign_id, lines)
    if arguments.call:
        queries.queue_calls(connection, run.tenant_id, target.campaign_id, lines)


CONTACTS = Kind(
    "import_contacts",
    "imports",
    ImportArguments,
    import_contacts,
    tenant_limit=4,
)
