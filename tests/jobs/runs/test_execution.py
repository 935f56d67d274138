import re
import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import structlog
from pydantic import BaseModel

from db.queries.runs import get_run, list_runs
from jobs.runs import (
    DefiniteError,
    Kind,
    RunOutcome,
    cancel,
    checkpoint,
    chunk,
    enqueue,
    renew,
    run_next,
)
from tests.factories import make_contacts, make_tenant
from tests.waiting import wait_until


class Greeting(BaseModel):
    name: str
    times: int = 1


def greet(database, settings, run, arguments):
    with chunk(database, run) as connection:
        checkpoint(connection, settings, run, {"said": 1}, done=arguments.times)
    return {"said": [arguments.name] * arguments.times}


def kinds(run=greet, **others):
    return {
        "greet": Kind("greet", "talk", Greeting, run),
        **{name: Kind(name, queue, Greeting, run) for name, queue in others.items()},
    }


def put(database, tenant_id, kind="greet", **args):
    with database.transaction() as connection:
        return enqueue(connection, tenant_id, kind, args)


def shown(database, run_id):
    with database.read() as connection:
        return get_run(connection, run_id)


@pytest.fixture
def tenant_id(database):
    return make_tenant(database)


def test_a_run_is_done_and_its_result_kept(database, settings, tenant_id):
    run_id = put(database, tenant_id, name="Ann", times=2)
    put(database, tenant_id, name="Ben")
    assert run_next(database, settings, kinds()) == RunOutcome(worked=True, more=True)
    run = shown(database, run_id)
    assert (run.state, run.result, run.tenant) == ("succeeded", {"said": ["Ann", "Ann"]}, "acme")
    assert (run.progress_done, run.progress_total) == (2, 2)
    assert run_next(database, settings, kinds()) == RunOutcome(worked=True, more=False)
    assert run_next(database, settings, kinds()) == RunOutcome(worked=False, more=False)


def test_bad_arguments_end_it_with_every_one_named(database, settings, tenant_id):
    run_id = put(database, tenant_id, times="many")
    run_next(database, settings, kinds())
    run = shown(database, run_id)
    assert run.state == "failed"
    assert run.error == (
        "bad arguments: name: Field required; times: Input should be a valid integer, "
        "unable to parse string as an integer"
    )


def test_an_unknown_kind_ends_at_once_whichever_queue_looks(database, settings, tenant_id):
    run_id = put(database, tenant_id, "dance")
    assert run_next(database, settings, kinds(), queue="talk").worked
    assert (shown(database, run_id).state, shown(database, run_id).error) == (
        "failed",
        "unknown kind 'dance'",
    )


def test_a_queue_leaves_the_kinds_of_others_unless_named(database, settings, tenant_id):
    run_id = put(database, tenant_id, "walk", name="Ann")
    both = kinds(walk="feet")
    assert not run_next(database, settings, both, queue="talk").worked
    assert run_next(database, settings, both, run_id, queue="talk").worked
    put(database, tenant_id, "walk", name="Ann")
    assert run_next(database, settings, both, queue="feet").worked


def test_an_error_is_tried_again_and_tells_what_and_where(database, settings, tenant_id):
    def stumble(*_args):
        raise RuntimeError("no luck at +12125550100\nsecond line")

    run_id = put(database, tenant_id, name="Ann")
    assert run_next(database, settings, kinds(stumble)).worked
    run = shown(database, run_id)
    assert (run.state, run.attempts) == ("queued", 1)
    message, place, *_ = run.error.splitlines()
    assert message == run.reason == "RuntimeError: no luck at …00"
    assert re.fullmatch(r"  at tests/jobs/runs/test_execution.py:\d+ in stumble", place)


@pytest.mark.parametrize("result", [{"said": {"a set"}}, {"said": "\0"}])
def test_a_result_that_cannot_be_kept_is_an_error_of_the_run(database, settings, tenant_id, result):
    run_id = put(database, tenant_id, name="Ann")
    run_next(database, settings, kinds(lambda *_args: result))
    assert shown(database, run_id).state == "queued"
    assert shown(database, run_id).error


