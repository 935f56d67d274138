"""The whole stack on real servers; small idle programs stand for schedulers and workers."""

import json
import os
import signal
import urllib.request
from pathlib import Path

import psycopg
import pytest
import redis

from config.settings import load_settings
from standalone.running_stack import read_stack
from standalone.stack import settings_environment
from tests.standalone.waiting import descendants, wait_gone
from tests.waiting import wait_until

SCRIPT = """
import json, sys, time
from pathlib import Path
from config.logging import configure_logging
from config.settings import load_settings
from standalone.stack import StackOptions, run_stack
from standalone.state import StandaloneError

child = (sys.executable, "-S", "-c",
         "import json, os, signal; print(json.dumps(dict(os.environ)), flush=True)\\n"
         "while True: signal.pause()")
settings = load_settings(state_dir=Path(sys.argv[1]), worker_processes=3, batch_size=17)
configure_logging(settings)

def migrate(located):
    Path(sys.argv[1], "migrated").write_text(located.require("database_url"))

try:
    sys.exit(run_stack(
        settings,
        before_workers=migrate,
        on_ready=lambda stack: print("ready", flush=True),
        options=StackOptions(scheduler=lambda: child, worker=lambda _: child,
                             postgres_options={"fsync": "off"}),
    ))
except StandaloneError as error:
    print(error, flush=True)
    sys.exit(1)
"""

NAMES = [
    *("postgres", "valkey", "sms-gateway", "scheduler-1", "scheduler-2"),
    *("worker-1", "worker-2", "worker-3"),
]


@pytest.fixture
def start(run_script, state_dir):
    def start_stack():
        process = run_script(SCRIPT, state_dir)
        said = process.stdout.readline().strip()
        return process, said

    return start_stack


def test_a_stack_runs_is_found_and_stops(start, state_dir):
    process, said = start()
    assert said == "ready"
    stack = read_stack(state_dir)
    assert list(stack.pids) == NAMES
    assert stack.supervisor_pid == process.pid
    assert (state_dir / "stack.json").stat().st_mode & 0o777 == 0o600

    with psycopg.connect(stack.database_url) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("trunkline",)
    with redis.Redis.from_url(stack.redis_url) as client:
        assert client.ping()
    request = urllib.request.Request(
        f"{stack.sms_gateway_url}/report",
        headers={"Authorization": f"Bearer {stack.sms_gateway_token}"},
    )
    with urllib.request.urlopen(request) as answer:
        assert json.load(answer) == {"received": 0, "repeats": 0}

    assert (state_dir / "migrated").read_text() == stack.database_url
    logged = (state_dir / "logs" / "worker-2.log").read_text
    wait_until(lambda: logged().endswith("\n"))
    environment = json.loads(logged())
    assert stack.environment().items() <= environment.items()
    assert environment["TRUNKLINE_BATCH_SIZE"] == "17"
    assert Path(environment["TRUNKLINE_STATE_DIR"]) == state_dir
    assert "PATH" in environment
    assert not [name for name in environment if name.startswith("PG")]

    _, refused = start()
    assert refused == f"a stack already runs in {state_dir}: stop it first"

    below = descendants(process.pid)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    wait_gone(below, 0.5)
    assert read_stack(state_dir) is None
    assert not (state_dir / "stack.json").exists()


def test_every_killed_child_comes_back_under_a_pid_that_is_written_down(start, state_dir):
    process, _ = start()
    before = read_stack(state_dir)
    for pid in before.pids.values():
        os.kill(pid, signal.SIGKILL)
    wait_gone(before.pids.values())

    def all_new():
        now = read_stack(state_dir).pids
        return list(now) == NAMES and not set(now.values()) & set(before.pids.values())

    wait_until(all_new)

    def answers():
        try:
            psycopg.connect(before.database_url, connect_timeout=2).close()
            with redis.Redis.from_url(before.redis_url, retry=None) as client:
                return client.ping()
        except (psycopg.OperationalError, redis.RedisError):
            return False

    wait_until(answers)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0


def test_kill_9_of_the_stack_leaves_nothing_and_the_next_start_finds_its_data(start, state_dir):
    process, _ = start()
    first = read_stack(state_dir)
    below = descendants(process.pid)
    with psycopg.connect(first.database_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
    process.kill()
    process.wait()
    assert read_stack(state_dir) is None  # though the file is there

    again, said = start()  # at once, while the old Postgres may be shutting down
    assert said == "ready"
    wait_gone(below, 0.5)
    second = read_stack(state_dir)
    with psycopg.connect(second.database_url) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (1,)
    again.send_signal(signal.SIGINT)
    assert again.wait(30) == 0


def test_ctrl_c_of_a_start_leaves_nothing(run_script, state_dir):
    hanging = SCRIPT.replace(
        "def migrate(located):",
        "def migrate(located):\n    print('migrating', flush=True)\n    time.sleep(600)",
    )
    process = run_script(hanging, state_dir)
    assert process.stdout.readline() == "migrating\n"
    below = descendants(process.pid)
    assert below
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    wait_gone(below, 0.5)


def test_children_read_exactly_the_settings_of_the_stack(monkeypatch, tmp_path):
    monkeypatch.setenv("TRUNKLINE_DATABASE_URL", "postgresql://elsewhere/x")
    monkeypatch.setenv("PGHOST", "elsewhere")
    monkeypatch.setenv("TICK_MS", "250")
    settings = load_settings(state_dir=tmp_path, database_url="postgresql://here/x")
    environment = settings_environment(settings)
    assert environment["DATABASE_URL"] == "postgresql://here/x"
    assert "TRUNKLINE_DATABASE_URL" not in environment
    assert "PGHOST" not in environment
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert load_settings() == settings


def test_no_stack_in_a_folder_that_never_had_one(tmp_path):
    assert read_stack(tmp_path) is None
    assert read_stack(tmp_path / "missing") is None
