"""Files kept behind a URL, for workers on several machines: whatever fsspec has a driver for."""

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import fsspec

from config.settings import ConfigError
from jobs.imports.errors import UnreadableFileError, unreadable

_BLOCK = 1 << 20


def is_remote(file: str) -> bool:
    return "://" in file and not file.startswith("file://")


class RemoteFolder:
    """Raises ConfigError where its URL needs a driver that is not installed."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._system, self._path = _opened(url)

    def put(self, source: BinaryIO, name: str) -> str:
        """Copy what ``source`` has left to a file of that name; its URL.

        The stores that such URLs lead to show a file once it is whole.
        """
        try:
            copy = self._system.open(f"{self._path}/{name}", "wb")
        except FileNotFoundError:  # stores of objects have no folders to make
            self._system.makedirs(self._path, exist_ok=True)
            copy = self._system.open(f"{self._path}/{name}", "wb")
        with copy:
            shutil.copyfileobj(source, copy, _BLOCK)
        return f"{self._url}/{name}"

    def delete(self, name: str) -> None:
        """No error if it isn't there."""
        with contextlib.suppress(FileNotFoundError):
            self._system.rm_file(f"{self._path}/{name}")

    def older_than(self, moment: float) -> Iterator[str]:
        """Names of the files last written before ``moment``, in seconds since 1970."""
        self._system.invalidate_cache()  # of a listing that an earlier look left
        try:
            entries = self._system.ls(self._path, detail=True)
        except FileNotFoundError:
            return
        for entry in entries:
            written = next((w for w in map(entry.get, _WRITTEN) if w is not None), None)
            if entry["type"] == "file" and _seconds(written) < moment:
                yield entry["name"].rpartition("/")[2]


# What drivers call the time of the last write.
_WRITTEN = ("LastModified", "last_modified", "mtime", "updated", "created")


@contextlib.contextmanager
def fetch_remote(url: str, filename: str, on_block: Callable[[], None]) -> Iterator[Path]:
    """A private copy of the file behind a URL, gone when the block ends; see ``kept.fetched``."""
    system, path = _opened(url)
    with tempfile.NamedTemporaryFile(suffix=Path(path).suffix) as copy:
        try:
            with system.open(path, "rb") as source:
                while block := source.read(_BLOCK):
                    copy.write(block)
                    on_block()
        except FileNotFoundError as error:
            raise UnreadableFileError(
                f"{filename}: can't be read: no such file or directory"
            ) from error
        except PermissionError as error:
            raise unreadable(filename, error) from error
        copy.flush()
        yield Path(copy.name)


def _opened(url: str) -> tuple[Any, str]:
    try:
        return fsspec.core.url_to_fs(url)  # type: ignore[no-any-return]
    except (ImportError, ValueError) as error:
        scheme = url.partition("://")[0]
        raise ConfigError(f"FILES_URL: nothing here reads {scheme}:// ({error})") from error


def _seconds(written: Any) -> float:
    """Of a driver that doesn't say when, files are never old."""
    if isinstance(written, datetime):
        return written.timestamp()
    return float(written) if written is not None else float("inf")
