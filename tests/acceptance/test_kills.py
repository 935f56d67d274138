"""Whatever is killed in the middle of 20,000 due steps: nothing lost, nothing done twice."""

import contextlib
import itertools
import os
import signal
import time

import psycopg
import pytest
import redis

from tests.jobs.journeys.journeys import enrolled
from tests.standalone.waiting import child_pids
from tests.timing import quickest
from tests.waiting import wait_until

pytestmark = pytest.mark.acceptance

CONTACTS = 20_000
PATIENCE_S = 120
TAKEN_UP_S = 2
_numbers = itertools.count(1)

# A quarter of the contacts gets a message, all others a change: every kind of effect is under way.
JOURNEY = {
    "journey": "kills",
    "start": "which",
    "nodes": {
        "which": {
            "type": "condition",
            "branches": [
                {"when": {"field": "phone_number", "op": "contains", "value": digit}, "next": "sms"}
                for digit in ("77", "33")
            ],
            "default": "mark",
        },
        "sms": {"type": "send_sms", "body": "Hello {{ phone_number }}", "next": "done"},
        "mark": {"type": "update_contact", "add_tags": ["seen"], "next": "done"},
        "done": {"type": "end"},
    },
}


class Run:
    """20,000 contacts of a tenant of their own, all due at once, in batches slow enough to hit."""

    def __init__(self, stack):
        self.stack = stack
        self._keys_before = keys_received(stack)
        slug = f"kills-{next(_numbers)}"
        self.tenant_id, _ = enrolled(stack.database, CONTACTS, slug=slug, raw=JOURNEY, node="which")

    def done(self):
        ((count,),) = self.stack.query(
            "SELECT count(*) FROM journey_node_executions WHERE tenant_id = %s", self.tenant_id
        )
        return count

    def in_the_middle(self):
        """Wait until steps are done, steps are due, and some are in a worker's hands."""
        wait_until(lambda: self.done() >= CONTACTS / 10)
        return wait_until(lambda: list(itertools.chain(*self.held().values())))

    def held(self, *, stuck=False):
        """Pid of each worker process → ids of the steps that its open transactions have locked.

        ``stuck``: those alone in which the server has nothing to do before the process does.
        """
        rows = self.stack.query(
            "SELECT a.application_name, array_agg(p.id) FROM pending_executions p"
            " JOIN pg_stat_activity a ON a.backend_xid = p.xmax"
            " WHERE p.tenant_id = %s AND a.datname = current_database()"
            " AND a.application_name LIKE 'trunkline-%%'"
            " AND (NOT %s OR a.state = 'idle in transaction' OR a.wait_event_type = 'Client')"
            " GROUP BY 1",
            self.tenant_id,
            stuck,
        )
        return {int(name.rpartition("-")[2]): steps for name, steps in rows}

    def catch(self):
        """(pid, steps) of a worker process that is frozen with these in its hands: it can neither
        commit nor give them back.
        """
        wait_until(lambda: self.done() >= CONTACTS / 10)
        return wait_until(self._freeze)

    def _freeze(self):
        for pid in self.held():
            os.kill(pid, signal.SIGSTOP)
            with contextlib.suppress(AssertionError):  # it had committed before
                return pid, wait_until(lambda: self.held(stuck=True).get(pid), timeout_s=2)  # noqa: B023
            os.kill(pid, signal.SIGCONT)
        return None

    def undone(self, steps):
        ((count,),) = self.stack.query(
            "SELECT count(*) FROM unnest(%s::bigint[]) AS s (id) WHERE NOT EXISTS (SELECT FROM"
            " journey_node_executions x WHERE x.tenant_id = %s AND x.id = s.id)",
            steps,
            self.tenant_id,
        )
        return count

    def messages(self, status):
        rows = self.stack.query(
            "SELECT id::text FROM messages WHERE tenant_id = %s AND status = %s",
            self.tenant_id,
            status,
        )
        return {key for (key,) in rows}

    def received(self):
        """Idempotency key → times posted, of every message that the gateway took since."""
        return {
            key: count
            for key, count in keys_received(self.stack).items()
            if key not in self._keys_before
        }

    def check(self):
        """Wait for the end, then: each step once, each message sent, and received under its key."""
        wait_until(self._finished, timeout_s=PATIENCE_S, every_s=0.1)
        query, tenant_id = self.stack.query, self.tenant_id
        assert query(
            "SELECT status, count(*) FROM journey_contacts WHERE tenant_id = %s GROUP BY 1",
            tenant_id,
        ) == [("COMPLETED", CONTACTS)]
        assert query(
            "SELECT count(*), count(DISTINCT (journey_contact_id, node_id)),"
            " count(*) FILTER (WHERE status = 'COMPLETED')"
            " FROM journey_node_executions WHERE tenant_id = %s",
            tenant_id,
        ) == [(3 * CONTACTS,) * 3]
        asked = query(
            "SELECT count(*) FROM journey_node_executions x JOIN journey_nodes n"
            " ON n.tenant_id = x.tenant_id AND n.id = x.node_id"
            " WHERE x.tenant_id = %s AND n.key = 'sms'",
            tenant_id,
        )
        sent = self.messages("SENT")
        assert asked == [(len(sent),)]
        assert set(self.received()) == sent

    def _finished(self):
        try:
            return self.stack.query(
                "SELECT (SELECT count(*) FROM pending_executions WHERE tenant_id = %s),"
                " (SELECT count(*) FROM messages WHERE tenant_id = %s AND status <> 'SENT')",
                self.tenant_id,
                self.tenant_id,
            ) == [(0, 0)]
        except psycopg.OperationalError:  # Postgres is on its way back
            return False


