"""Postgres and Valkey alone, as children of this process: what tests and benchmarks need."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from standalone.postgres import EmbeddedPostgres, delete_data
from standalone.processes import await_ready, rotate_log, spawn, stop
from standalone.state import hold_state
from standalone.valkey import EmbeddedValkey


@contextmanager
def embedded_servers(
    state_dir: Path | None = None, *, postgres_options: Mapping[str, str] | None = None
) -> Iterator[tuple[str, str]]:
    """Start both on ``state_dir``, yield (database URL, Redis URL), stop both.

    Without ``state_dir`` the data are thrown away at the end. Call it from the main thread.
    ``postgres_options`` are server settings: ``{"fsync": "off"}`` makes throw-away data faster.

    Raises:
        StandaloneError: they can't be started, or a stack runs in ``state_dir``.
    """
    with ExitStack() as running:
        folder = state_dir or running.enter_context(temporary_state())
        held = running.enter_context(hold_state(folder))
        logs = held / "logs"
        postgres = EmbeddedPostgres(held, options=postgres_options, log=logs / "postgres.log")
        valkey = EmbeddedValkey(held, log=logs / "valkey.log")
        started = []
        for spec in (postgres.child(), valkey.child()):
            if spec.log:
                rotate_log(spec.log)
            process = spawn(spec)
            running.callback(stop, spec, process)
            started.append((spec, process))
        for spec, process in started:
            await_ready(spec, process)
        yield postgres.url, valkey.url


@contextmanager
def temporary_state() -> Iterator[Path]:
    """A state folder that is deleted at the end, with all that servers kept for it elsewhere."""
    folder = Path(tempfile.mkdtemp(prefix="trunkline-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        delete_data(folder)
        shutil.rmtree(folder)
