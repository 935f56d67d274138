"""The demo for real: servers, scheduler and workers started, everything counted."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from standalone.running_stack import read_stack
from standalone.servers import temporary_state
from standalone.state import is_held
from tests.waiting import wait_until

pytestmark = pytest.mark.acceptance

ROOT = Path(__file__).resolve().parents[2]
CONTACTS = 500


@pytest.fixture(scope="module")
def state_dir():
    with temporary_state() as folder:
        yield folder


def start_demo(state_dir, *words):
    hidden = ("DATABASE_URL", "REDIS_URL", "TRUNKLINE_DATABASE_URL", "TRUNKLINE_REDIS_URL")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    return subprocess.Popen(
        [sys.executable, "-m", "cli.main", "demo", "--contacts", str(CONTACTS), *words],
        cwd=ROOT,
        env={**environment, "TRUNKLINE_STATE_DIR": str(state_dir)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def demo(state_dir, *words):
    """Run it to its end: (exit code, stdout, stderr)."""
    process = start_demo(state_dir, *words)
    out, err = process.communicate(timeout=200)
    return process.returncode, out, err


def test_the_gateway_gets_what_the_database_says(state_dir):
    code, out, err = demo(state_dir, "--once", "--json")
    assert (code, err) == (0, "")
    summary = json.loads(out)
    assert summary["ok"]
    assert len({tenant["timezone"] for tenant in summary["tenants"]}) == 2
    contacts, messages = summary["contacts"], summary["messages"]
    assert contacts["imported"] == contacts["through"] == CONTACTS
    assert contacts["rejected"] == sum(contacts["rejected_reasons"].values()) > 0
    assert contacts["duplicates"] > 0
    assert summary["steps"]["failed"] == 0
    assert CONTACTS < messages["sent"] < 2 * CONTACTS  # one branch sends no second message
    assert summary["gateway"]["received"] == messages["sent"]
    assert summary["gateway"]["exact"]
    assert 0 < summary["batches"]["statements_max"] <= 12
    assert summary["duration_s"] > 0
    assert read_stack(state_dir) is None


def test_a_second_run_on_kept_data_ends_without_a_terminal(state_dir):
    code, out, err = demo(state_dir)
    assert (code, err) == (0, "")
    assert "the same messages, each once" in out
    assert read_stack(state_dir) is None


def test_a_demo_out_of_time_says_what_is_missing(state_dir):
    code, out, err = demo(state_dir, "--once", "--json", "--timeout", "1")
    assert (code, out) == (1, "")
    (line,) = err.splitlines()
    assert "not done after 1 s" in line
    assert f"of {CONTACTS} contacts imported" in line


@pytest.mark.parametrize(("told", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_the_stack_ends_with_the_demo_however_that_ends(state_dir, told, code):
    process = start_demo(state_dir)
    stack = wait_until(lambda: read_stack(state_dir), timeout_s=60)
    process.send_signal(told)
    process.communicate(timeout=60)
    assert process.returncode == code
    wait_until(lambda: not is_held(state_dir), timeout_s=60)
    left = [pid for pid in stack.pids.values() if Path(f"/proc/{pid}").exists()]
    assert left == []
