"""Who was in a journey before, and comes again."""

import threading

import pytest

from db.counter import count_statements
from db.queries.enrollment import enroll_chunk
from tests.factories import make_contacts, make_tenant
from tests.jobs.enrollment.test_contacts import enroll, fetch, make_journey
from tests.waiting import wait_until


@pytest.fixture
def tenant_id(database):
    return make_tenant(database)


def set_reentry(database, reentry):
    with database.transaction() as connection:
        connection.execute("UPDATE journeys SET reentry = %s", [reentry])


def leave(database, contact_ids):
    with database.transaction() as connection:
        connection.execute(
            "UPDATE journey_contacts SET status = 'COMPLETED' WHERE contact_id = ANY(%s)",
            [contact_ids],
        )


def entries(database):
    return fetch(
        database,
        "SELECT contact_id, array_agg(entry_no ORDER BY entry_no) FROM journey_contacts"
        " GROUP BY contact_id ORDER BY contact_id",
    )


@pytest.mark.parametrize(
    ("reentry", "numbers", "reasons"),
    [
        ("once", ([1], [1]), {"already_enrolled": 2}),
        ("many", ([1, 2], [1, 2]), {}),
        ("many_not_concurrent", ([1, 2], [1]), {"still_in_journey": 1}),
    ],
)
def test_second_entry(database, settings, tenant_id, reentry, numbers, reasons):
    make_journey(database, tenant_id)
    set_reentry(database, reentry)
    gone, inside = sorted(make_contacts(database, tenant_id, 2))
    enroll(database, settings, tenant_id, everyone=True)
    leave(database, [gone])
    _, result, _ = enroll(database, settings, tenant_id, everyone=True)
    assert result["reasons"] == reasons
    assert result["success"] == 2 - sum(reasons.values())
    assert entries(database) == [(gone, numbers[0]), (inside, numbers[1])]
    assert fetch(database, "SELECT count(*) FROM pending_executions") == [(sum(map(len, numbers)),)]


@pytest.mark.parametrize("reentry", ["once", "many_not_concurrent"])
def test_two_at_once_make_one_entry(database, tenant_id, reentry):
    journey_id = make_journey(database, tenant_id)
    set_reentry(database, reentry)
    contacts = make_contacts(database, tenant_id, 5)
    done = []

    def enter(connection):
        done.append(
            enroll_chunk(
                connection,
                tenant_id,
                journey_id,
                "contact_ids",
                contact_ids=contacts,
                size=10,
                source="manual",
                data={},
            )
        )

    def second():
        with database.transaction() as connection:
            enter(connection)

    other = threading.Thread(target=second)
    with database.transaction() as connection:
        enter(connection)
        other.start()
        wait_until(
            lambda: (
                fetch(
                    database,
                    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                    " AND datname = current_database()",
                )
                == [(1,)]
            )
        )
    other.join()
    assert [chunk.enrolled for chunk in done] == [5, 0]
    assert entries(database) == [(contact_id, [1]) for contact_id in sorted(contacts)]


def test_entering_again_costs_no_more_statements(database, settings, tenant_id):
    make_journey(database, tenant_id)
    contacts = make_contacts(database, tenant_id, 50)
    counts = []
    for reentry in ("once", "many"):
        set_reentry(database, reentry)
        with count_statements() as count:
            enroll(database, settings, tenant_id, everyone=True)
        counts.append(count.statements)
        leave(database, contacts)
    assert counts[0] == counts[1]
