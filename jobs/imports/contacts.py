"""Import a file of contacts, a chunk at a time."""

import contextlib
from dataclasses import dataclass
from typing import Any

from config.settings import Settings
from db.engine import Database
from db.queries import imports as queries
from db.queries.imports import ImportTarget
from jobs.imports.ahead import read_ahead
from jobs.imports.arguments import ImportArguments
from jobs.imports.chunks import Chunk, read_chunks
from jobs.imports.files import ContactFile, inspect_file
from jobs.imports.kept import drop_file
from jobs.imports.rows import RowReader, StagedRow
from jobs.imports.tally import Tally
from jobs.runs import ClaimedRun, Kind, checkpoint, chunk, lease_keeper, renew


def import_contacts(
    database: Database, settings: Settings, run: ClaimedRun, arguments: ImportArguments
) -> dict[str, Any]:
    """Import the rest of a file; returns the counts of all of it.

    ``{read, created, updated, skipped, duplicates, rejected, rejected_reasons, encoding,
    delimiter}``: read is the sum of the five that follow; blank lines are not rows. A run that is
    taken up again reads the file from its beginning, to know the numbers it has met, and writes
    from the chunk after the last committed one.

    Raises:
        UnreadableFileError: the file is gone or not what it should be.
    """
    file = inspect_file(
        arguments.file, arguments.filename, on_block=lease_keeper(database, settings, run)
    )
    with database.transaction() as connection:
        target = queries.find_target(connection, run.tenant_id, arguments.campaign)
    work = _Import(database, settings, run, arguments, file, target)
    tally = Tally.from_json(run.cursor["tally"]) if run.cursor else Tally()
    size = run.cursor["chunk_rows"] if run.cursor else settings.import_chunk_rows
    behind = tally.read
    reader = RowReader(file.columns, target.region)
    with (
        file.records() as records,
        contextlib.closing(read_ahead(read_chunks(records, reader, size))) as chunks,
    ):
        for part in chunks:
            if behind > 0:
                behind -= part.tally.read
                renew(database, settings, run)
            else:
                tally = work.write(part, tally, size)
    return {**tally.as_json(), "encoding": file.encoding, "delimiter": file.delimiter}


@dataclass(frozen=True)
class _Import:
    database: Database
    settings: Settings
    run: ClaimedRun
    arguments: ImportArguments
    file: ContactFile
    target: ImportTarget

    def write(self, part: Chunk, before: Tally, size: int) -> Tally:
        """One chunk, its counts and the place it came to, committed together."""
        run = self.run
        with chunk(self.database, run) as connection:
            queries.stage_contacts(connection, StagedRow._fields, part.rows)
            written = queries.write_contacts(
                connection, run.tenant_id, run.id, self.arguments.on_existing
            )
            if self.target.campaign_id is not None:
                queries.join_campaign(connection, run.tenant_id, self.target.campaign_id)
            part.tally.created, part.tally.updated = written
            part.tally.skipped = part.contacts - written.created - written.updated
            tally = before + part.tally
            checkpoint(
                connection,
                self.settings,
                run,
                {"tally": tally.as_json(), "chunk_rows": size},
                done=tally.read,
                total=max(tally.read, self.file.lines - 1),
            )
        return tally


def forget_file(settings: Settings, arguments: ImportArguments) -> None:
    """The import has ended, and its copy of the file with it."""
    drop_file(settings, arguments.file)


KIND = Kind("import_contacts", "imports", ImportArguments, import_contacts, forget_file)
