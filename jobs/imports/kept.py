"""Copies of files of contacts, kept for the workers until the import has ended."""

import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from config.settings import Settings
from db.engine import Connection
from db.queries import imports as queries
from jobs.imports.errors import insist_on_regular, unreadable

# A file is kept before its run is committed.
STRAY_AFTER_S = 3600
# Names that keep_file makes; FILES_DIR may hold other things.
_KEPT = re.compile(r"\.?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(\.[^.]*)?(\.part)?")


def keep_file(settings: Settings, path: Path) -> str:
    """Copy a file to where workers will find it; returns the copy's path, absolute.

    The copy is whole and on disk when this returns, or not there at all. Nobody but this user and
    root can read it, for it is full of people.

    Raises:
        UnreadableFileError: there is no such file, or it can't be read.
    """
    folder = _folder(settings)
    kept = folder / f"{_uuid7()}{path.suffix.lower()}"
    begun = kept.with_name(f".{kept.name}.part")
    try:
        insist_on_regular(path, path.name)
        with path.open("rb") as source, _private(begun) as copy:
            shutil.copyfileobj(source, copy, 1 << 20)
            copy.flush()
            os.fsync(copy.fileno())
        begun.rename(kept)
    except OSError as error:
        begun.unlink(missing_ok=True)
        if error.filename == str(path):
            raise unreadable(path.name, error) from error
        raise
    _sync_folder(folder)
    return str(kept)


def drop_file(settings: Settings, path: Path) -> None:
    """Delete a kept copy, if it is there; a file that ``keep_file`` didn't make is left alone."""
    if path.parent == settings.kept_files and _KEPT.fullmatch(path.name):
        path.unlink(missing_ok=True)


def sweep_files(connection: Connection, settings: Settings) -> dict[str, Any]:
    """Delete copies that no unfinished import needs; ``{"deleted": how many}``.

    Those of runs that were cancelled before they began or whose worker died at the last attempt,
    and what a killed ``keep_file`` left behind.
    """
    stray = {path.name: path for path in _old_files(settings.kept_files)}
    for name in queries.find_needed_files(connection, list(stray)) if stray else ():
        del stray[name]
    for path in stray.values():
        path.unlink(missing_ok=True)
    return {"deleted": len(stray)}


def _old_files(folder: Path) -> Iterator[Path]:
    oldest = time.time() - STRAY_AFTER_S
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for entry in entries:
        if not _KEPT.fullmatch(entry.name) or not entry.is_file(follow_symlinks=False):
            continue
        try:
            if entry.stat(follow_symlinks=False).st_mtime < oldest:
                yield Path(entry.path)
        except FileNotFoundError:  # its run has ended meanwhile
            continue


def _folder(settings: Settings) -> Path:
    folder = settings.kept_files
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    if settings.files_dir is None:  # ours alone, whoever made it
        folder.chmod(0o700)
    return folder


def _private(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _uuid7() -> uuid.UUID:
    """Time-ordered, so that a listing of the folder is in order of arrival."""
    bits = (time.time_ns() // 1_000_000 << 80) | (uuid.uuid4().int & ((1 << 80) - 1))
    return uuid.UUID(int=bits & ~(0xF << 76) | 0x7 << 76)


def _sync_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
