"""Whatever dies while people call: no call is lost, and every row is right."""

import itertools
import os
import signal
import threading
import time
from functools import partial

import psycopg
import pytest
import redis

from db.engine import DatabaseUnreachableError
from standalone.pbx_calls import Mix
from standalone.servers import temporary_state
from tests.acceptance.conftest import running_stack
from tests.acceptance.processes import LoggingProcess
from tests.jobs.calls.exchange import Exchange
from tests.waiting import wait_until

pytestmark = pytest.mark.acceptance

CALLS = 60
DID = "+15550001111"
PATIENCE_S = 90
OUTCOMES = {"answered": "ANSWERED", "busy": "BUSY", "no_answer": "NO ANSWER"}
_callers = itertools.count(15_551_000_000)


@pytest.fixture(scope="module")
def exchange():
    with Exchange(Mix(ring_s=0.2, talk_s=0.6)) as running:
        yield running


@pytest.fixture(scope="module")
def stack(exchange):
    """A stack with a listener of its own, and a second one beside it."""
    with (
        temporary_state() as folder,
        running_stack(folder, AMI_URLS=exchange.url, CALL_DEBOUNCE_MAX_MS="1000") as started,
    ):
        tenant = "INSERT INTO tenants (slug, name, region, timezone) VALUES ('t', 'T', 'US', 'UTC')"
        started.query(f"WITH t AS ({tenant} RETURNING id) INSERT INTO dids (tenant_id, number)"
                      " SELECT id, %s FROM t", DID)  # fmt: skip
        second = LoggingProcess(
            "listener",
            database_url=started.settings.require("database_url"),
            redis_url=started.settings.require("redis_url"),
            state_dir=folder,
            ami_urls=exchange.url,
        )
        second.wait_for("pbx_connected")
        yield started
        second.stop()


class Calls:
    """Calls that come in evenly over some seconds, in a thread, each with a known outcome."""

    def __init__(self, exchange):
        self.expected = {
            f"+{next(_callers)}": outcome
            for outcome in itertools.islice(itertools.cycle(OUTCOMES), CALLS)
        }
        self._exchange = exchange
        self._thread = threading.Thread(target=self._ring)
        self._thread.start()

    def _ring(self):
        pbx = self._exchange.pbx
        for caller, outcome in self.expected.items():
            pbx.calls.outcome_of[caller] = outcome
            call = partial(pbx.calls.come_in, caller, DID)
            self._exchange.run(lambda call=call: pbx.start(call()))
            time.sleep(0.05)

    def rows(self, stack):
        try:
            rows = stack.query(
                "SELECT from_number, status, disposition, unknown_end FROM call_logs"
                " WHERE from_number = ANY (%s)",
                list(self.expected),
            )
        except (psycopg.OperationalError, DatabaseUnreachableError):
            return {}
        return {row[0]: row[1:] for row in rows}

    def in_the_middle(self, stack):
        wait_until(lambda: len(self.rows(stack)) >= CALLS / 3, timeout_s=PATIENCE_S)

    def check(self, stack):
        wanted = {
            caller: ("ENDED", OUTCOMES[outcome], False) for caller, outcome in self.expected.items()
        }
        self._thread.join()
        try:
            wait_until(lambda: self.rows(stack) == wanted, timeout_s=PATIENCE_S)
        finally:
            found = self.rows(stack)
            wrong = {k: found.get(k) for k in wanted if found.get(k) != wanted[k]}
        assert wrong == {}


@pytest.fixture
def calls(stack, exchange):
    wait_until(lambda: exchange.run(lambda: len(exchange.pbx._sessions)) >= 2)
    return Calls(exchange)


def test_nothing_dies(stack, calls):
    calls.check(stack)


def test_one_listener_of_two_is_killed(stack, calls):
    calls.in_the_middle(stack)
    os.kill(stack.pids["listener-1"], signal.SIGKILL)
    calls.check(stack)


def test_workers_are_killed(stack, calls):
    calls.in_the_middle(stack)
    for pid in stack.worker_processes():
        os.kill(pid, signal.SIGKILL)
    calls.check(stack)


def test_valkey_is_killed(stack, calls):
    calls.in_the_middle(stack)
    os.kill(stack.pids["valkey"], signal.SIGKILL)
    calls.check(stack)


def test_valkey_is_emptied(stack, calls):
    calls.in_the_middle(stack)
    with redis.Redis.from_url(stack.settings.require("redis_url")) as client:
        client.flushall()
    calls.check(stack)


def test_valkey_is_frozen_for_a_while(stack, calls):
    calls.in_the_middle(stack)
    pid = stack.pids["valkey"]
    os.kill(pid, signal.SIGSTOP)
    time.sleep(8)
    os.kill(pid, signal.SIGCONT)
    calls.check(stack)


def test_postgres_is_killed(stack, calls):
    calls.in_the_middle(stack)
    os.kill(stack.pids["postgres"], signal.SIGKILL)
    calls.check(stack)
