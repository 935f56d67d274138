"""From a file that somebody has to a run in the ledger."""

from pathlib import Path
from typing import Any
from uuid import UUID

from config.settings import Settings
from db.engine import Database
from db.queries import imports as queries
from jobs.imports.arguments import FileArguments
from jobs.imports.kept import drop_file, keep_file
from jobs.imports.limits import Limits
from jobs.runs import Kind, enqueue


def start_import(
    database: Database,
    settings: Settings,
    tenant_id: UUID,
    kind: Kind[Any],
    path: Path,
    *,
    filename: str | None = None,
    **arguments: Any,
) -> UUID:
    """Keep a copy of the file for the workers and enqueue its import; returns the run's id.

    ``filename`` is what messages call it, by default its name; ``arguments`` are the kind's other
    ones. The file may go once this has returned.

    Raises:
        UnreadableFileError: there is no such file.
        TooMuchError: it is larger, or one import more, than the tenant may have.
        ValidationError: an argument is wrong.
    """
    filename = filename or path.name
    kind.arguments.model_validate({"file": str(path), "filename": filename, **arguments})
    with database.transaction() as connection:
        limits = _limits(connection, settings, tenant_id)
    limits.check_at_once()
    if path.is_file():
        limits.check_size(path, filename)
    kept = keep_file(settings, path)
    try:
        asked: FileArguments = kind.arguments(file=kept, filename=filename, **arguments)
        with database.transaction() as connection:
            queries.lock_imports(connection, tenant_id)
            _limits(connection, settings, tenant_id).check_at_once()
            return enqueue(connection, tenant_id, kind, asked.model_dump(mode="json"))
    except BaseException:
        drop_file(settings, kept)
        raise


def _limits(connection: Any, settings: Settings, tenant_id: UUID) -> Limits:
    return Limits(settings, queries.find_target(connection, tenant_id, None).limits)
