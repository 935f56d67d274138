"""What the claim takes, leaves, puts off and cancels."""

import uuid

import pytest

from db.queries.deliveries import claim_messages, find_withdrawn
from tests.factories import make_tenant


@pytest.fixture
def claim(database):
    """Claim once; returns the rows touched."""

    def run(batch_size=100, *, connection=None, max_attempts=3, now=None):
        arguments = {
            "batch_size": batch_size,
            "max_attempts": max_attempts,
            "lease_token": uuid.uuid4(),
            "lease_s": 30,
            "paused_wait_s": 15,
            "now": now,
        }
        if connection:
            return claim_messages(connection, **arguments)
        with database.transaction() as own:
            return claim_messages(own, **arguments)

    return run


@pytest.fixture
def journey_message(execute, tenant, queue_messages):
    """A queued message of a contact in a journey; returns (journey_id, enrollment_id, contact)."""
    [(journey_id,)] = execute(
        "INSERT INTO journeys (tenant_id, key, name, version, definition)"
        " VALUES (%s, 'j', 'j', 1, '{}') RETURNING id",
        [tenant],
    )
    queue_messages(tenant, 1, journey_id=journey_id)
    [(contact_id,)] = execute("SELECT contact_id FROM messages")
    [(enrollment_id,)] = execute(
        "INSERT INTO journey_contacts (tenant_id, journey_id, contact_id, version, source)"
        " VALUES (%s, %s, %s, 1, 'manual') RETURNING id",
        [tenant, journey_id, contact_id],
    )
    execute("UPDATE messages SET journey_contact_id = %s", [enrollment_id])
    return journey_id, enrollment_id, contact_id


def test_each_tenant_gets_its_share(database, claim, queue_messages):
    big, small = make_tenant(database, "big"), make_tenant(database, "small")
    queue_messages(big, 50)
    queue_messages(small, 3)

    claimed = claim(10)

    assert sum(message.tenant_id == small for message in claimed) == 3
    assert sum(message.tenant_id == big for message in claimed) == 5
    assert {m.tenant_id for m in claimed if m.more_due} == {big}


def test_with_more_tenants_than_places_the_longest_waiting_come_first(
    database, claim, queue_messages, execute
):
    tenants = [make_tenant(database, f"t{number}") for number in range(5)]
    for number, tenant_id in enumerate(tenants):
        queue_messages(tenant_id, 2)
        execute(
            "UPDATE messages SET due_at = now() - make_interval(mins => %s) WHERE tenant_id = %s",
            [number, tenant_id],
        )

    assert {message.tenant_id for message in claim(2)} == set(tenants[3:])
    assert {message.tenant_id for message in claim(2)} == set(tenants[3:])
    assert {message.tenant_id for message in claim(2)} == set(tenants[1:3])


def test_two_claims_at_once_share_the_messages(database, claim, tenant, queue_messages):
    queue_messages(tenant, 6)

    with database.transaction() as connection:
        mine = claim(4, connection=connection)
        others = claim(4)

    assert len(mine) == 4
    assert len(others) == 2
    assert not {m.id for m in mine} & {m.id for m in others}


def test_not_before_its_time_nor_for_a_suspended_tenant(claim, tenant, queue_messages, execute):
    queue_messages(tenant, 1)
    execute("UPDATE messages SET due_at = now() + interval '1 min'")
    assert claim() == []

    execute("UPDATE messages SET due_at = now()")
    execute("UPDATE tenants SET status = 'SUSPENDED'")
    assert claim() == []