def keys_received(stack):
    """Idempotency key → times posted, of every message the gateway ever took."""
    received, after = {}, ""
    while after is not None:
        page = stack.gateway.get("/messages", params={"after": after, "limit": 10_000}).json()
        received |= {message["key"]: message["count"] for message in page["messages"]}
        after = page["next"]
    return received


@pytest.fixture
def run(stack):
    wait_until(lambda: workers_complete(stack), timeout_s=30)
    stack.query(
        "CREATE OR REPLACE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_sleep(0.2); RETURN NULL; END $$"
    )
    stack.query(
        "CREATE OR REPLACE TRIGGER slowly AFTER INSERT ON journey_node_executions"
        " FOR EACH STATEMENT EXECUTE FUNCTION slowly()"
    )
    yield Run(stack)
    stack.query("DROP TRIGGER slowly ON journey_node_executions")


def workers_complete(stack):
    """Every worker process is there and talks to the database."""
    processes = stack.worker_processes()
    return len(processes) == stack.settings.worker_processes and set(processes) <= stack.connected()


def kill_process(stack, pid):
    os.kill(pid, signal.SIGKILL)


def kill_master(stack, pid):
    """The process dies with it, frozen or not."""
    masters = stack.worker_masters().values()
    os.kill(next(master for master in masters if pid in child_pids(master)), signal.SIGKILL)


@pytest.mark.parametrize("kill", [kill_process, kill_master])
def test_killed_worker(stack, run, kill, record_property):
    complete_s = []

    def taken_up_s():
        victim, held = run.catch()
        assert run.undone(held) == len(held)
        kill(stack, victim)
        killed_at = time.monotonic()
        wait_until(lambda: run.undone(held) == 0)
        took = time.monotonic() - killed_at
        wait_until(
            lambda: workers_complete(stack) and victim not in stack.worker_processes(), timeout_s=30
        )
        complete_s.append(time.monotonic() - killed_at)
        return took

    record_property("taken_up_s", round(quickest(taken_up_s, within=TAKEN_UP_S, tries=3), 2))
    record_property("complete_s", round(min(complete_s), 2))
    run.check()


def test_killed_senders(stack, run):
    """Every sender dies after the gateway took messages and before it said so."""
    stack.gateway.post("/faults", json={"delay_ms": 4000}).raise_for_status()
    under_way = wait_until(lambda: run.messages("SENDING") & set(run.received()))
    killed = stack.worker_processes()
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    assert not under_way & run.messages("SENT")
    stack.gateway.post("/faults", json={}).raise_for_status()

    run.check()

    received = run.received()
    assert {received[key] for key in under_way} == {2}
    assert not set(killed) & set(stack.worker_processes())


def test_killed_schedulers(stack, run):
    run.in_the_middle()
    for name in ("scheduler-1", "scheduler-2"):
        os.kill(stack.pids[name], signal.SIGKILL)
    run.check()


def test_flushed_redis(stack, run):
    held = run.in_the_middle()
    with redis.Redis.from_url(stack.settings.require("redis_url")) as client:
        client.flushall()
    wait_until(lambda: run.undone(held) == 0)  # what was under way needs no ring
    before = run.done()
    assert before < 3 * CONTACTS
    wait_until(lambda: run.done() > before, timeout_s=10)
    run.check()


def test_killed_redis(stack, run):
    run.in_the_middle()
    os.kill(stack.pids["valkey"], signal.SIGKILL)
    run.check()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_restarted_postgres(stack, run, how):
    run.in_the_middle()
    os.kill(stack.pids["postgres"], how)
    run.check()
