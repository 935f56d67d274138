import threading
import uuid
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from pydantic import BaseModel

from db.counter import count_statements
from jobs.runs import (
    Kind,
    LeaseLostError,
    RunCancelledError,
    StopRequestedError,
    cancel,
    checkpoint,
    chunk,
    claim_run,
    enqueue,
    fail,
    lease_keeper,
    release,
    renew,
    succeed,
)
from tests.factories import make_tenant


def fetch(database, query, *params):
    with database.transaction() as connection:
        return connection.execute(query, params).fetchall()


def change(database, assignments, *params):
    with database.transaction() as connection:
        connection.execute(f"UPDATE job_runs SET {assignments}", params)


def put(database, tenant_id, kind="sweep", args=None, **options):
    with database.transaction() as connection:
        return enqueue(connection, tenant_id, kind, args or {}, **options)


def end_lease(database):
    change(database, "lease_until = now() - interval '1 second'")


@pytest.fixture
def tenant_id(database):
    return make_tenant(database)


def test_a_key_names_one_unfinished_run(database, tenant_id):
    first = put(database, tenant_id, unique_key="k")
    assert put(database, tenant_id, unique_key="k") == first
    assert put(database, tenant_id, "other", unique_key="k") != first
    assert put(database, make_tenant(database, "other"), unique_key="k") != first
    assert put(database, tenant_id) != put(database, tenant_id)
    change(database, "state = 'succeeded' WHERE id = %s", first)
    assert put(database, tenant_id, unique_key="k") != first


def test_rolled_back_it_never_was(database, tenant_id):
    with database.transaction() as connection:
        enqueue(connection, tenant_id, "sweep", {}, unique_key="k")
        raise psycopg.Rollback
    assert fetch(database, "SELECT count(*) FROM job_runs") == [(0,)]
    assert put(database, tenant_id, unique_key="k")


def test_an_unknown_tenant_is_refused(database):
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        put(database, uuid.uuid4())


def test_a_claim_is_committed_with_attempt_token_and_lease(database, settings, tenant_id):
    run_id = put(database, tenant_id, "sweep", {"a": [1]})
    run, more = claim_run(database, settings)
    assert (run.tenant_id, run.id, run.kind, run.args) == (tenant_id, run_id, "sweep", {"a": [1]})
    assert (run.cursor, run.attempts, more) == (None, 1, False)
    assert fetch(
        database,
        "SELECT state, attempts, lease_token, lease_until > now(), started_at IS NOT NULL"
        " FROM job_runs",
    ) == [("running", 1, run.token, True, True)]
    assert claim_run(database, settings) is None
    assert claim_run(database, settings, run_id) is None


def test_only_what_is_due_is_claimed(database, settings, tenant_id):
    later = put(database, tenant_id, run_at=datetime.now(UTC) + timedelta(hours=1))
    assert claim_run(database, settings) is None
    assert claim_run(database, settings, later) is None
    put(database, tenant_id, "imports")
    elsewhere = {"imports": Kind("imports", "elsewhere", BaseModel, None)}
    assert claim_run(database, settings, kinds=elsewhere, queue="here") is None
    with database.transaction() as connection:
        connection.execute("UPDATE tenants SET status = 'SUSPENDED'")
    assert claim_run(database, settings) is None
    with database.transaction() as connection:
        connection.execute("UPDATE tenants SET status = 'ACTIVE'")
    assert claim_run(database, settings).run.kind == "imports"


def test_tenants_take_turns(database, settings, tenant_id):
    for _ in range(5):
        put(database, tenant_id)
    other_id = make_tenant(database, "other")
    put(database, other_id)
    first = [claim_run(database, settings).run.tenant_id for _ in range(2)]
    assert set(first) == {tenant_id, other_id}
    put(database, other_id)  # has one under way, as the first tenant has
    put(database, make_tenant(database, "third"))
    assert claim_run(database, settings).run.tenant_id not in first


def test_a_run_is_held_by_one_of_two_claimers(database, settings, tenant_id):
    ids = {put(database, tenant_id), put(database, tenant_id)}
    with database.transaction() as connection:
        locked = connection.execute("SELECT id FROM job_runs LIMIT 1 FOR UPDATE").fetchone()[0]
        assert claim_run(database, settings).run.id in ids - {locked}
        assert claim_run(database, settings) is None
    assert claim_run(database, settings).run.id == locked