def test_a_lost_lease_is_taken_over_until_the_attempts_are_used_up(
    claim, tenant, queue_messages, execute
):
    queue_messages(tenant, 1)
    for attempt in (1, 2, 3):
        [message] = claim(max_attempts=3)
        assert (message.status, message.attempts) == ("SENDING", attempt)
        assert claim(max_attempts=3) == []
        execute("UPDATE messages SET lease_until = now() - interval '1 s'")

    [message] = claim(max_attempts=3)

    assert (message.status, message.attempts) == ("FAILED", 3)
    assert execute("SELECT error FROM messages") == [("its sender was lost 3 times",)]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ("UPDATE contacts SET do_not_contact = true", "CANCELLED"),
        ("UPDATE journeys SET status = 'ARCHIVED'", "CANCELLED"),
        ("UPDATE journey_contacts SET status = 'REMOVED'", "CANCELLED"),
        ("UPDATE journey_contacts SET status = 'FAILED'", "SENDING"),  # its step was completed
        ("UPDATE journeys SET status = 'PAUSED'", "QUEUED"),
        ("UPDATE journey_contacts SET status = 'PAUSED'", "QUEUED"),
        ("UPDATE journey_contacts SET status = 'COMPLETED'", "SENDING"),
    ],
)
def test_what_became_of_contact_and_journey_is_obeyed(
    claim, journey_message, execute, change, status
):
    execute(change)

    [message] = claim()

    assert message.status == status
    [(kept, reason, lease)] = execute("SELECT status, error, lease_token FROM messages")
    assert kept == status
    assert (reason is None) == (status == "SENDING")
    assert (lease is None) == (status != "SENDING")
    assert claim() == []


@pytest.mark.parametrize(
    ("change", "withdrawn"),
    [
        ("UPDATE tenants SET status = 'SUSPENDED'", True),
        ("UPDATE contacts SET do_not_contact = true", True),
        ("UPDATE journeys SET status = 'ARCHIVED'", True),
        ("UPDATE journeys SET status = 'PAUSED'", True),
        ("UPDATE journey_contacts SET status = 'REMOVED'", True),
        ("UPDATE journey_contacts SET status = 'PAUSED'", True),
        ("UPDATE journey_contacts SET status = 'FAILED'", False),
        ("UPDATE journey_contacts SET status = 'COMPLETED'", False),
        ("UPDATE messages SET lease_token = gen_random_uuid()", True),
        ("UPDATE messages SET status = 'CANCELLED'", True),
    ],
)
def test_what_became_of_a_claimed_message_is_seen(
    database, claim, journey_message, execute, change, withdrawn
):
    [message] = claim()
    [(token,)] = execute("SELECT lease_token FROM messages")
    keys = [(message.tenant_id, message.id)]
    with database.transaction() as connection:
        assert find_withdrawn(connection, token, keys) == []
    execute(change)

    with database.transaction() as connection:
        assert find_withdrawn(connection, token, keys) == ([message.id] if withdrawn else [])


def test_a_claimed_message_of_no_journey_is_not_withdrawn(
    database, claim, tenant, queue_messages, execute
):
    queue_messages(tenant, 3)
    keys = [(message.tenant_id, message.id) for message in claim()]
    [(token,)] = execute("SELECT DISTINCT lease_token FROM messages")

    with database.transaction() as connection:
        assert find_withdrawn(connection, token, keys) == []


def test_a_paused_message_goes_after_the_pause(claim, journey_message, execute):
    execute("UPDATE journeys SET status = 'PAUSED'")
    claim()
    execute("UPDATE journeys SET status = 'ACTIVE'")
    execute("UPDATE messages SET due_at = now()")

    assert [(m.status, m.attempts) for m in claim()] == [("SENDING", 1)]


def test_the_claim_reads_by_its_indexes(database, claim, tenant, queue_messages, execute):
    """100,000 sent messages must not be read to find the few that are due."""
    queue_messages(tenant, 100)
    execute(
        "INSERT INTO messages (tenant_id, contact_id, to_number, body, status)"
        " SELECT tenant_id, contact_id, to_number, body, 'SENT'"
        " FROM messages, generate_series(1, 1000)"
    )
    execute("ANALYZE messages")
    with database.transaction() as connection:
        before = _sequential_reads(connection)
        assert len(claim(50, connection=connection)) == 50
        assert _sequential_reads(connection) == before


def _sequential_reads(connection):
    return connection.execute(
        "SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relname = 'messages'"
    ).fetchone()


def test_what_its_hours_run_out_on_while_a_batch_is_sent_does_not_begin(
    database, tenant, queue_messages, execute
):
    ids = queue_messages(tenant, 2)
    token = uuid.uuid4()
    execute("UPDATE messages SET status = 'SENDING', lease_token = %s", [token])
    execute("UPDATE messages SET sendable_until = now() WHERE id = %s", [ids[0]])
    with database.transaction() as connection:
        keys = [(tenant, id_) for id_ in ids]
        assert find_withdrawn(connection, token, keys) == [ids[0]]
