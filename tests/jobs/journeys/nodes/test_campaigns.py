from datetime import UTC, datetime, timedelta

import pytest

from jobs.journeys.batch import StepRunner
from tests.jobs.journeys.journeys import apply_journey, enroll, enrolled, query

START = datetime(2026, 3, 2, 12, tzinfo=UTC)


def journey(key, kind):
    return {
        "journey": key,
        "start": "change",
        "nodes": {
            "change": {"type": kind, "campaign": "Spring", "next": "done"},
            "done": {"type": "end"},
        },
    }


def members(database):
    return query(
        database,
        "SELECT t.slug, c.name, count(*) FROM campaign_contacts m JOIN campaigns c ON c.id ="
        " m.campaign_id JOIN tenants t ON t.id = m.tenant_id GROUP BY 1, 2 ORDER BY 1",
    )


@pytest.fixture
def runner(database, settings):
    return StepRunner(database, settings)


@pytest.mark.parametrize("size", [20, 400])
def test_contacts_join_and_leave_in_one_statement_each(database, settings, size):
    runner = StepRunner(database, settings.model_copy(update={"batch_size": 1000}))
    tenant_id, _ = enrolled(database, size, raw=journey("in", "add_to_campaign"), at=START)
    enrolled(database, size, slug="other", raw=journey("in", "add_to_campaign"), at=START)
    outcome = runner.run_batch(START)

    assert (outcome.completed, outcome.statements) == (2 * size, 5)
    assert members(database) == [("acme", "Spring", size), ("other", "Spring", size)]

    out = apply_journey(database, tenant_id, journey("out", "remove_from_campaign"))
    contacts = query(database, "SELECT id FROM contacts WHERE tenant_id = %s", tenant_id)
    enroll(database, tenant_id, out, [row[0] for row in contacts], at=START)
    query(database, "DELETE FROM pending_executions WHERE journey_id <> %s", out.id)
    assert runner.run_batch(START).completed == size
    assert members(database) == [("other", "Spring", size)]


def test_of_two_changes_in_one_batch_the_later_stands(database, runner):
    tenant_id, _ = enrolled(
        database, 3, raw=journey("out", "remove_from_campaign"), at=START - timedelta(minutes=1)
    )
    contacts = [row[0] for row in query(database, "SELECT id FROM contacts")]
    joining = apply_journey(database, tenant_id, journey("in", "add_to_campaign"))
    enroll(database, tenant_id, joining, contacts, at=START)

    assert runner.run_batch(START).completed == 6
    assert members(database) == [("acme", "Spring", 3)]


def test_campaign_that_is_gone_fails_its_steps_alone(database, runner):
    enrolled(database, 2, raw=journey("in", "add_to_campaign"), at=START)
    enrolled(database, 5, slug="other", raw=journey("in", "add_to_campaign"), at=START)
    query(
        database, "DELETE FROM campaigns c USING tenants t WHERE t.id = tenant_id AND slug = 'acme'"
    )
    outcome = runner.run_batch(START)

    assert (outcome.completed, outcome.failed) == (5, 2)
    assert members(database) == [("other", "Spring", 5)]
