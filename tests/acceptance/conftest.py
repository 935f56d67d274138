"""A stack of real processes, started as an operator starts it."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from config.settings import load_settings
from db.engine import Database
from standalone.running_stack import read_stack
from standalone.servers import temporary_state
from tests.standalone.waiting import child_pids
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
READY_S = 60


class Stack:
    """``trunkline up`` in a state folder of its own."""

    def __init__(self, state_dir, process):
        self.state_dir = state_dir
        self._process = process
        wait_until(self._is_up, timeout_s=READY_S)
        running = read_stack(state_dir)
        self.settings = load_settings(
            database_url=running.database_url,
            redis_url=running.redis_url,
            state_dir=state_dir,
            sms_gateway_url=running.sms_gateway_url,
        )
        self.database = Database(self.settings, min_size=1, max_size=4)
        self.gateway = httpx.Client(
            base_url=running.sms_gateway_url,
            headers={"Authorization": f"Bearer {running.sms_gateway_token}"},
            timeout=30,
        )

    def _is_up(self):
        assert self._process.poll() is None, "trunkline up has ended"
        return read_stack(self.state_dir) is not None

    @property
    def pids(self):
        return read_stack(self.state_dir).pids

    def worker_masters(self):
        return {name: pid for name, pid in self.pids.items() if name.startswith("worker-")}

    def worker_processes(self):
        """Pids of the processes that do the work: the children of the masters."""
        found = []
        for pid in self.worker_masters().values():
            with contextlib.suppress(FileNotFoundError):
                found += child_pids(pid)
        return found

    def query(self, text, *parameters):
        with self.database.transaction() as connection:
            cursor = connection.execute(text, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def connected(self):
        """Pids of processes that hold a connection to the database."""
        rows = self.query("SELECT DISTINCT application_name FROM pg_stat_activity")
        names = (name for (name,) in rows if name.startswith("trunkline-"))
        return {int(name.rpartition("-")[2]) for name in names if name[-1].isdigit()}

    def close(self):
        self.gateway.close()
        self.database.close()


@contextlib.contextmanager
def running_stack(state_dir, **variables):
    """Start ``trunkline up``, yield the Stack, stop it as Ctrl-C does."""
    hidden = ("DATABASE_URL", "REDIS_URL", "TRUNKLINE_DATABASE_URL", "TRUNKLINE_REDIS_URL")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    environment |= {"TRUNKLINE_STATE_DIR": str(state_dir), **variables}
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "up"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        stack = Stack(state_dir, process)
        yield stack
        stack.close()
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


@pytest.fixture(scope="module")
def stack():
    """Its leases are over before a test's patience is."""
    with temporary_state() as folder, running_stack(folder, DELIVERY_LEASE_S="15") as started:
        yield started
