"""What all imports do: find the file, read it in chunks, write each with its counts."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from config.settings import Settings
from db.engine import Connection, Database
from db.queries import imports as queries
from db.queries.imports import ImportTarget
from jobs.imports.ahead import read_ahead
from jobs.imports.arguments import FileArguments
from jobs.imports.chunks import Chunk, pass_over, read_chunks
from jobs.imports.duplicates import LastPhones, SeenPhones
from jobs.imports.files import ContactFile, inspect_file
from jobs.imports.guards import unguard, unguarded
from jobs.imports.headers import Columns
from jobs.imports.kept import fetched
from jobs.imports.limits import Limits
from jobs.imports.records import Record
from jobs.imports.rows import RowReader
from jobs.imports.tally import Tally
from jobs.runs import ClaimedRun, checkpoint, chunk, lease_keeper, renew

_COUNTED_AT_ONCE = 50_000

Write = Callable[[Connection, ImportTarget, Chunk], None]


def run_import(
    database: Database,
    settings: Settings,
    run: ClaimedRun,
    arguments: FileArguments,
    write: Write,
    *,
    campaign: str | None = None,
    columns: Callable[[Columns], Columns] = lambda columns: columns,
) -> dict[str, Any]:
    """Import the rest of a file; returns the counts of all of it.

    ``{read, created, updated, skipped, duplicates, rejected, rejected_reasons, encoding,
    delimiter}``: read is the sum of the five that follow; blank lines are not rows. A run that is
    taken up again reads the file from its beginning, to know the numbers it has met, and writes
    from the chunk after the last committed one. ``write`` puts a chunk into the tables and adds to
    its tally what it learns there; ``columns`` says which of the file's it needs.

    Raises:
        UnreadableFileError: the file is gone or not what it should be.
        TooMuchError: it is more than the tenant may import.
    """
    keep_lease = lease_keeper(database, settings, run)
    with fetched(arguments.file, arguments.filename, keep_lease) as path:
        file = inspect_file(
            path, arguments.filename, mapping=arguments.mapping, on_block=keep_lease
        )
        with database.transaction() as connection:
            target = queries.find_target(connection, run.tenant_id, campaign, run.id)
            if run.cursor is None:
                _check_limits(settings, target, file, arguments.filename, keep_lease)
        reader = RowReader(columns(_unguarded_names(file.columns)), target.region)
        work = _Import(database, settings, run, arguments, file, target, reader, write)
        tally = work.do()
    return {**tally.as_json(), "encoding": file.encoding, "delimiter": file.delimiter}


def _check_limits(
    settings: Settings,
    target: ImportTarget,
    file: ContactFile,
    filename: str,
    keep_lease: Callable[[], None],
) -> None:
    """Before anything is written, and before the campaign is committed."""
    limits = Limits(settings, target.limits)
    limits.check_at_once()
    limits.check_size(file.path, filename)
    limits.check_columns(file.columns.width, filename)
    if limits.may_exceed_rows(file.lines):
        rows = 0
        with file.records() as records:
            while counted := sum(1 for _ in islice(records, _COUNTED_AT_ONCE)):
                rows += counted
                limits.check_rows(rows, filename)
                keep_lease()


def _unguarded_names(columns: Columns) -> Columns:
    attributes = tuple((unguard(name), position) for name, position in columns.attributes)
    return replace(columns, attributes=attributes)


@dataclass(frozen=True)
class _Import:
    database: Database
    settings: Settings
    run: ClaimedRun
    arguments: FileArguments
    file: ContactFile
    target: ImportTarget
    reader: RowReader
    into_tables: Write

    def do(self) -> Tally:
        run = self.run
        tally = Tally.from_json(run.cursor["tally"]) if run.cursor else Tally()
        size = run.cursor["chunk_rows"] if run.cursor else self.settings.import_chunk_rows
        counts = SeenPhones().add
        if self.arguments.duplicates == "last":
            counts = self._last_phones(size).meet
        with self._records() as records:
            self._pass_over(islice(records, tally.read), size, counts)
            chunks = read_chunks(records, self.reader, size, counts)
            with contextlib.closing(read_ahead(chunks)) as ahead:
                for part in ahead:
                    tally = self._write(part, tally, size)
        return tally

    def _last_phones(self, size: int) -> LastPhones:
        """All numbers of the file, which is read once more for them."""
        phones = LastPhones()
        with self._records() as records:
            self._pass_over(records, size, phones.count)
        return phones

    def _pass_over(
        self, records: Iterator[Record], size: int, counts: Callable[[str], object]
    ) -> None:
        for _ in pass_over(records, self.reader, size, counts):
            renew(self.database, self.settings, self.run)

    @contextlib.contextmanager
    def _records(self) -> Iterator[Iterator[Record]]:
        with self.file.records() as records:
            yield unguarded(records, self.file.header)

    def _write(self, part: Chunk, before: Tally, size: int) -> Tally:
        """One chunk, its counts and the place it came to, committed together."""
        run = self.run
        with chunk(self.database, run) as connection:
            self.into_tables(connection, self.target, part)
            tally = before + part.tally
            checkpoint(
                connection,
                self.settings,
                run,
                {
                    "tally": tally.as_json(),
                    "chunk_rows": size,
                    "header": self.file.header,
                    "delimiter": self.file.delimiter,
                },
                done=tally.read,
                total=max(tally.read, self.file.lines - 1),
            )
        return tally
