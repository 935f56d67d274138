import pytest

from jobs.runs import enqueue
from jobs.runs.pruning import prune_runs
from tests.factories import make_tenant


@pytest.fixture
def tenant_id(database):
    return make_tenant(database)


def run_of(database, tenant_id, state, days):
    """A run that came to its state so many days ago, with a row on its error list."""
    with database.transaction() as connection:
        run_id = enqueue(connection, tenant_id, "some_kind", {})
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
