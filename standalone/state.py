"""The state folder of one stack: who holds it, and the small private files kept in it."""

import fcntl
import json
import os
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from standalone.ports import free_port, is_free

_LOCK = "lock"
# A reader that asks whether the lock is held has it itself for an instant; a second stack keeps
# it. So the one who wants it asks again for this long before it says no.
_LOCK_PATIENCE_S = 0.3
_LOCK_RETRY_S = 0.03


class StandaloneError(Exception):
    """The stack on this machine can't be started; one line says why."""


@contextmanager
def hold_state(state_dir: Path) -> Iterator[Path]:
    """Create ``state_dir`` if need be and hold its lock; yields the resolved folder.

    The kernel frees the lock with the process, also after kill -9. Children don't inherit it.
    The folder itself may be traversed by all (0711), as the uid Postgres runs under must reach
    its data; every file and folder in it is private.

    Raises:
        StandaloneError: another live process holds it, or it is no folder we may write to.
    """
    state_dir = state_dir.resolve()
    _create(state_dir)
    descriptor = _open_lock(state_dir)
    try:
        deadline = time.monotonic() + _LOCK_PATIENCE_S
        while not _try_lock(descriptor):
            if time.monotonic() > deadline:
                raise StandaloneError(f"a stack already runs in {state_dir}: stop it first")
            time.sleep(_LOCK_RETRY_S)
        yield state_dir
    finally:
        os.close(descriptor)


def _create(state_dir: Path) -> None:
    try:
        if not state_dir.exists():
            state_dir.mkdir(parents=True, exist_ok=True)
            state_dir.chmod(0o711)
        elif not state_dir.is_dir():
            raise StandaloneError(f"STATE_DIR={state_dir} is a file, not a folder")
    except OSError as error:
        raise StandaloneError(
            f"STATE_DIR={state_dir} can't be made: {error.strerror or error}"
        ) from None


def is_state(state_dir: Path) -> bool:
    """Whether a stack has ever held ``state_dir``."""
    return (state_dir / _LOCK).is_file()


def is_held(state_dir: Path) -> bool:
    """Whether a live process holds the lock of ``state_dir``."""
    try:
        if not (state_dir / _LOCK).exists():
            return False
    except PermissionError:
        raise StandaloneError(_unusable(state_dir)) from None
    descriptor = _open_lock(state_dir)
    try:
        return not _try_lock(descriptor)
    finally:
        os.close(descriptor)


def _open_lock(state_dir: Path) -> int:
    try:
        return os.open(state_dir / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:  # deleted this very moment
        raise
    except OSError as error:
        raise StandaloneError(_unusable(state_dir, error.strerror)) from None


def _unusable(state_dir: Path, reason: str | None = None) -> str:
    """Why nothing can be opened in ``state_dir``, as far as one can see."""
    try:
        if state_dir.stat().st_uid != os.geteuid():
            return f"STATE_DIR={state_dir} belongs to another user"
    except OSError:
        pass
    return f"STATE_DIR={state_dir} can't be used: {reason or 'permission denied'}"


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def write_private(path: Path, text: str) -> None:
    """Replace ``path`` by ``text`` in one step: mode 0600, never seen half written."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@dataclass(frozen=True)
class Identity:
    """What a server keeps from one start to the next, so that its URL stays the same."""

    port: int
    password: str
    home: str | None = None
    """Folder of the server's data, where that isn't the state folder itself."""

    def save(self, path: Path) -> None:
        write_private(path, json.dumps(asdict(self)))


def load_identity(path: Path) -> Identity | None:
    """The identity kept in ``path``, or None if there is none that can be read."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return Identity(int(kept["port"]), str(kept["password"]), kept.get("home"))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    except PermissionError:
        raise StandaloneError(f"{path} belongs to another user") from None


def keep_identity(path: Path, *, home: str | None = None) -> Identity:
    """The identity kept in ``path`` with a port that is free now; a new one on the first call."""
    kept = load_identity(path)
    identity = Identity(
        port=kept.port if kept and is_free(kept.port) else free_port(),
        password=kept.password if kept else secrets.token_urlsafe(24),
        home=home or (kept.home if kept else None),
    )
    if identity != kept:
        identity.save(path)
    return identity
