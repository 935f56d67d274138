import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from standalone.servers import temporary_state

ROOT = Path(__file__).parents[2]
_GIVEN_SERVERS = frozenset(
    prefix + name
    for prefix in ("", "TRUNKLINE_")
    for name in ("DATABASE_URL", "DATABASE_DIRECT_URL", "REDIS_URL", "BROKER_URL")
)


@pytest.fixture
def state_dir() -> Iterator[Path]:
    """Where root's unprivileged account can go, unlike pytest's own folders."""
    with temporary_state() as folder:
        yield folder


@pytest.fixture
def run_script() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts Python code in a process of its own; whatever is left at the end is killed.

    It knows of no server but those it starts: a database somebody gave to the suite is left alone.
    """
    started: list[subprocess.Popen[str]] = []

    def start(code: str, *arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            cwd=ROOT,
            env={
                **{name: v for name, v in os.environ.items() if name not in _GIVEN_SERVERS},
                "PYTHONPATH": str(ROOT),
            },
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()
        process.stdout.close()
