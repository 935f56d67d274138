"""A worker is killed between lease and dial: nobody is dialed twice, and nobody waits on."""

import os
import signal

import pytest

from standalone import pbx
from tests.acceptance.processes import LoggingProcess
from tests.factories import make_contacts, make_tenant
from tests.jobs.calls.exchange import Exchange
from tests.standalone.waiting import child_pids, wait_gone
from tests.waiting import wait_until
from workers.bell import ring
from workers.broker import close_broker, make_broker
from workers.queues import CALLS

pytestmark = pytest.mark.acceptance

WORKER = ("dramatiq", "worker", "--processes", "1", "--threads", "2", "--skip-logging")
QUEUE = (
    "INSERT INTO call_queue (tenant_id, contact_id, to_number, callable_until)"
    " SELECT tenant_id, id, phone_number, NULL FROM contacts WHERE id = ANY (%s)"
)
STATES = "SELECT state, outcome, attempts, count(*) FROM call_queue GROUP BY 1, 2, 3 ORDER BY 1, 2"


@pytest.fixture
def start(database_url, redis_settings):
    started = []

    def run(**settings):
        chosen = {"database_url": database_url} | redis_settings | settings
        started.append(LoggingProcess(*WORKER, **chosen))
        started[-1].wait_for("Worker process is ready for action.")
        return started[-1]

    yield run
    for process in started:
        process.kill()


def test_a_call_whose_worker_was_killed_is_not_dialed_again_and_ends_as_none(
    database, settings, redis_settings, start, monkeypatch
):
    broker = make_broker(settings.model_copy(update=redis_settings))

    def execute(text, *parameters):
        with database.transaction() as connection:
            cursor = connection.execute(text, parameters or None)
            return cursor.fetchall() if cursor.description else []

    contacts = make_contacts(database, make_tenant(database), 4)
    execute(QUEUE, contacts[:3])
    asked = []
    with Exchange() as exchange:
        with monkeypatch.context() as patched:
            # Asked, the PBX says nothing: the worker has committed its lease, and waits.
            patched.setattr(pbx._Session, "_originate", lambda _session, call: asked.append(call))
            worker = start(ami_urls=exchange.url, ami_timeout_s=600)
            ring(broker, CALLS)
            wait_until(lambda: len(asked) == 3)
            killed = [worker.pid, *child_pids(worker.pid)]
            for pid in killed:
                os.kill(pid, signal.SIGKILL)
            worker.wait()
            wait_gone(killed[1:])
        assert execute(STATES) == [("DIALING", None, 1, 3)]
        known = {row[0] for row in execute("SELECT channel_id FROM call_queue")}
        assert {call.fields["ChannelId"] for call in asked} == known

        start(ami_urls=exchange.url)
        execute(QUEUE, contacts[3:])
        ring(broker, CALLS)
        wait_until(lambda: exchange.pbx.originated)

        execute("UPDATE call_queue SET lease_until = now() WHERE dialed_at IS NULL"
                " AND contact_id = ANY (%s)", contacts[:3])  # fmt: skip
        ring(broker, CALLS)
        over = ("DONE", "none", 1, 3)
        wait_until(lambda: over in execute(STATES))
        [dialed] = exchange.pbx.originated
        assert dialed.fields["ChannelId"] not in known
    close_broker(broker)
