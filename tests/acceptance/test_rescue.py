"""A run whose worker is killed is soon in another's hands, and one that kills them all ends."""

import psycopg
import pytest

from jobs.runs import enqueue
from tests.acceptance.processes import LoggingProcess
from tests.factories import make_tenant
from tests.waiting import wait_until

pytestmark = pytest.mark.acceptance

WORKER = ("dramatiq", "worker", "--processes", "1", "--threads", "2", "--skip-logging")
RESCUED_S = 15
PATIENCE_S = 90
_LOCK = 7


@pytest.fixture
def start(database_url, redis_settings):
    started = []

    def run(*command):
        process = LoggingProcess(*command, database_url=database_url, **redis_settings)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()


@pytest.fixture
def stuck(database, database_url):
    """A connection whose lock keeps every import in the middle of its chunk."""
    with database.transaction() as connection:
        connection.execute(
            "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN PERFORM pg_advisory_xact_lock({_LOCK}); RETURN NULL; END $$"
        )
        connection.execute(
            "CREATE TRIGGER wait BEFORE INSERT ON contacts"
            " FOR EACH STATEMENT EXECUTE FUNCTION wait()"
        )
    with psycopg.connect(database_url, autocommit=True) as holder:
        holder.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        yield holder


@pytest.mark.parametrize(
    ("attempts", "end"), [(5, ("succeeded", 2, None)), (1, ("failed", 1, "worker died"))]
)
def test_a_killed_workers_run_is_rescued(
    start, stuck, database, settings, tmp_path, record_property, attempts, end
):
    path = tmp_path / "list.csv"
    path.write_text("phone\n+12125550100\n")
    with database.transaction() as connection:
        args = {"file": str(path), "filename": path.name}
        enqueue(connection, make_tenant(database), "import_contacts", args)
        connection.execute("UPDATE job_runs SET max_attempts = %s", [attempts])

    def look(columns):
        return stuck.execute(f"SELECT {columns} FROM job_runs").fetchone()

    start("scheduler").wait_for("leading")
    worker = start(*WORKER)
    waits = (
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND NOT granted"
    )
    wait_until(lambda: stuck.execute(waits, [_LOCK]).fetchone() == (1,), timeout_s=PATIENCE_S)

    worker.kill()
    killed_at, lease_until = look("clock_timestamp(), lease_until")
    stuck.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])
    start(*WORKER)
    ended = ("succeeded", "failed")
    wait_until(lambda: look("state")[0] in ended, timeout_s=PATIENCE_S, every_s=0.05)

    assert look("state, attempts, error") == end
    # What the lease and the tick allow, whatever else the machine has to do.
    lease_s = (lease_until - killed_at).total_seconds()
    assert lease_s <= settings.run_lease_s
    assert settings.run_lease_s + settings.tick_ms / 1000 < RESCUED_S
    rescued_s = (look("finished_at")[0] - killed_at).total_seconds()
    record_property("rescued_s", round(rescued_s, 1))
