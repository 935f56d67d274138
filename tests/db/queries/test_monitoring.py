import pytest

from db.engine import connect_directly
from db.queries import monitoring
from db.queries.maintenance import try_to_lead
from db.statements import SQL


def test_the_leader_is_who_holds_the_schedulers_lock(settings, database):
    with database.transaction() as connection:
        assert monitoring.leading_scheduler(connection) is None
    with connect_directly(settings, application_name="trunkline-scheduler") as leader:
        assert try_to_lead(leader)
        with database.transaction() as connection:
            found = monitoring.leading_scheduler(connection)
        assert found.pid == leader.info.backend_pid
        assert found.application_name == "trunkline-scheduler"


def test_a_fresh_schema_has_room_for_months(database):
    with database.transaction() as connection:
        assert monitoring.months_ahead(connection) == 3


@pytest.mark.parametrize("file", sorted((SQL / "monitoring").glob("*.sql")), ids=lambda f: f.stem)
def test_every_question_runs_as_it_stands(database, file):
    with database.transaction() as connection:
        connection.execute("SET TRANSACTION READ ONLY")
        assert connection.execute(file.read_text()).description
