import json

import pytest

from standalone.running_stack import RunningStack, write_stack
from standalone.state import hold_state


@pytest.fixture
def stack(tmp_path, database_url, redis_url):
    """A stack that says it runs in the command's state folder."""
    with hold_state(tmp_path / "state") as folder:
        running = RunningStack(
            state_dir=str(folder),
            supervisor_pid=1,
            pids={},
            database_url=database_url,
            redis_url=redis_url,
            sms_gateway_url="http://127.0.0.1:9",
            sms_gateway_token="it's secret",
        )
        write_stack(folder, running)
        yield running


def test_env_prints_what_a_shell_can_read(trunkline, stack):
    lines = trunkline("env").out.splitlines()
    assert lines[:2] == [f"DATABASE_URL={stack.database_url}", f"REDIS_URL={stack.redis_url}"]
    assert lines[-1] == """SMS_GATEWAY_TOKEN='it'"'"'s secret'"""
    assert json.loads(trunkline("env", "--json").out)["SMS_GATEWAY_TOKEN"] == "it's secret"


def test_no_stack_is_one_line(trunkline):
    result = trunkline("env")
    assert (result.code, len(result.error_lines), result.out) == (3, 1, "")
    assert "trunkline up" in result.err


def test_commands_find_the_running_stack(trunkline, stack):
    assert trunkline("tenants", "list").code == 0


def test_the_environment_wins_over_the_stack(trunkline, stack):
    elsewhere = "postgresql://127.0.0.1:1/elsewhere"
    result = trunkline("tenants", "list", DATABASE_URL=elsewhere)
    assert result.code == 3
    assert "elsewhere" in result.err
    doctor = json.loads(trunkline("doctor", "--json", DATABASE_URL=elsewhere).out)
    # Another ledger's Redis is none.
    found = {check["check"]: check["found"] for check in doctor["checks"]}
    assert "REDIS_URL is not set" in found["broker"]


def test_the_demo_refuses_a_stack_with_a_real_gateway(trunkline, stack):
    result = trunkline("demo", "--once")
    assert (result.code, len(result.error_lines)) == (2, 1)
    assert "not the simulator" in result.err