def test_runs_that_others_are_about_to_take_are_not_more(database, settings, tenant_id):
    for _ in range(3):
        put(database, tenant_id)
    with database.transaction() as connection:
        connection.execute("SELECT id FROM job_runs ORDER BY run_at LIMIT 1 FOR UPDATE")
        assert claim_run(database, settings).more
        assert not claim_run(database, settings).more


def test_a_tenants_kinds_are_taken_up_in_order_of_time(database, settings, tenant_id):
    ids = [put(database, tenant_id, kind) for kind in ("b", "a", "b")]
    assert [claim_run(database, settings).run.id for _ in ids] == ids


def test_a_dead_workers_run_is_taken_up_where_it_was(database, settings, tenant_id):
    put(database, tenant_id)
    dead, _ = claim_run(database, settings)
    with chunk(database, dead) as connection:
        checkpoint(connection, settings, dead, {"at": 5}, done=5, total=9)
    end_lease(database)
    run, _ = claim_run(database, settings)
    assert (run.id, run.cursor, run.attempts) == (dead.id, {"at": 5}, 1)
    for late in (
        lambda: renew(database, settings, dead),
        lambda: succeed(database, dead, {}),
        lambda: fail(database, settings, dead, "late"),
    ):
        with pytest.raises(LeaseLostError):
            late()
    succeed(database, run, {"n": 9})
    assert fetch(
        database,
        "SELECT state, result, error, progress_done, progress_total, lease_token,"
        " finished_at IS NOT NULL FROM job_runs",
    ) == [("succeeded", {"n": 9}, None, 5, 5, None, True)]


def test_a_poisonous_run_ends(database, settings, tenant_id):
    settings = settings.model_copy(update={"run_max_attempts": 3})
    put(database, tenant_id)
    for attempt in (1, 2, 3):
        assert claim_run(database, settings).run.attempts == attempt
        end_lease(database)
    assert claim_run(database, settings) is None
    assert fetch(database, "SELECT state, error, attempts FROM job_runs") == [
        ("failed", "worker died", 3)
    ]


def test_starts_that_come_further_are_not_counted_however_they_end(database, settings, tenant_id):
    settings = settings.model_copy(update={"run_max_attempts": 2})
    put(database, tenant_id)
    for at in range(10):  # kill -9 after a chunk, ten times
        run, _ = claim_run(database, settings)
        assert run.attempts == 1
        for _ in range(2):
            with chunk(database, run) as connection:
                checkpoint(connection, settings, run, {"at": at}, done=at)
        end_lease(database)
    for attempt in (1, 2):  # and where it comes no further
        assert claim_run(database, settings).run.attempts == attempt
        end_lease(database)
    assert claim_run(database, settings) is None
    assert fetch(database, "SELECT state, error, attempts FROM job_runs") == [
        ("failed", "worker died", 2)
    ]


def test_a_runs_own_limit_comes_before_the_settings(database, settings, tenant_id):
    put(database, tenant_id)
    change(database, "max_attempts = 1")
    run, _ = claim_run(database, settings)
    assert fail(database, settings, run, "no") == "failed"


def test_a_lost_lease_rolls_the_chunk_back(database, settings, tenant_id):
    put(database, tenant_id)
    run, _ = claim_run(database, settings)
    change(database, "lease_token = gen_random_uuid()")
    with pytest.raises(LeaseLostError), chunk(database, run):
        pytest.fail("the chunk began")
    with pytest.raises(LeaseLostError), database.transaction() as connection:  # noqa: PT012
        connection.execute("INSERT INTO campaigns (tenant_id, name) VALUES (%s, 'x')", (tenant_id,))
        checkpoint(connection, settings, run, {}, done=1)
    assert fetch(database, "SELECT count(*) FROM campaigns") == [(0,)]


def test_a_chunk_keeps_its_run_even_when_it_outlasts_the_lease(database, settings, tenant_id):
    put(database, tenant_id)
    run, _ = claim_run(database, settings)
    end_lease(database)
    with chunk(database, run) as connection:
        assert claim_run(database, settings) is None
        checkpoint(connection, settings, run, {}, done=1)
    assert claim_run(database, settings) is None
    assert fetch(database, "SELECT lease_until > now() FROM job_runs") == [(True,)]