def test_an_error_that_tells_of_a_nul_can_be_kept(database, settings, tenant_id):
    def stumble(*_args):
        raise RuntimeError("a\0b")

    run_id = put(database, tenant_id, name="Ann")
    run_next(database, settings, kinds(stumble))
    assert shown(database, run_id).error.startswith("RuntimeError: a␀b\n")


def test_an_error_of_the_database_keeps_personal_data_out(database, settings, tenant_id):
    def collide(database, *_args):
        with database.transaction() as connection:
            for _ in range(2):
                connection.execute(
                    "INSERT INTO contacts (tenant_id, phone_number) VALUES (%s, '+12125550100')",
                    (tenant_id,),
                )

    run_id = put(database, tenant_id, name="Ann")
    run_next(database, settings, kinds(collide))
    error = shown(database, run_id).error
    assert error.startswith(
        'duplicate key value violates unique constraint "contacts_tenant_id_phone_number_key"\n'
    )
    assert "2125550100" not in error


def test_a_definite_error_is_not_tried_again(database, settings, tenant_id):
    def refuse(*_args):
        raise DefiniteError("no such file")

    run_id = put(database, tenant_id, name="Ann")
    run_next(database, settings, kinds(refuse))
    assert (shown(database, run_id).state, shown(database, run_id).error) == (
        "failed",
        "no such file",
    )


def two_chunks(between):
    """A kind's work of two chunks, of which it remembers the first."""

    def work(database, settings, run, _arguments):
        for number in (1, 2):
            if run.cursor and number <= run.cursor["at"]:
                continue
            with chunk(database, run) as connection:
                checkpoint(connection, settings, run, {"at": number}, done=number)
            if number == 1:
                between(database, settings, run)
        return {}

    return work


@pytest.mark.parametrize("goes_on", [lambda *_: None, renew])
def test_a_worker_told_to_stop_hands_its_run_back_after_the_chunk(
    database, settings, tenant_id, goes_on
):
    settings = settings.model_copy(update={"run_max_attempts": 1})
    stopping = threading.Event()

    def stop(*args):
        stopping.set()
        goes_on(*args)

    run_id = put(database, tenant_id, name="Ann")
    with structlog.testing.capture_logs() as lines:
        assert run_next(database, settings, kinds(two_chunks(stop)), stopping=stopping).worked
    run = shown(database, run_id)
    assert (run.state, run.attempts, run.progress_done, run.error) == ("queued", 0, 1, None)
    assert "run_released" in [line["event"] for line in lines]
    assert run_next(database, settings, kinds(two_chunks(stop))).worked
    run = shown(database, run_id)
    assert (run.state, run.attempts, run.progress_done) == ("succeeded", 1, 2)


def test_told_to_stop_before_its_first_chunk_a_run_has_lost_nothing(database, settings, tenant_id):
    settings = settings.model_copy(update={"run_max_attempts": 1})
    run_id = put(database, tenant_id, name="Ann")
    for _ in range(3):
        stopping = threading.Event()

        def stop(*args, stopping=stopping):
            stopping.set()
            return greet(*args)

        run_next(database, settings, kinds(stop), stopping=stopping)
        assert (shown(database, run_id).state, shown(database, run_id).attempts) == ("queued", 0)
    run_next(database, settings, kinds())
    assert shown(database, run_id).state == "succeeded"


def test_a_worker_told_to_stop_takes_nothing_up(database, settings, tenant_id):
    run_id = put(database, tenant_id, name="Ann")
    stopping = threading.Event()
    stopping.set()
    assert not run_next(database, settings, kinds(), stopping=stopping).worked
    assert (shown(database, run_id).state, shown(database, run_id).attempts) == ("queued", 0)


