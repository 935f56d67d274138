"""The command as a user runs it, in this process; and a worker, in a thread."""

import logging
import threading
from dataclasses import dataclass

import psycopg
import pytest
import structlog

from cli.main import main
from jobs.runs import run_next
from workers.kinds import KINDS


@dataclass
class Result:
    code: int
    out: str
    err: str

    @property
    def error_lines(self):
        return self.err.splitlines()


@pytest.fixture
def trunkline(monkeypatch, capsys, tmp_path):
    """Runs ``trunkline WORDS`` in an environment that names nothing but ``variables``."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    loggers = structlog.get_config()

    def run(*words, **variables):
        for name in ("DATABASE_URL", "REDIS_URL"):
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(f"TRUNKLINE_{name}", raising=False)
        monkeypatch.setenv("TRUNKLINE_STATE_DIR", str(tmp_path / "state"))
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        captured = capsys.readouterr()
        return Result(ended.value.code, captured.out, captured.err)

    yield run
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**loggers)


@pytest.fixture
def here(trunkline, database_url):
    """``trunkline`` on the test's own migrated database."""

    def run(*words, **variables):
        return trunkline(*words, **{"DATABASE_URL": database_url, **variables})

    return run


@pytest.fixture
def worker(database, settings):
    """Does every run that is enqueued, as a worker process would."""
    stopping = threading.Event()
    ready = threading.Event()

    def work():
        with psycopg.connect(settings.direct_url, autocommit=True) as connection:
            connection.execute("LISTEN trunkline")
            ready.set()
            while not stopping.is_set():
                while run_next(database, settings, KINDS).worked:
                    pass
                for _ in connection.notifies(timeout=0.2, stop_after=1):
                    pass

    thread = threading.Thread(target=work)
    thread.start()
    assert ready.wait(10)
    yield
    stopping.set()
    thread.join(10)
