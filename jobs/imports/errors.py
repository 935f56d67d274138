"""What keeps a file from being imported."""

import errno
import os
import stat
from pathlib import Path

from jobs.runs import DefiniteError


class UnreadableFileError(DefiniteError):
    """The file is not what it should be; the text is one sentence that names it."""


class TooMuchError(DefiniteError):
    """More than the tenant may import; the text is one sentence that says what and how much."""


def unreadable(filename: str, error: OSError) -> UnreadableFileError:
    """What the system says of a file, as a sentence."""
    return UnreadableFileError(
        f"{filename}: can't be read: {(error.strerror or str(error)).lower()}"
    )


def insist_on_regular(path: Path, filename: str) -> None:
    """Refuse what isn't read twice alike, or not to an end: a pipe, a terminal, a device.

    Raises:
        UnreadableFileError: it is such.
        OSError: it isn't there, or is a folder.
    """
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise UnreadableFileError(f"{filename}: can't be read: not a regular file")
