"""Child processes that never outlive us: what to run, how to start it, how to stop it."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from standalone.accounts import Account
from standalone.state import StandaloneError

PROBE_INTERVAL_S = 0.02
_SHOWN_LOG_BYTES = 4096
_PR_SET_PDEATHSIG = 1
# Looked up here: in a forked child the dynamic linker's locks may be held by nobody alive.
_PRCTL = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


@dataclass(frozen=True)
class ChildSpec:
    """One process: how to start it, when it is ready, how to stop it."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    """The whole environment; it holds passwords."""
    log: Path | None = None
    """Where its output is appended; None passes it through to ours."""
    account: Account | None = None
    cwd: Path | None = None
    before_start: Callable[[], None] | None = None
    """Called before every start, the restarts too."""
    is_ready: Callable[[], bool] | None = None
    """Asked again and again after the first start; None: ready once it is started."""
    ready_timeout_s: float = 30
    stop_signals: tuple[tuple[signal.Signals, float], ...] = ((signal.SIGTERM, 10),)
    """What it is told in turn, each with the seconds it has; SIGKILL follows the last."""
    death_signal: signal.Signals = signal.SIGKILL
    """What the kernel sends it when we die without stopping it."""


def inherited_environment() -> dict[str, str]:
    """Our environment for a child, without ``PG*``: they would redirect libpq elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}


def open_log(path: Path) -> IO[bytes]:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab")


def rotate_log(path: Path) -> None:
    """Move the log of the last run to ``NAME.log.1``: one run is kept beside the present one."""
    if path.exists() and path.stat().st_size:
        path.replace(path.with_name(f"{path.name}.1"))


def last_lines(path: Path | None, count: int = 5) -> str:
    """The end of a log, put on one line, for a message."""
    if path is None or not path.exists():
        return ""
    text = path.read_bytes()[-_SHOWN_LOG_BYTES:].decode(errors="replace")
    return " | ".join(line.strip() for line in text.splitlines()[-count:])


def spawn(spec: ChildSpec) -> subprocess.Popen[bytes]:
    """Start ``spec`` in a session of its own, bound to our life.

    Only the main thread may: the kernel takes the end of the thread that forked for the end of
    the parent.

    Raises:
        StandaloneError: the program can't be started.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("child processes are started from the main thread only")
    if spec.before_start:
        spec.before_start()
    output = open_log(spec.log) if spec.log else None
    account = spec.account
    try:
        return subprocess.Popen(
            spec.argv,
            env=dict(spec.env),
            cwd=spec.cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if output else None,
            start_new_session=True,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            # Runs between the change of uid, which would clear the setting, and exec. It touches
            # nothing but the C library and getppid, so no lock of another thread is needed.
            preexec_fn=die_with_parent(spec.death_signal),  # noqa: PLW1509
        )
    except OSError as error:
        raise StandaloneError(f"{spec.name} can't be started: {error}") from None
    finally:
        if output:
            output.close()


def die_with_parent(death_signal: signal.Signals) -> Callable[[], None]:
    """What a forked child calls before exec, so that it gets ``death_signal`` when we die.

    Linux only; elsewhere a child whose parent was killed with -9 stays.
    """
    parent = os.getpid()

    def bind() -> None:
        if _PRCTL is not None:
            _PRCTL(_PR_SET_PDEATHSIG, int(death_signal))
            if os.getppid() != parent:  # it died before the line above
                os.kill(os.getpid(), signal.SIGKILL)

    return bind


def has_exited(process: subprocess.Popen[bytes]) -> bool:
    """Whether the process is over; if so, what is left of its process group is killed.

    The group is looked for before the process is reaped: until then its number can't be reused.
    """
    if process.returncode is None:
        try:
            flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
            if os.waitid(os.P_PID, process.pid, flags) is None:
                return False
        except ChildProcessError:
            pass
        kill_group(process.pid)
    return process.poll() is not None


def kill_group(leader: int) -> None:
    with suppress(ProcessLookupError, PermissionError):  # nobody left, or (macOS) only zombies
        os.killpg(leader, signal.SIGKILL)


def await_ready(spec: ChildSpec, process: subprocess.Popen[bytes]) -> None:
    """Block until ``spec.is_ready()``.

    Raises:
        StandaloneError: it ended, or its time was over; the end of its log is in the message.
    """
    deadline = time.monotonic() + spec.ready_timeout_s
    while spec.is_ready and not spec.is_ready():
        if has_exited(process) or time.monotonic() > deadline:
            raise not_ready(spec)
        time.sleep(PROBE_INTERVAL_S)


def not_ready(spec: ChildSpec) -> StandaloneError:
    return StandaloneError(f"{spec.name} did not get ready: {last_lines(spec.log)}".rstrip(": "))


def stop(spec: ChildSpec, process: subprocess.Popen[bytes]) -> None:
    """Stop a process as its spec says and wait until it is gone."""
    for stop_signal, patience_s in spec.stop_signals:
        if process.poll() is not None:
            break
        process.send_signal(stop_signal)
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            continue
    if process.poll() is None:
        kill_group(process.pid)
        process.wait()
