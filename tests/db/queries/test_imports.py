from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import psycopg
import pytest

from db.queries import imports
from db.queries.journeys import effects
from jobs.imports.arguments import MERGED_COLUMNS
from jobs.runs import enqueue
from tests.factories import make_tenant
from tests.waiting import wait_until

COLUMNS = ("line_number", "phone_number", "first_name", "tags", "attributes")


def staged(connection, numbers, name):
    rows = [(line, f"+1212555{n:04}", name, "[]", "{}") for line, n in enumerate(numbers)]
    imports.stage_contacts(connection, COLUMNS, rows)


def written(connection, tenant_id, run_id, policy="skip", campaign_id=None):
    return imports.write_contacts(
        connection,
        tenant_id,
        run_id,
        policies=dict.fromkeys(MERGED_COLUMNS, policy),
        campaign_id=campaign_id,
        lines=(0, 1_000_000),
    )


@pytest.fixture
def tenant_id(database):
    return make_tenant(database)


@pytest.fixture
def run_id(database, tenant_id):
    with database.transaction() as connection:
        return enqueue(connection, tenant_id, "import_contacts", {})


@pytest.mark.parametrize("on_existing", ["skip", "update"])
def test_two_imports_of_the_same_numbers_do_not_deadlock(database, tenant_id, run_id, on_existing):
    def write(numbers, name):
        with database.transaction() as connection:
            staged(connection, numbers, name)
            return written(connection, tenant_id, run_id, on_existing)

    numbers = list(range(2000))
    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(write, (numbers, numbers[::-1]), ("a", "b"))
    assert first.created + second.created == 2000
    assert first.changed + second.changed == (0 if on_existing == "skip" else 2000)


def test_an_import_and_a_journey_that_change_the_same_contacts_do_not_deadlock(
    database, tenant_id, run_id
):
    numbers = list(range(50))
    with database.transaction() as connection:  # ids in one order, phones in the other
        for n in numbers[::-1]:
            connection.execute(
                "INSERT INTO contacts (tenant_id, phone_number) VALUES (%s, %s)",
                (tenant_id, f"+1212555{n:04}"),
            )
        ids = connection.execute("SELECT id FROM contacts ORDER BY id").fetchall()

    def change(connection, rows):
        changes = [(tenant_id, contact_id, {}, {"seen": True}, [], []) for (contact_id,) in rows]
        effects.update_contacts(connection, changes, datetime.now(UTC))

    def write():
        with database.transaction() as connection:
            staged(connection, numbers, "new")
            return written(connection, tenant_id, run_id, "update")

    def waits():
        with database.transaction() as connection:
            return connection.execute("SELECT FROM pg_locks WHERE NOT granted").fetchall()

    with ThreadPoolExecutor(1) as thread:
        with database.transaction() as journey:
            change(journey, ids[:25])
            importing = thread.submit(write)
            wait_until(waits)
            change(journey, ids[25:])
        assert importing.result(20) == (0, 50)
    with database.transaction() as connection:
        assert connection.execute(
            "SELECT first_name, attributes, count(*) FROM contacts GROUP BY 1, 2"
        ).fetchall() == [("new", {"seen": True}, 50)]


def test_a_contact_that_another_import_made_meanwhile_joins_the_campaign(
    database, settings, tenant_id, run_id
):
    with database.transaction() as connection:
        target = imports.find_target(connection, tenant_id, "Spring")

    def ours():
        with database.transaction() as connection:
            staged(connection, [1, 2], "ours")
            count = written(connection, tenant_id, run_id, campaign_id=target.campaign_id)
            imports.join_campaign(connection, tenant_id, run_id, target.campaign_id)
        return count

    with ThreadPoolExecutor(1) as thread:
        with database.transaction() as theirs:
            staged(theirs, [1], "theirs")
            written(theirs, tenant_id, run_id)
            waiting = thread.submit(ours)
            _until_someone_waits(settings)
        assert waiting.result().created == 1
    with database.transaction() as connection:
        count = connection.execute("SELECT count(*) FROM campaign_contacts").fetchone()
    assert count == (2,)


def test_an_import_waits_for_a_campaign_in_the_making(database, settings, tenant_id):
    def find():
        with database.transaction() as connection:
            return imports.find_target(connection, tenant_id, "Spring")

    with ThreadPoolExecutor(1) as thread:
        with database.transaction() as theirs:
            made = imports.find_target(theirs, tenant_id, "Spring")
            waiting = thread.submit(find)
            _until_someone_waits(settings)
        assert waiting.result() == made
    with database.transaction() as connection:
        assert imports.find_target(connection, tenant_id, None)[:2] == ("US", None)


def _until_someone_waits(settings):
    """Returns once a statement of this database waits for another's transaction."""
    with psycopg.connect(settings.require("database_url"), autocommit=True) as connection:
        while True:
            row = connection.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            ).fetchone()
            if row[0]:
                return
