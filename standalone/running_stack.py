"""What runs on a state folder now: written by the stack, read by every other command."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from standalone.state import StandaloneError, is_held, write_private

_FILE = "stack.json"


@dataclass(frozen=True)
class RunningStack:
    """A stack that is ready."""

    state_dir: str
    supervisor_pid: int
    pids: Mapping[str, int]
    """Name of each process → its pid, as of the last start or restart."""
    database_url: str
    redis_url: str
    sms_gateway_url: str
    sms_gateway_token: str | None

    def environment(self) -> dict[str, str]:
        """The variables with which any Trunkline process, psql or another tool finds the stack."""
        found = {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "SMS_GATEWAY_URL": self.sms_gateway_url,
        }
        if self.sms_gateway_token:
            found["SMS_GATEWAY_TOKEN"] = self.sms_gateway_token
        return found


def read_stack(state_dir: Path) -> RunningStack | None:
    """The stack that runs on ``state_dir``, or None; a file left by a dead one counts as none.

    Raises:
        StandaloneError: it is another user's.
    """
    try:
        if not is_held(state_dir):
            return None
        kept = json.loads((state_dir / _FILE).read_text(encoding="utf-8"))
        return RunningStack(**kept)
    except FileNotFoundError:  # it starts or stops right now
        return None
    except PermissionError:
        raise StandaloneError(f"{state_dir} belongs to another user") from None


def write_stack(state_dir: Path, stack: RunningStack) -> None:
    write_private(state_dir / _FILE, json.dumps(asdict(stack), indent=1))


def remove_stack(state_dir: Path) -> None:
    (state_dir / _FILE).unlink(missing_ok=True)
