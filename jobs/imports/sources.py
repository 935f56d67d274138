"""What a file holds, by its content: plain text, text in a gzip or zip archive, or a workbook."""

import contextlib
import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, cast

from jobs.imports.errors import UnreadableFileError

# More than an import is given; what unpacks to more was made to fill somebody's disk.
MOST_UNPACKED_BYTES = 2 << 30
# Contacts shrink to a fifth or a tenth. Small files may shrink to nothing.
_MOST_RATIO = 200
_HARMLESS_BYTES = 16 << 20
_GZIP = b"\x1f\x8b"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_ENCRYPTED = 0x1
_BROKEN = (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError, NotImplementedError)

Form = Literal["text", "gzip", "zip", "xlsx"]


@dataclass(frozen=True)
class Source:
    """Where a file's text is; ``name``: what errors call it, ``member``: an archive's only file."""

    path: Path
    name: str
    form: Form
    member: str = ""

    @contextlib.contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Its bytes, unpacked as they are read, and only up to the limits.

        Raises:
            UnreadableFileError: while it is read: the archive is damaged, or a bomb.
            OSError: the file can't be read.
        """
        with self.path.open("rb") as file:
            if self.form == "gzip":
                packed = file.seek(0, io.SEEK_END)
                file.seek(0)
                with gzip.GzipFile(fileobj=file) as unpacked:
                    yield _buffered(_Unpacked(unpacked, self.name, packed))
            elif self.form == "zip":
                with zipfile.ZipFile(file) as archive:
                    info = archive.getinfo(self.member)
                    with archive.open(info) as unpacked:
                        member = cast("zipfile.ZipExtFile", unpacked)
                        yield _buffered(_Unpacked(member, self.name, info.compress_size))
            else:
                yield file


def find_source(path: Path, name: str) -> Source:
    """Look at a file's first bytes, whatever it is called.

    Raises:
        UnreadableFileError: it is an archive of none or of several files, or one that is locked.
        OSError: it can't be read.
    """
    with path.open("rb") as file:
        head = file.read(4)
    if head.startswith(_GZIP):
        return Source(path, name, "gzip")
    if head not in _ZIP:
        return Source(path, name, "text")
    try:
        with zipfile.ZipFile(path) as archive:
            return _in_archive(path, name, archive.infolist())
    except _BROKEN as error:
        raise UnreadableFileError(f"{name}: the zip archive is damaged (line 1)") from error


def _in_archive(path: Path, name: str, infos: list[zipfile.ZipInfo]) -> Source:
    names = {info.filename for info in infos}
    if "[Content_Types].xml" in names and "xl/workbook.xml" in names:
        return Source(path, name, "xlsx")
    if "xl/workbook.bin" in names or "mimetype" in names:
        raise UnreadableFileError(
            f"{name}: this kind of spreadsheet can't be read (line 1): save it as .xlsx or .csv"
        )
    files = [info for info in infos if not info.is_dir() and not _is_litter(info.filename)]
    if len(files) != 1:
        raise UnreadableFileError(
            f"{name}: the zip archive holds {len(files) or 'no'} files (line 1): pack one alone"
        )
    if files[0].flag_bits & _ENCRYPTED:
        raise UnreadableFileError(f"{name}: the zip archive is locked by a password (line 1)")
    insist_on_size(name, files[0].compress_size, files[0].file_size)
    return Source(path, name, "zip", files[0].filename)


def _is_litter(member: str) -> bool:
    """What systems put into archives without being asked."""
    parts = member.split("/")
    return parts[0] == "__MACOSX" or parts[-1] in {".DS_Store", "Thumbs.db", "desktop.ini"}


def insist_on_size(name: str, packed: int, unpacked: int) -> None:
    """Refuse what was made to fill a disk; ``packed`` and ``unpacked`` are bytes.

    Raises:
        UnreadableFileError: it is too large, or too large for what it was packed to.
    """
    if unpacked > MOST_UNPACKED_BYTES:
        limit = f"{MOST_UNPACKED_BYTES >> 30} GiB"
        raise UnreadableFileError(f"{name}: unpacked, it has more than {limit} (line 1)")
    if unpacked > _HARMLESS_BYTES and unpacked > _MOST_RATIO * packed:
        raise UnreadableFileError(
            f"{name}: unpacked, it has more than {_MOST_RATIO} times its size (line 1)"
        )


class _Unpacked(io.RawIOBase):
    """Unpacks no more than the limits, and says where an archive is damaged."""

    def __init__(self, file: zipfile.ZipExtFile | gzip.GzipFile, name: str, packed: int) -> None:
        self._file = file
        self._name = name
        self._packed = packed
        self._unpacked = 0
        self._lines = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview[int]") -> int:  # type: ignore[override]
        try:
            data = self._file.read1(len(buffer))  # so that what comes before damage is seen
        except (*_BROKEN, RuntimeError) as error:
            raise UnreadableFileError(
                f"{self._name}: the archive is damaged after line {self._lines:,}"
            ) from error
        self._unpacked += len(data)
        self._lines += data.count(b"\n")
        insist_on_size(self._name, self._packed, self._unpacked)
        buffer[: len(data)] = data
        return len(data)


def _buffered(raw: io.RawIOBase) -> BinaryIO:
    return io.BufferedReader(raw, 1 << 18)
