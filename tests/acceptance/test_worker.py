"""A real worker: work starts soon after its commit, and no process outlives its master."""

import itertools
import json
import os
import random
import select
import threading
from time import monotonic, perf_counter

import dramatiq
import psycopg
import pytest

from jobs.runs import enqueue
from tests.acceptance.processes import PATIENCE_S, LoggingProcess
from tests.factories import make_contacts, make_tenant
from tests.jobs.journeys.journeys import apply_journey, enroll
from tests.standalone.waiting import child_pids
from tests.timing import quickest
from tests.waiting import wait_until
from workers.bell import ring
from workers.broker import close_broker, make_broker
from workers.queues import JOURNEYS, QUEUES

pytestmark = pytest.mark.acceptance

WORKER = ("worker", "--processes", "1", "--threads", "2", "--skip-logging")


@pytest.fixture
def start(database_url, redis_settings):
    """Start ``python -m …`` on the test's own servers; whatever is left at the end is killed."""
    started = []

    def run(*command, **settings):
        chosen = {"database_url": database_url} | redis_settings | settings
        started.append(LoggingProcess(*command, **chosen))
        return started[-1]

    yield run
    for process in started:
        process.kill()


def start_worker(start):
    worker = start("dramatiq", *WORKER)
    worker.wait_for("Worker process is ready for action.")
    return worker


def test_enqueued_by_sql_a_run_starts_within_a_second_of_its_commit(
    start, database_url, record_property
):
    start("scheduler").wait_for("leading")
    start_worker(start)
    with psycopg.connect(database_url, autocommit=True) as psql:
        tenant_id = psql.execute(
            "INSERT INTO tenants (slug, name, region, timezone) VALUES ('a', 'A', 'US', 'UTC')"
            " RETURNING id"
        ).fetchone()[0]

        def start_of_a_run():
            run_id, committed = psql.execute(
                "SELECT trunkline_enqueue(%s, 'brew_coffee'), clock_timestamp()", [tenant_id]
            ).fetchone()
            look = "SELECT started_at FROM job_runs WHERE id = %s AND started_at IS NOT NULL"
            (started_at,) = wait_until(lambda: psql.execute(look, [run_id]).fetchone())
            return (started_at - committed).total_seconds()

        delays_s = sorted(start_of_a_run() for _ in range(10))

    assert delays_s[5] < 1  # of ten: the machine has other things to do
    record_property("median_ms", round(delays_s[5] * 1000))


def test_a_message_starts_within_20_ms_at_p99(settings, redis_settings, record_property):
    """Or, where the machine itself is slower, in thrice the time of a thread that waits bare."""
    broker = make_broker(settings.model_copy(update=redis_settings))
    reader, writer = os.pipe()
    for queue in QUEUES.values():
        declare = dramatiq.actor(actor_name=queue.actor, queue_name=queue.name, broker=broker)
        declare(lambda: os.write(writer, b"x") and None)
    worker = dramatiq.Worker(broker, worker_threads=4)
    worker.start()
    bare_key = f"{broker.namespace}:bare"

    def wait_bare():
        while broker.client.blpop([bare_key], 4) != (bare_key.encode(), b"end"):
            os.write(writer, b"x")

    bare = threading.Thread(target=wait_bare)
    bare.start()

    def delay_ms(send):
        select.select([], [], [], 0.02 * random.choice((0, 1, 2)))  # idle, as between two ticks
        sent = perf_counter()
        send()
        os.read(reader, 1)
        return (perf_counter() - sent) * 1000

    def round_p99():
        """Of 100 messages; 20 or less is as good as it has to be on a machine that can."""
        ours, bares = [], []
        for queue in itertools.islice(itertools.cycle(QUEUES.values()), 100):
            ours.append(delay_ms(lambda: ring(broker, queue)))  # noqa: B023 - called at once
            bares.append(delay_ms(lambda: broker.client.rpush(bare_key, "x")))
        return sorted(ours)[98] * min(1, 20 / 3 / sorted(bares)[98])

    try:
        p99_ms = quickest(round_p99, within=20)
    finally:
        broker.client.rpush(bare_key, "end")
        bare.join()
        worker.stop()
        close_broker(broker)
        os.close(reader)
        os.close(writer)
    record_property("p99_ms", round(p99_ms, 1))


