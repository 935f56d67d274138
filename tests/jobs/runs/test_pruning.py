import pytest
from pydantic import BaseModel

from jobs.runs import Kind, enqueue
from jobs.runs.pruning import prune_runs
from tests.factories import make_tenant


@pytest.fixture
def tenant_id(database):
    return make_tenant(database)


def run_of(database, tenant_id, state, days, kind="some_kind"):
    """A run that came to its state so many days ago, with a row on its error list."""
    with database.transaction() as connection:
        run_id = enqueue(connection, tenant_id, kind, {})
        connection.execute(
            "UPDATE job_runs SET state = %s, finished_at = now() - make_interval(days => %s),"
            " created_at = now() - interval '1 year' WHERE id = %s",
            [state, days, run_id],
        )
        connection.execute(
            "INSERT INTO import_errors (tenant_id, run_id, line_number, reason, row)"
            " VALUES (%s, %s, 1, 'x', '[]')",
            [tenant_id, run_id],
        )
    return run_id


def test_what_ended_long_ago_goes_with_its_errors(database, settings, tenant_id):
    settings = settings.model_copy(update={"run_retention_days": 30})
    for state in ("succeeded", "failed", "cancelled"):
        run_of(database, tenant_id, state, 31)
    kept = {run_of(database, tenant_id, "succeeded", 29)}
    kept |= {run_of(database, tenant_id, state, None) for state in ("queued", "running")}
    with database.transaction() as connection:
        assert prune_runs(connection, settings) == {"deleted": 3}
        for table, column in (("job_runs", "id"), ("import_errors", "run_id")):
            rows = connection.execute(f"SELECT {column} FROM {table}").fetchall()
            assert {found for (found,) in rows} == kept
        assert prune_runs(connection, settings) == {"deleted": 0}


def test_its_kind_says_how_long_a_run_is_kept(database, settings, tenant_id):
    kinds = [
        Kind("brief", "here", BaseModel, None, retention_days=1),
        Kind("long", "here", BaseModel, None, retention_days=1000),
        Kind("plain", "here", BaseModel, None),
    ]
    for kind in ("brief", "long", "plain", "unknown"):
        for days in (2, 91):
            run_of(database, tenant_id, "failed", days, kind)
    with database.transaction() as connection:
        assert prune_runs(connection, settings, kinds) == {"deleted": 4}
        rows = connection.execute("SELECT kind, count(*) FROM job_runs GROUP BY 1 ORDER BY 1")
        assert rows.fetchall() == [("long", 2), ("plain", 1), ("unknown", 1)]
