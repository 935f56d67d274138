from datetime import UTC, datetime

import pytest

from jobs.journeys.batch import StepRunner
from tests.jobs.journeys.journeys import apply_journey, enroll, enrolled, query

START = datetime(2026, 3, 2, 12, tzinfo=UTC)

OTHER = {
    "journey": "other",
    "start": "pause",
    "nodes": {"pause": {"type": "delay", "days": 1, "next": "done"}, "done": {"type": "end"}},
}
FIRST = {
    "journey": "first",
    "start": "go",
    "nodes": {
        "go": {"type": "enroll", "journey": "other", "next": "done"},
        "done": {"type": "end"},
    },
}


@pytest.fixture
def runner(database, settings):
    return StepRunner(database, settings)


def entries(database, key="other"):
    return query(
        database,
        "SELECT jc.status, jc.entry_no, jc.source, count(p.id) FROM journey_contacts jc"
        " JOIN journeys j ON j.id = jc.journey_id LEFT JOIN pending_executions p"
        " ON p.journey_contact_id = jc.id AND p.tenant_id = jc.tenant_id"
        " WHERE j.key = %s GROUP BY 1, 2, 3 ORDER BY 2",
        key,
    )


@pytest.mark.parametrize("size", [20, 400])
def test_contacts_enter_the_other_journey_in_one_statement(database, runner, size):
    tenant_id, _ = enrolled(database, size, raw=FIRST, at=START)
    apply_journey(database, tenant_id, OTHER)
    outcome = runner.run_batch(START)

    assert (outcome.completed, outcome.statements) == (size, 5)  # two of them caches
    assert entries(database) == [("ACTIVE", 1, "journey", size)]
    assert runner.run_batch(START).completed == size  # `done` of the first journey


@pytest.mark.parametrize(
    ("reentry", "expected"),
    [
        ("once", [("ACTIVE", 1, "manual", 3)]),
        ("many_not_concurrent", [("ACTIVE", 1, "manual", 3)]),
        ("many", [("ACTIVE", 1, "manual", 3), ("ACTIVE", 2, "journey", 3)]),
    ],
)
def test_who_is_in_enters_again_only_where_reentry_lets_them(database, runner, reentry, expected):
    tenant_id, _ = enrolled(database, 3, raw=FIRST, at=START)
    other = apply_journey(database, tenant_id, {**OTHER, "reentry": reentry})
    contacts = [row[0] for row in query(database, "SELECT id FROM contacts")]
    enroll(database, tenant_id, other, contacts, at=datetime(2026, 3, 3, tzinfo=UTC))
    assert runner.run_batch(START).completed == 3

    assert entries(database) == expected


def test_unknown_journey_fails_its_steps_alone(database, settings):
    runner = StepRunner(database, settings)
    enrolled(database, 2, raw=FIRST, at=START)
    tenant_id, _ = enrolled(database, 3, slug="b", raw=FIRST, at=START)
    apply_journey(database, tenant_id, OTHER)
    query(database, "UPDATE contacts SET do_not_contact = true WHERE phone_number LIKE '%2'")
    outcome = runner.run_batch(START)

    assert (outcome.completed, outcome.failed) == (3, 2)
    assert entries(database) == [("ACTIVE", 1, "journey", 2)]
