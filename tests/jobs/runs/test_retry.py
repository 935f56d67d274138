"""Runs that ended badly are queued again."""

import pytest

from jobs.runs import (
    KeepLast,
    RunFilter,
    RunTimedOutError,
    cancel,
    checkpoint,
    chunk,
    claim_run,
    enqueue,
    fail,
    renew,
    retry,
)
from jobs.runs.kinds import Kind
from tests.factories import make_tenant
from tests.jobs.runs.test_execution import Greeting


@pytest.fixture
def tenant_id(database):
    return make_tenant(database)


@pytest.fixture
def put(database, tenant_id):
    def put_one(kind="greet", **options):
        with database.transaction() as connection:
            return enqueue(connection, tenant_id, kind, {}, **options)

    return put_one


def retried(database, **which):
    with database.transaction() as connection:
        return retry(connection, RunFilter(**which))


def fail_next(database, settings):
    claim = claim_run(database, settings)
    fail(database, settings, claim.run, "no luck", definite=True)
    return claim.run.id


def test_it_goes_on_where_it_stopped_with_all_its_attempts(database, settings, put):
    put()
    run, _ = claim_run(database, settings)
    with chunk(database, run) as connection:
        checkpoint(connection, settings, run, {"at": 7}, done=7)
    fail(database, settings, run, "no luck", definite=True)
    assert claim_run(database, settings) is None
    assert retried(database) == [run.id]
    again, _ = claim_run(database, settings)
    assert (again.id, again.cursor, again.attempts) == (run.id, {"at": 7}, 1)
    assert retried(database) == []


def test_one_whose_key_is_taken_stays(database, settings, put):
    put(unique_key="k")
    first = fail_next(database, settings)
    put(unique_key="k")
    assert retried(database) == []
    second = fail_next(database, settings)
    assert retried(database) == [second]  # of the two, the last
    assert first not in retried(database)


def test_one_that_never_began_is_not_put_beside_one_that_waits(database, tenant_id, put):
    def cancelled():
        run_id = put(unique_key="k", rule=KeepLast())
        with database.transaction() as connection:
            cancel(connection, tenant_id, run_id)
        return run_id

    cancelled()
    last = cancelled()
    put(unique_key="k", rule=KeepLast())
    assert retried(database, states=["cancelled"]) == []
    with database.transaction() as connection:
        connection.execute("DELETE FROM job_runs WHERE state = 'queued'")
    assert retried(database, states=["cancelled"]) == [last]


def test_another_tenants_run_is_left_alone(database, settings, put):
    put()
    run_id = fail_next(database, settings)
    other = make_tenant(database, "other")
    assert retried(database, tenant_id=other, run_id=run_id) == []


def test_a_run_that_takes_too_long_ends_at_its_next_chunk(database, settings, put):
    kinds = {"greet": Kind("greet", "talk", Greeting, None, timeout_s=0)}
    put()
    run, _ = claim_run(database, settings, kinds=kinds)
    with pytest.raises(RunTimedOutError, match="timed out after 0 s"), chunk(database, run):
        pytest.fail("the chunk began")
    with pytest.raises(RunTimedOutError):
        renew(database, settings, run)
