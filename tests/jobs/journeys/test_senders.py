"""From which number a message goes, chosen in the database."""

from collections import Counter
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from jobs.journeys.batch import StepRunner
from tests.factories import make_contacts, make_tenant
from tests.jobs.journeys.journeys import apply_journey, enroll, query

START = datetime(2026, 3, 2, 15, tzinfo=UTC)
NUMBERS = [f"+1555100{n:04}" for n in range(7)]


def make_dids(database, tenant_id, numbers, status="ACTIVE"):
    query(
        database,
        "INSERT INTO dids (tenant_id, number, status) SELECT %s, unnest(%s::text[]), %s",
        tenant_id, numbers, status,
    )  # fmt: skip


@pytest.fixture
def runner(database, settings):
    return StepRunner(database, settings.model_copy(update={"batch_size": 10_000}))


def tenant_with(database, numbers, slug="acme"):
    tenant_id = make_tenant(database, slug)
    query(database, "UPDATE tenants SET sms_sender = 'ACME' WHERE id = %s", tenant_id)
    make_dids(database, tenant_id, numbers)
    return tenant_id


def send(database, runner, tenant_id, contacts, sender):
    """Take the contacts through a journey of one message; returns {contact: its sender}."""
    name = "by-" + sender.lstrip("+")
    raw = {
        "journey": name,
        "start": "a",
        "nodes": {
            "a": {"type": "send_sms", "body": "Hi", "sender": sender, "next": "b"},
            "b": {"type": "send_sms", "body": "Ho", "sender": sender, "next": "z"},
            "z": {"type": "end"},
        },
    }
    enroll(database, tenant_id, apply_journey(database, tenant_id, raw), contacts, at=START)
    while runner.run_batch(START).more_due:
        pass
    rows = query(
        database,
        "SELECT contact_id, array_agg(from_number ORDER BY body) FROM messages"
        " JOIN journeys j ON j.id = journey_id WHERE j.key = %s GROUP BY contact_id",
        name,
    )
    assert len(rows) == len(contacts)
    return dict(rows)


def highest_lot(contact_id, numbers):
    return max(numbers, key=lambda number: sha256(f"{contact_id}:{number}".encode()).digest())


def test_sticky_is_the_same_number_for_a_contact_and_uses_every_number(database, runner):
    tenant_id = tenant_with(database, NUMBERS)
    make_dids(database, tenant_id, ["+15550000000", "+15559999999"], "INACTIVE")
    tenant_with(database, ["+15551111111"], "other")
    contacts = make_contacts(database, tenant_id, 10_000)
    senders = send(database, runner, tenant_id, contacts, "sticky")
    for contact_id, (first, second) in senders.items():
        assert first == second == highest_lot(contact_id, NUMBERS)
    counts = Counter(first for first, _ in senders.values())
    assert set(counts) == set(NUMBERS)
    # a few percent of a seventh: chance is off by 35 in one of three, by 140 in one of 15,000
    assert all(abs(count - 10_000 / 7) < 140 for count in counts.values()), counts


def test_random_is_another_number_for_another_message_and_uses_every_number(database, runner):
    tenant_id = tenant_with(database, NUMBERS)
    contacts = make_contacts(database, tenant_id, 5_000)
    senders = send(database, runner, tenant_id, contacts, "random")
    counts = Counter(number for pair in senders.values() for number in pair)
    assert set(counts) == set(NUMBERS)
    assert all(abs(count - 10_000 / 7) < 140 for count in counts.values()), counts
    same = sum(first == second for first, second in senders.values())
    assert 600 < same < 830  # a seventh


def test_every_contact_keeps_its_number_while_the_numbers_are_the_same(database, runner):
    tenant_id = tenant_with(database, NUMBERS)
    contacts = make_contacts(database, tenant_id, 50)
    before = send(database, runner, tenant_id, contacts, "sticky")
    query(database, "DELETE FROM dids")
    make_dids(database, tenant_id, NUMBERS[::-1])  # as they are, not as they were made
    query(database, "DELETE FROM messages")
    query(database, "UPDATE journeys SET key = 'before'")
    assert send(database, runner, tenant_id, contacts, "sticky") == before


def test_one_number_more_or_less_moves_only_the_contacts_that_get_or_lose_it(database, runner):
    tenant_id = tenant_with(database, NUMBERS)
    contacts = make_contacts(database, tenant_id, 4_000)

    def senders():
        query(database, "DELETE FROM messages")
        query(database, "UPDATE journeys SET key = gen_random_uuid()::text")
        found = send(database, runner, tenant_id, contacts, "sticky")
        return {contact_id: first for contact_id, (first, _) in found.items()}

    before = senders()
    added = "+15551009999"
    make_dids(database, tenant_id, [added])
    more = senders()
    moved = [contact_id for contact_id in contacts if more[contact_id] != before[contact_id]]
    assert {more[contact_id] for contact_id in moved} == {added}
    assert abs(len(moved) - 4_000 / 8) < 100  # chance is off by 21 in one of three
    query(database, "UPDATE dids SET status = 'INACTIVE' WHERE number = %s", NUMBERS[3])
    fewer = senders()
    assert {
        more[contact_id] for contact_id in contacts if fewer[contact_id] != more[contact_id]
    } == {NUMBERS[3]}
    assert NUMBERS[3] not in fewer.values()


@pytest.mark.parametrize(
    ("numbers", "sender", "expected"),
    [
        ([], "sticky", "ACME"),
        ([], "random", "ACME"),
        (NUMBERS, "+15557654321", "+15557654321"),
        (NUMBERS[:1], "sticky", NUMBERS[0]),
        (NUMBERS[:1], "random", NUMBERS[0]),
    ],
)
def test_number_where_there_is_no_choice(database, runner, numbers, sender, expected):
    tenant_id = tenant_with(database, numbers)
    tenant_with(database, ["+15551111111"], "other")
    contacts = make_contacts(database, tenant_id, 3)
    senders = send(database, runner, tenant_id, contacts, sender)
    assert set(map(tuple, senders.values())) == {(expected, expected)}


def test_tenants_in_one_batch_send_from_their_own(database, runner):
    raw = {
        "journey": "j",
        "start": "a",
        "nodes": {"a": {"type": "send_sms", "body": "Hi", "next": "z"}, "z": {"type": "end"}},
    }
    for slug, numbers in (("one", NUMBERS[:3]), ("two", NUMBERS[3:]), ("none", [])):
        tenant_id = tenant_with(database, numbers, slug)
        contacts = make_contacts(database, tenant_id, 100)
        enroll(database, tenant_id, apply_journey(database, tenant_id, raw), contacts, at=START)
    assert runner.run_batch(START).messages == 300
    found = query(
        database,
        "SELECT t.slug, array_agg(DISTINCT from_number ORDER BY from_number) FROM messages m"
        " JOIN tenants t ON t.id = m.tenant_id GROUP BY t.slug ORDER BY t.slug",
    )
    assert found == [("none", ["ACME"]), ("one", NUMBERS[:3]), ("two", NUMBERS[3:])]