def test_no_worker_process_outlives_its_master(start):
    worker = start_worker(start)
    [child, *others] = child_pids(worker.pid)
    children = [os.pidfd_open(pid) for pid in (child, *others)]

    worker.kill()

    deadline = monotonic() + PATIENCE_S
    for descriptor in children:
        gone, _, _ = select.select([descriptor], [], [], max(0, deadline - monotonic()))
        os.close(descriptor)
        assert gone


def test_sigterm_to_the_master_stops_a_worker_cleanly(start):
    assert start_worker(start).stop() == 0


def test_wrong_settings_are_one_clear_line(start):
    worker = start("dramatiq", "worker", "--processes", "1", "--skip-logging", batch_size="many")

    assert worker.wait() != 0
    assert any(line.startswith("worker: wrong settings: BATCH_SIZE=many") for line in worker.lines)


def test_deployments_and_a_kill_cost_a_long_import_no_attempt(start, database, tmp_path):
    rows = 20_000
    path = tmp_path / "list.csv"
    path.write_text(
        "phone\n" + "".join(f"+1212{n:07}\n" for n in range(2_000_000, 2_000_000 + rows))
    )
    tenant_id = make_tenant(database)
    with database.transaction() as connection:
        args = {"file": str(path), "filename": "list.csv"}
        enqueue(connection, tenant_id, "import_contacts", args)
        connection.execute("UPDATE job_runs SET max_attempts = 1")
        # Each chunk takes its time, so that none of the stops comes after the end.
        connection.execute(
            "CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM pg_sleep(0.05); RETURN NULL; END $$"
        )
        connection.execute(
            "CREATE TRIGGER slowly AFTER INSERT ON contacts"
            " FOR EACH STATEMENT EXECUTE FUNCTION slowly()"
        )
    start("scheduler", tick_ms=100).wait_for("leading")

    def look():
        with database.transaction() as connection:
            return connection.execute(
                "SELECT state, attempts, progress_done FROM job_runs"
            ).fetchone()

    def comes_past(done):
        return wait_until(lambda: look()[2] > done and look())

    done = 0
    for stop in ("stop", "stop", "kill"):
        worker = start("dramatiq", *WORKER, import_chunk_rows=100, run_lease_s=1)
        _, _, done = comes_past(done)
        getattr(worker, stop)()
        if stop == "stop":
            worker.wait_for("run_released")
            state, attempts, done = look()
            assert (state, attempts) == ("queued", 0)
        assert done < rows, "it was over too soon to tell anything"
    with database.transaction() as connection:
        connection.execute("DROP TRIGGER slowly ON contacts")
    start_worker(start)
    wait_until(lambda: look()[0] not in ("queued", "running"), timeout_s=60)
    assert look() == ("succeeded", 1, rows)


def test_what_dramatiq_logs_of_a_failed_batch_shows_no_row(
    start, database, settings, redis_settings
):
    tenant_id = make_tenant(database)
    with database.transaction() as connection:
        connection.execute("ALTER TABLE batch_runs ADD CONSTRAINT never CHECK (status = '')")
    journey = apply_journey(database, tenant_id)
    enroll(database, tenant_id, journey, make_contacts(database, tenant_id, 3))
    worker = start_worker(start)
    broker = make_broker(settings.model_copy(update=redis_settings))
    ring(broker, JOURNEYS)
    close_broker(broker)

    worker.wait_for("message_done", failed=True)
    worker.stop()
    (line,) = [line for line in worker.lines if "Failed to process message" in line]
    assert "dramatiq" in json.loads(line)["logger"]
    assert json.loads(line)["exception"].endswith(
        'CheckViolation: new row for relation "batch_runs" violates check constraint "never"'
    )
    assert "Failing row contains" not in "".join(worker.lines)
