import pytest

from jobs.maintenance.firings import MAX_ATTEMPTS, FiringOutcome, run_next_firing


@pytest.fixture
def execute(database):
    """(statement, params) → rows; committed."""

    def run(text, params=None):
        with database.transaction() as connection:
            cursor = connection.execute(text, params)
            return cursor.fetchall() if cursor.description else cursor.rowcount

    return run


@pytest.fixture
def firing(execute):
    execute("INSERT INTO schedule_firings (schedule, fire_at) VALUES ('sweep', now())")


def _note(connection, _settings):
    connection.execute(
        "INSERT INTO tenants (slug, name, region, timezone) VALUES ('x','x','US','UTC')"
    )
    return {"swept": 1}


def test_work_and_its_note_are_one_transaction(database, settings, firing, execute):
    assert run_next_firing(database, settings, {"sweep": _note}) == FiringOutcome("sweep")
    assert run_next_firing(database, settings, {"sweep": _note}) == FiringOutcome()

    assert execute("SELECT attempts, result FROM schedule_firings") == [(1, {"swept": 1})]


def test_a_firing_under_way_is_not_taken_twice(database, settings, firing, execute):
    def meanwhile(connection, settings):
        assert run_next_firing(database, settings, {"sweep": _note}) == FiringOutcome()
        return {}

    assert run_next_firing(database, settings, {"sweep": meanwhile}).schedule == "sweep"


def test_work_that_raises_is_undone_and_tried_again_later(database, settings, firing, execute):
    def fail(connection, settings):
        _note(connection, settings)
        raise ValueError("no luck with +15550001234")

    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert run_next_firing(database, settings, {"sweep": fail}).failed
        execute("UPDATE schedule_firings SET created_at = now()")
        assert not run_next_firing(database, settings, {"sweep": fail}).failed  # it pauses
        execute("UPDATE schedule_firings SET created_at = now() - interval '1 day'")
        assert execute("SELECT attempts, error, finished_at IS NULL FROM schedule_firings") == [
            (attempt, "ValueError: no luck with …34", attempt < MAX_ATTEMPTS)
        ]
    assert run_next_firing(database, settings, {"sweep": fail}) == FiringOutcome()
    assert execute("SELECT id FROM tenants") == []


def test_firings_of_unknown_schedules_are_left_alone(database, settings, firing):
    assert run_next_firing(database, settings, {"other": _note}) == FiringOutcome()
