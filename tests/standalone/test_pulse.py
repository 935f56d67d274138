import os
import signal

import pytest
from structlog.testing import capture_logs

from standalone.processes import await_ready, spawn, stop
from standalone.pulse import Pulse
from standalone.valkey import EmbeddedValkey
from tests.waiting import wait_until


@pytest.fixture
def valkey(state_dir):
    spec = EmbeddedValkey(state_dir, log=state_dir / "logs" / "valkey.log").child()
    process = spawn(spec)
    await_ready(spec, process)
    yield spec, process
    os.kill(process.pid, signal.SIGCONT)
    stop(spec, process)


def test_a_frozen_server_is_told_of_once_and_again_when_it_answers(valkey):
    spec, process = valkey
    pulse = Pulse([spec])
    with capture_logs() as logged:
        pulse.feel()
        os.kill(process.pid, signal.SIGSTOP)
        for _ in range(3):
            pulse.feel()
        os.kill(process.pid, signal.SIGCONT)
        wait_until(spec.is_ready)
        pulse.feel()
    assert [(entry["event"], entry["process"]) for entry in logged] == [
        ("does not answer", "valkey"),
        ("answers again", "valkey"),
    ]


def test_it_is_felt_again_and_again_until_the_block_ends(valkey):
    spec, process = valkey
    os.kill(process.pid, signal.SIGSTOP)
    with capture_logs() as logged, Pulse([spec]).felt(interval_s=0.01):
        wait_until(lambda: logged)
    assert logged[0]["log_level"] == "warning"
