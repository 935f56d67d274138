"""A folder of this machine, or one that several have mounted, in which files are kept."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO


@dataclass(frozen=True)
class LocalFolder:
    """``ours``: made and owned by the product, so nobody else is let in."""

    path: Path
    ours: bool

    def put(self, source: BinaryIO, name: str) -> str:
        """Copy what ``source`` has left to a file of that name, whole or not at all; its path."""
        self._make()
        kept = self.path / name
        begun = kept.with_name(f".{name}.part")
        try:
            with _private(begun) as copy:
                shutil.copyfileobj(source, copy, 1 << 20)
                copy.flush()
                os.fsync(copy.fileno())
            begun.rename(kept)
        except BaseException:
            begun.unlink(missing_ok=True)
            raise
        _sync_folder(self.path)
        return str(kept)

    def delete(self, name: str) -> None:
        """No error if it isn't there."""
        (self.path / name).unlink(missing_ok=True)

    def older_than(self, moment: float) -> Iterator[str]:
        """Names of the files last written before ``moment``, in seconds since 1970."""
        try:
            entries = list(os.scandir(self.path))
        except FileNotFoundError:
            return
        for entry in entries:
            try:
                if entry.is_file(follow_symlinks=False) and entry.stat().st_mtime < moment:
                    yield entry.name
            except FileNotFoundError:  # deleted meanwhile
                continue

    def _make(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.mkdir(mode=0o700, exist_ok=True)
        if self.ours:
            self.path.chmod(0o700)


def _private(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _sync_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
