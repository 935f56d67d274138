import pytest
from psycopg.types.json import Jsonb

from cli import waiting
from cli.errors import CommandError
from cli.session import Session
from config.settings import load_settings
from db.engine import Database, DatabaseUnreachableError
from jobs.runs import enqueue
from tests.factories import make_tenant


@pytest.fixture
def session(settings, database):
    return Session(settings, database)


def queued_run(database):
    with database.transaction() as connection:
        return enqueue(connection, make_tenant(database), "nothing_known", {})


def test_a_run_that_nobody_takes_up_is_told_of_once(session, database, monkeypatch, capsys):
    monkeypatch.setattr(waiting, "_QUEUED_PATIENCE_S", 0.0)
    run_id = queued_run(database)
    looks = iter(range(3))

    def look(run):
        if next(looks, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        waiting.wait_for_run(session, "acme", run_id, look)
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert "does a worker run?" in told[0]


def test_interrupted_it_says_that_the_run_goes_on(session, database, monkeypatch, capsys):
    run_id = queued_run(database)

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(waiting, "wait_for_run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        waiting.finish_command(session, "acme", run_id, as_json=False, detach=False)
    assert f"run {run_id} goes on" in capsys.readouterr().err


def test_progress_is_seen_until_the_end(session, database, worker):
    seen = []
    run_id = queued_run(database)
    run = waiting.wait_for_run(session, "acme", run_id, lambda run: seen.append(run.state))
    assert run.state == "failed"
    assert seen[-1] == "failed"


def test_what_failed_is_told_in_one_line(session, database, capsys):
    run_id = queued_run(database)
    with database.transaction() as connection:
        connection.execute("UPDATE job_runs SET state = 'failed', error = E'no luck\\n  at x.py:1'")
    with pytest.raises(CommandError) as caught:
        waiting.finish_command(session, "acme", run_id, as_json=False, detach=False)
    assert str(caught.value) == f"run {run_id} failed: no luck"


def test_a_connection_lost_in_the_middle_is_made_anew(session, capsys):
    tries = iter(["SELECT pg_terminate_backend(pg_backend_pid())", "SELECT 1"])

    def look():
        with session.database.transaction() as connection:
            return connection.execute(next(tries)).fetchone()

    assert waiting.patiently(look) == (1,)
    assert "trying again" in capsys.readouterr().err


def test_a_database_that_stays_away_ends_the_wait_and_says_that_the_run_goes_on(
    session, database, monkeypatch, capsys
):
    run_id = queued_run(database)
    away = load_settings(database_url="postgresql://127.0.0.1:1/away", db_wait_timeout_s=0.2)
    nowhere = Database(away, min_size=0, max_size=1)
    try:
        with pytest.raises(DatabaseUnreachableError):
            waiting.finish_command(
                Session(away, nowhere), "acme", run_id, as_json=False, detach=False
            )
    finally:
        nowhere.close()
    assert f"run {run_id} goes on" in capsys.readouterr().err


def test_pace_time_left_and_counts_are_told_while_it_runs(session, database):
    run_id = queued_run(database)
    cursor = {"tally": {"read": 1000, "created": 900, "rejected": 100, "updated": 0}}
    with database.transaction() as connection:
        connection.execute(
            "UPDATE job_runs SET state = 'running', started_at = now() - interval '10 s',"
            " progress_done = 1000, progress_total = 3000, cursor = %s WHERE id = %s",
            [Jsonb(cursor), run_id],
        )
    run = waiting.look_at(session, "acme", run_id)
    assert run.rows_per_s <= 100
    assert run.seconds_left == pytest.approx(2000 / run.rows_per_s)
    assert run.counts == cursor["tally"]
    pace, left, *rest = waiting.describe_progress(run).split(", ")
    assert (pace, left) == (f"{run.rows_per_s:,.0f}/s", f"{run.seconds_left:,.0f} s left")
    assert set(rest) == {"created 900", "rejected 100"}


def test_nothing_is_told_of_what_is_not_known(session, database):
    run = waiting.look_at(session, "acme", queued_run(database))
    assert (run.rows_per_s, run.seconds_left, run.counts) == (None, None, None)
    assert waiting.describe_progress(run) == ""
