"""Copies of imported files, kept for the workers as long as the ledger has their run."""

import contextlib
import re
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from config.settings import Settings
from db.engine import Connection
from db.queries import imports as queries
from jobs.imports.errors import insist_on_regular, unreadable
from jobs.imports.folders import LocalFolder
from jobs.imports.remote import RemoteFolder, fetch_remote, is_remote

# A file is kept before its run is committed.
STRAY_AFTER_S = 3600
# Names that keep_file makes; the folder may hold other things.
_KEPT = re.compile(r"\.?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(\.[^.]*){0,2}(\.part)?")
_PACKED = frozenset({".gz", ".zip"})


def keep_file(settings: Settings, path: Path) -> str:
    """Copy a file to where workers will find it; returns the copy's absolute path, or its URL.

    The copy is whole and on disk when this returns, or not there at all. Nobody but this user and
    root can read one in a folder of this machine, for it is full of people.

    Raises:
        UnreadableFileError: there is no such file, or it can't be read.
    """
    try:
        insist_on_regular(path, path.name)
        with path.open("rb") as source:
            return _folder(settings).put(source, f"{_uuid7()}{_suffix(path)}")
    except OSError as error:
        if error.filename == str(path):
            raise unreadable(path.name, error) from error
        raise


@contextlib.contextmanager
def fetched(file: str, filename: str, on_block: Callable[[], None]) -> Iterator[Path]:
    """A kept file as a path of this machine, for as long as the block lasts.

    One behind a URL is copied to a private temporary file first; ``on_block`` is called every
    mebibyte.

    Raises:
        UnreadableFileError: it is gone, or nothing can be had from there.
        what ``on_block`` raises.
    """
    if not is_remote(file):
        yield Path(file.removeprefix("file://"))
        return
    with fetch_remote(file, filename, on_block) as path:
        yield path


def drop_file(settings: Settings, file: str) -> None:
    """Delete a kept copy, if it is there; a file that ``keep_file`` didn't make is left alone."""
    folder, _, name = file.rpartition("/")
    if folder == settings.kept_files and _KEPT.fullmatch(name):
        _folder(settings).delete(name)


def sweep_files(connection: Connection, settings: Settings) -> dict[str, Any]:
    """Delete copies whose import is no longer in the ledger; ``{"deleted": how many}``.

    Those of runs that were pruned, and what a killed ``keep_file`` left behind.
    """
    folder = _folder(settings)
    stray = {
        name for name in folder.older_than(time.time() - STRAY_AFTER_S) if _KEPT.fullmatch(name)
    }
    if stray:
        stray -= set(queries.find_needed_files(connection, list(stray)))
    for name in stray:
        folder.delete(name)
    return {"deleted": len(stray)}


def _folder(settings: Settings) -> LocalFolder | RemoteFolder:
    kept = settings.kept_files
    if is_remote(kept):
        return RemoteFolder(kept)
    return LocalFolder(Path(kept.removeprefix("file://")), ours=settings.files_url is None)


def _suffix(path: Path) -> str:
    """``.csv``, and ``.csv.gz`` in full."""
    suffixes = path.suffixes[-2:] if path.suffix.lower() in _PACKED else path.suffixes[-1:]
    return "".join(suffixes).lower()


def _uuid7() -> uuid.UUID:
    """Time-ordered, so that a listing of the folder is in order of arrival."""
    bits = (time.time_ns() // 1_000_000 << 80) | (uuid.uuid4().int & ((1 << 80) - 1))
    return uuid.UUID(int=bits & ~(0xF << 76) | 0x7 << 76)
