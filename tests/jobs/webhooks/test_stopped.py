"""What was paused, removed, suspended or archived is not called, however it raced."""

from datetime import UTC, datetime

import pytest

from jobs.journeys.batch import StepRunner
from jobs.webhooks.batch import run_webhooks
from tests.jobs.journeys.journeys import enrolled, query
from tests.jobs.journeys.lifecycle.races import Stopped, during
from tests.jobs.webhooks.test_batch import CHANGES, journey

START = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(("change", "waiting"), CHANGES.values(), ids=CHANGES)
def test_calls_of_the_batch_under_way_are_not_made(
    database, settings, client, service, monkeypatch, change, waiting
):
    tenant_id, _ = enrolled(database, 4, raw=journey(service.url), at=START)
    query(database, "UPDATE tenants SET webhook_allow_private = true")
    ids = [row[0] for row in query(database, "SELECT id FROM contacts")]
    with Stopped(StepRunner(database, settings), monkeypatch, now=START) as stopped:
        _, outcome, waited = during(database, stopped, lambda: change(database, tenant_id, ids))
    assert (waited, outcome.webhooks) == (True, 4)

    for _ in range(2):
        assert run_webhooks(database, settings, client, START).claimed == 0

    assert service.requests == []
    assert query(database, "SELECT count(*) FROM webhook_calls") == [(4 * waiting,)]