def test_a_cancelled_run_stops_at_its_next_chunk(database, settings, tenant_id):
    run_id = put(database, tenant_id)
    run, _ = claim_run(database, settings)
    with database.transaction() as connection:
        assert cancel(connection, tenant_id, run_id)
        assert not cancel(connection, tenant_id, run_id)
    with pytest.raises(RunCancelledError), chunk(database, run):
        pytest.fail("the chunk began")
    with pytest.raises(RunCancelledError), database.transaction() as connection:
        checkpoint(connection, settings, run, {}, done=1)
    with pytest.raises(RunCancelledError):
        succeed(database, run, {})
    with pytest.raises(RunCancelledError):
        fail(database, settings, run, "late")
    assert fetch(database, "SELECT state FROM job_runs") == [("cancelled",)]


def test_another_tenant_cannot_cancel_it(database, tenant_id):
    run_id = put(database, tenant_id)
    with database.transaction() as connection:
        assert not cancel(connection, make_tenant(database, "other"), run_id)


def test_a_failed_attempt_waits_twice_as_long_each_time(database, settings, tenant_id):
    settings = settings.model_copy(update={"run_max_attempts": 3, "run_backoff_s": 40})
    put(database, tenant_id)
    waits = []
    for _ in (1, 2):
        run, _ = claim_run(database, settings)
        assert fail(database, settings, run, "no luck") == "queued"
        [(wait, error)] = fetch(
            database, "SELECT extract(epoch FROM run_at - now())::float, error FROM job_runs"
        )
        waits.append(wait)
        assert error == "no luck"
        assert claim_run(database, settings) is None
        change(database, "run_at = now()")
    assert waits == [pytest.approx(40, abs=5), pytest.approx(80, abs=5)]
    run, _ = claim_run(database, settings)
    assert fail(database, settings, run, "no luck") == "failed"


def test_a_definite_error_ends_it_at_once(database, settings, tenant_id):
    put(database, tenant_id)
    run, _ = claim_run(database, settings)
    assert fail(database, settings, run, "no such file", definite=True) == "failed"
    assert fetch(database, "SELECT state, error, finished_at IS NOT NULL FROM job_runs") == [
        ("failed", "no such file", True)
    ]


@pytest.mark.parametrize("progressed", [True, False])
def test_a_run_handed_back_is_due_at_once_and_not_counted(
    database, settings, tenant_id, progressed
):
    put(database, tenant_id)
    run, _ = claim_run(database, settings)
    if progressed:
        with chunk(database, run) as connection:
            checkpoint(connection, settings, run, {"at": 1}, done=1)
    release(database, run)
    assert fetch(database, "SELECT state, attempts, lease_token FROM job_runs") == [
        ("queued", 0, None)
    ]
    assert claim_run(database, settings).run.id == run.id


def test_a_lease_is_kept_as_often_as_it_takes(database, settings, tenant_id):
    put(database, tenant_id)
    stopping = threading.Event()
    run, _ = claim_run(database, settings, stopping=stopping)
    end_lease(database)
    keep = lease_keeper(database, settings, run)
    keep()
    assert fetch(database, "SELECT lease_until < now() FROM job_runs") == [(True,)]
    hasty = settings.model_copy(update={"run_lease_s": 1e-9})
    lease_keeper(database, hasty, run)()
    assert fetch(database, "SELECT lease_until > now() - interval '1 second' FROM job_runs") == [
        (True,)
    ]
    stopping.set()
    with pytest.raises(StopRequestedError):
        keep()


def test_the_ledgers_own_statements_are_not_counted(database, settings, tenant_id):
    put(database, tenant_id)
    with count_statements() as count:
        run, _ = claim_run(database, settings)
        with chunk(database, run) as connection:
            checkpoint(connection, settings, run, {}, done=1)
        renew(database, settings, run)
        succeed(database, run, {})
    assert count.texts == []


def test_a_commit_rings_and_a_rollback_does_not(database, settings, tenant_id):
    with psycopg.connect(settings.require("database_url"), autocommit=True) as listener:
        listener.execute("LISTEN trunkline")
        with database.transaction() as connection:
            enqueue(connection, tenant_id, "sweep", {})
            raise psycopg.Rollback
        with database.transaction() as connection:
            connection.execute("SELECT pg_notify('trunkline', 'the end')")
        heard = [note.payload for note in listener.notifies(timeout=10, stop_after=1)]
        assert heard == ["the end"]
        put(database, tenant_id)
        assert [n.payload for n in listener.notifies(timeout=10, stop_after=1)] == ["runs"]
