"""What a Postgres that was killed leaves on its data, and how the next one gets past it."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from standalone.state import StandaloneError

_SHUTDOWN_PATIENCE_S = 15
_KILL_PATIENCE_S = 5
_LOOK_AGAIN_S = 0.01
_PROC = Path("/proc")


def await_end_of_old_server(data_dir: Path) -> None:
    """After kill -9 of a stack its Postgres shuts down by itself; that may still be under way.

    Raises:
        StandaloneError: it is still there after 15 s.
    """
    deadline = time.monotonic() + _SHUTDOWN_PATIENCE_S
    while (pid := _pid_in_file(data_dir)) and _serves(pid, data_dir):
        if time.monotonic() > deadline:
            raise StandaloneError(f"another Postgres (pid {pid}) runs on {data_dir}")
        time.sleep(_LOOK_AGAIN_S)


def clear_remains(data_dir: Path) -> None:
    """Make way for a start after kill -9 of the postmaster; a live one is left alone.

    - Postgres won't start while the pid in its file lives, though by now it may be another
      program; that file is removed. Where the pid doesn't live the file stays: Postgres then
      looks for what the old server left.
    - Nor will it while a backend of the old server lives, and one that is busy with a statement
      doesn't see that its postmaster is gone: those are killed, as the postmaster would have done.
    """
    pid = _pid_in_file(data_dir)
    if pid is None or _serves(pid, data_dir):
        return
    if _lives(pid):
        (data_dir / "postmaster.pid").unlink(missing_ok=True)
    deadline = time.monotonic() + _KILL_PATIENCE_S
    while (backends := _backends(data_dir)) and time.monotonic() < deadline:
        for backend in backends:
            with suppress(ProcessLookupError):
                os.kill(backend, signal.SIGKILL)
        time.sleep(_LOOK_AGAIN_S)


def _pid_in_file(data_dir: Path) -> int | None:
    try:
        return int((data_dir / "postmaster.pid").read_text().split()[0])
    except (FileNotFoundError, NotADirectoryError, ValueError, IndexError):
        return None


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _serves(pid: int, data_dir: Path) -> bool:
    """Whether process ``pid`` is a Postgres on ``data_dir``: all of them work in their data."""
    if not (_PROC / "self").exists():
        return _lives(pid)  # no way to know more here
    try:
        return (_PROC / str(pid) / "cwd").readlink() == data_dir.resolve()
    except OSError:
        return False


def _backends(data_dir: Path) -> list[int]:
    """The processes on ``data_dir`` that a postmaster started (they carry a title)."""
    found = []
    for folder in _PROC.glob("[0-9]*"):
        pid = int(folder.name)
        with suppress(OSError):
            if _serves(pid, data_dir) and (folder / "cmdline").read_bytes().startswith(
                b"postgres: "
            ):
                found.append(pid)
    return found