def test_an_error_after_progress_does_not_count(database, settings, tenant_id):
    settings = settings.model_copy(update={"run_max_attempts": 1, "run_backoff_s": 1e-6})

    def stumble(*_args):
        raise RuntimeError("no luck")

    run_id = put(database, tenant_id, name="Ann")
    run_next(database, settings, kinds(two_chunks(stumble)))
    assert (shown(database, run_id).state, shown(database, run_id).attempts) == ("queued", 0)
    run_next(database, settings, kinds(stumble))
    assert (shown(database, run_id).state, shown(database, run_id).attempts) == ("failed", 1)


def test_the_victim_of_a_deadlock_goes_on_at_no_cost(database, settings, tenant_id):
    settings = settings.model_copy(update={"run_max_attempts": 1})
    first, second = make_contacts(database, tenant_id, 2)
    lock = "SELECT FROM contacts WHERE tenant_id = %s AND id = %s FOR NO KEY UPDATE"

    def other(held):
        with database.transaction() as connection:
            connection.execute(lock, (tenant_id, second))
            held.set()
            connection.execute(lock, (tenant_id, first))

    def deadlock(database, _settings, run, _arguments):
        held = threading.Event()
        with ThreadPoolExecutor(1) as thread, chunk(database, run) as connection:
            connection.execute("SET LOCAL deadlock_timeout = '10ms'")  # the other waits for longer
            connection.execute(lock, (tenant_id, first))
            thread.submit(other, held)
            assert held.wait(10)
            with psycopg.connect(settings.require("database_url"), autocommit=True) as onlooker:
                wait_until(
                    lambda: onlooker.execute("SELECT FROM pg_locks WHERE NOT granted").fetchall()
                )
            connection.execute(lock, (tenant_id, second))

    run_id = put(database, tenant_id, name="Ann")
    with structlog.testing.capture_logs() as lines:
        assert run_next(database, settings, kinds(deadlock)).worked
    assert {"event": "run_released", "reason": "DeadlockDetected"}.items() <= next(
        line for line in lines if line["event"] == "run_released"
    ).items()
    run = shown(database, run_id)
    assert (run.state, run.attempts, run.error) == ("queued", 0, None)
    run_next(database, settings, kinds())
    assert shown(database, run_id).state == "succeeded"


def test_a_run_cancelled_just_before_its_end_is_logged_as_that(database, settings, tenant_id):
    def outrun(database, _settings, run, _arguments):
        with database.transaction() as connection:
            assert cancel(connection, run.tenant_id, run.id)
        return {}

    put(database, tenant_id, name="Ann")
    with structlog.testing.capture_logs() as lines:
        run_next(database, settings, kinds(outrun))
    assert [line["state"] for line in lines if line["event"] == "run_ended"] == ["cancelled"]


def test_a_run_taken_over_meanwhile_is_left_alone(database, settings, tenant_id):
    def overtaken(database, _settings, run, _arguments):
        with database.transaction() as connection:
            connection.execute("UPDATE job_runs SET lease_token = gen_random_uuid()")
        with chunk(database, run):
            pytest.fail("the chunk began")

    run_id = put(database, tenant_id, name="Ann")
    assert run_next(database, settings, kinds(overtaken)).worked
    assert shown(database, run_id).state == "running"


def test_runs_are_listed_newest_first_by_tenant_and_state(database, settings, tenant_id):
    first, second = put(database, tenant_id, name="a"), put(database, tenant_id)
    other = put(database, make_tenant(database, "other"), name="c")
    run_next(database, settings, kinds(), second)
    with database.read() as connection:
        assert [run.id for run in list_runs(connection)] == [other, second, first]
        assert [run.id for run in list_runs(connection, limit=1)] == [other]
        assert [run.id for run in list_runs(connection, "acme")] == [second, first]
        assert [run.id for run in list_runs(connection, "acme", "failed")] == [second]
        assert list_runs(connection, "nobody") == []
        assert get_run(connection, first, "acme").args == {"name": "a"}
        assert get_run(connection, first, "other") is None
