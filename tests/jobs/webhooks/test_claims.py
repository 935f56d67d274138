"""Who is called when there is more to call than at once."""

from collections import Counter
from uuid import uuid4

import pytest

from db.queries.webhooks import CallResult, apply_answers, claim_calls
from tests.factories import make_contacts, make_tenant
from tests.jobs.journeys.journeys import apply_journey, enroll, query

JOURNEY = {
    "journey": "hooked",
    "start": "hook",
    "nodes": {
        "hook": {"type": "webhook", "url": "https://hooks.example", "next": "done"},
        "done": {"type": "end"},
    },
}


@pytest.fixture
def due(database):
    """(slug, count) → tenant_id: calls that are due, each with a step that waits."""

    def make(slug, count):
        tenant_id = make_tenant(database, slug)
        journey = apply_journey(database, tenant_id, JOURNEY)
        enroll(database, tenant_id, journey, make_contacts(database, tenant_id, count))
        query(
            database,
            "WITH step AS ("
            " UPDATE pending_executions SET wait_key = 'webhook answer',"
            " scheduled_at = now() + interval '1 day' WHERE tenant_id = %s RETURNING *)"
            " INSERT INTO webhook_calls (tenant_id, id, journey_id, journey_contact_id,"
            " execution_id, url, body, due_at)"
            " SELECT tenant_id, trunkline_uuid7(), journey_id, journey_contact_id, id,"
            " 'https://hooks.example', '{}', now() FROM step",
            tenant_id,
        )
        return tenant_id

    return make


def claim(database, *, batch_size=100, per_tenant=100, token=None, lease_s=60, now=None):
    with database.transaction() as connection:
        return claim_calls(
            connection,
            batch_size=batch_size,
            per_tenant=per_tenant,
            lease_token=token or uuid4(),
            lease_s=lease_s,
            paused_wait_s=15,
            now=now,
        )


def by_tenant(claimed):
    return Counter(call.tenant_id for call in claimed)


def test_each_tenant_gets_its_share_of_a_batch(database, due):
    many, few = due("many", 50), due("few", 3)

    claimed = claim(database, batch_size=20)

    assert by_tenant(claimed) == {many: 10, few: 3}
    assert {call.tenant_id for call in claimed if call.more_due} == {many}


def test_a_tenant_has_no_more_under_way_than_it_may(database, due):
    hanging, quick = due("hanging", 50), due("quick", 8)

    assert by_tenant(claim(database, batch_size=6, per_tenant=5)) == {hanging: 3, quick: 3}
    assert by_tenant(claim(database, batch_size=40, per_tenant=5)) == {hanging: 2, quick: 2}
    assert claim(database, batch_size=40, per_tenant=5) == []
    query(
        database,
        "UPDATE webhook_calls SET lease_token = NULL, due_at = now() WHERE tenant_id = %s",
        quick,
    )
    again = claim(database, batch_size=40, per_tenant=5)
    assert by_tenant(again) == {quick: 5}  # of eight
    assert all(call.more_due for call in again)
    # What a dead worker left is not under way.
    query(
        database,
        "UPDATE webhook_calls SET due_at = now() - interval '1 s' WHERE lease_token IS NOT NULL",
    )
    assert by_tenant(claim(database, batch_size=40, per_tenant=5)) == {hanging: 5, quick: 5}


def test_the_longest_waiting_tenants_come_first(database, due):
    first, second = due("first", 1), due("second", 1)
    query(
        database,
        "UPDATE webhook_calls SET due_at = now() - interval '1 min' WHERE tenant_id = %s",
        second,
    )
    assert by_tenant(claim(database, batch_size=1)) == {second: 1}
    assert by_tenant(claim(database, batch_size=1)) == {first: 1}


def test_a_batch_holds_no_more_than_its_size(database, due):
    for number in range(7):
        due(f"tenant-{number}", 5)
    assert len(claim(database, batch_size=10)) == 7
    assert len(claim(database, batch_size=3)) == 3


def test_a_suspended_tenant_waits_and_keeps_nobody_waiting(database, due):
    suspended, active = due("suspended", 5), due("active", 5)
    query(database, "UPDATE tenants SET status = 'SUSPENDED' WHERE id = %s", suspended)
    assert by_tenant(claim(database, batch_size=6)) == {active: 5}


def test_only_whoever_holds_the_lease_may_write(database, due):
    tenant_id = due("acme", 2)
    token = uuid4()
    first, second = claim(database, token=token)
    with database.transaction() as connection:
        results = [
            CallResult(tenant_id, first.id, {"outcome": "success"}),
            CallResult(tenant_id, second.id, None, 1.0, "HTTP 500"),
        ]
        assert apply_answers(connection, uuid4(), results) == (0, 0, 0)
        assert apply_answers(connection, token, results) == (1, 1, 1)
        assert apply_answers(connection, token, results) == (0, 0, 0)
    assert query(database, "SELECT signal FROM pending_executions WHERE scheduled_at <= now()") == [
        ({"outcome": "success"},)
    ]


def test_two_claims_at_once_take_different_calls(database, due):
    due("acme", 10)
    with database.transaction() as connection:
        first = claim_calls(
            connection, batch_size=6, per_tenant=6, lease_token=uuid4(), lease_s=60,
            paused_wait_s=15,
        )  # fmt: skip
        second = claim(database, batch_size=6, per_tenant=6)
    assert (len(first), len(second)) == (6, 4)
    assert not {call.id for call in first} & {call.id for call in second}
