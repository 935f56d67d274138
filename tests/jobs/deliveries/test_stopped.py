"""What was paused, removed, suspended, archived or forbidden is not sent, however it raced."""

import asyncio
from datetime import UTC, datetime

import pytest
import structlog

from jobs.deliveries.batch import run_deliveries
from jobs.deliveries.gateway import SmsGateway
from jobs.journeys.batch import StepRunner
from jobs.journeys.lifecycle import contacts, journeys
from standalone.http_server import Response
from tests.jobs.journeys.journeys import enrolled, query
from tests.jobs.journeys.lifecycle.races import Stopped, during, statuses
from tests.waiting import wait_until

START = datetime(2026, 3, 2, 12, tzinfo=UTC)


def _people(database):
    return [row[0] for row in query(database, "SELECT id FROM contacts")]


CHANGES = {
    "paused": lambda database, tenant: journeys.pause_journey(database, tenant, "welcome"),
    "archived": lambda database, tenant: journeys.archive_journey(database, tenant, "welcome"),
    "suspended": journeys.suspend_tenant,
    "removed": lambda database, tenant: contacts.remove_contacts(
        database, tenant, _people(database)
    ),
    "contacts paused": lambda database, tenant: contacts.pause_contacts(
        database, tenant, _people(database)
    ),
    "do not contact": lambda database, tenant: contacts.forbid_contacts(
        database, tenant, _people(database)
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_messages_of_the_batch_under_way_are_not_sent(
    database, settings, gateway, carrier, monkeypatch, change
):
    tenant_id, _ = enrolled(database, 4, at=START)
    with Stopped(StepRunner(database, settings), monkeypatch, now=START) as stopped:
        _, outcome, waited = during(database, stopped, lambda: change(database, tenant_id))
    assert (waited, outcome.messages) == (True, 4)
    for _ in range(2):
        assert run_deliveries(database, settings, gateway).sent == 0
    assert carrier.posts == []


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_a_sender_has_not_begun_to_send_is_withdrawn(database, settings, carrier, change):
    """The change comes while the first of the batch is being sent."""
    tenant_id, _ = enrolled(database, 4, at=START)
    assert StepRunner(database, settings).run_batch(START).messages == 4
    one_at_a_time = SmsGateway(settings.model_copy(update={"delivery_concurrency": 1}))

    async def change_and_wait(logged):
        await asyncio.to_thread(change, database, tenant_id)
        await asyncio.to_thread(wait_until, lambda: withdrawn(logged))
        return Response(200, {"id": "x"})

    def withdrawn(logged):
        return [line["messages"] for line in logged if line["event"] == "sends_withdrawn"]

    with structlog.testing.capture_logs() as logged:
        carrier.answer = lambda _message: change_and_wait(logged)
        outcome = run_deliveries(database, settings, one_at_a_time)
    assert (outcome.claimed, outcome.sent, withdrawn(logged)) == (4, 1, [3])
    for _ in range(2):
        assert run_deliveries(database, settings, one_at_a_time).sent == 0
    one_at_a_time.close()
    assert len(carrier.posts) == 1
    assert statuses(database)["SENT"] == 1


@pytest.mark.parametrize(
    "path", ["enrolled", "queued by another service"], ids=["enrolled", "queued"]
)
def test_a_contact_that_is_forbidden_is_not_messaged_whatever_path_it_came_by(
    database, settings, gateway, carrier, path
):
    enrolled(database, 2, at=START, do_not_contact=True)
    if path == "enrolled":
        StepRunner(database, settings).run_batch(START)
    else:
        query(
            database,
            "INSERT INTO messages (tenant_id, contact_id, to_number, body)"
            " SELECT tenant_id, id, phone_number, 'Hello' FROM contacts",
        )
    assert run_deliveries(database, settings, gateway).sent == 0
    assert carrier.posts == []
    assert set(statuses(database)) <= {"CANCELLED"}
