"""Caps on sends a second: token buckets in the claim, on a clock of the test's own."""

import threading
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from db.queries.deliveries import claim_messages
from db.queries.maintenance import count_due_work
from tests.factories import make_tenant

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
LONG_AGO = START - timedelta(days=1)


@pytest.fixture
def capped(database, execute):
    """(slug, rate, burst) → id of a tenant whose bucket is full."""

    def make(slug, rate, burst=None):
        tenant_id = make_tenant(database, slug)
        execute(
            "UPDATE tenants SET sends_per_second = %s, send_burst = %s WHERE id = %s",
            [rate, burst, tenant_id],
        )
        return tenant_id

    return make


@pytest.fixture
def claim(database):
    def run(now, batch_size=200):
        with database.transaction() as connection:
            return claim_messages(
                connection,
                batch_size=batch_size,
                max_attempts=3,
                lease_token=uuid.uuid4(),
                lease_s=3600,
                paused_wait_s=15,
                now=now,
            )

    return run


def queue(queue_messages, tenant_id, count, **columns):
    return queue_messages(tenant_id, count, due_at=LONG_AGO, **columns)


@pytest.mark.parametrize(("rate", "every_s"), [(7.3, 0.5), (50, 0.1), (0.5, 0.25), (3, 1)])
def test_the_rate_is_held_whatever_the_pace_of_claims(claim, capped, queue_messages, rate, every_s):
    tenant_id = capped("slow", rate, max(1, round(rate * 2)))
    seconds = 60
    queue(queue_messages, tenant_id, int(rate * seconds * 1.5) + 20)
    claim(START)  # the burst
    sent = [
        len(claim(START + timedelta(seconds=n * every_s)))
        for n in range(1, round(seconds / every_s) + 1)
    ]
    assert sum(sent) == pytest.approx(rate * seconds, rel=0.03, abs=1)
    assert max(sent) <= rate * every_s + 1


def test_a_burst_after_silence_then_the_rate(claim, capped, queue_messages):
    tenant_id = capped("bursty", 2, 20)
    queue(queue_messages, tenant_id, 100)
    counts = [len(claim(START + timedelta(seconds=n))) for n in (0, 0, 1, 2, 12, 60, 61)]
    assert counts == [20, 0, 2, 2, 20, 20, 2]


def test_without_a_burst_it_is_a_seconds_worth(claim, capped, queue_messages):
    tenant_id = capped("plain", 5)
    queue(queue_messages, tenant_id, 100)
    assert [len(claim(START + timedelta(seconds=n))) for n in (0, 0, 0.4, 100)] == [5, 0, 2, 5]


def test_others_are_unaffected_and_get_the_whole_batch(claim, capped, queue_messages, database):
    slow, free = capped("slow", 1), make_tenant(database, "free")
    queue(queue_messages, slow, 300)
    queue(queue_messages, free, 300)
    first, second = claim(START, 100), claim(START, 100)
    assert Counter(m.tenant_id for m in first) == {slow: 1, free: 50}
    assert Counter(m.tenant_id for m in second) == {free: 100}
    assert {m.tenant_id for m in first if m.more_due} == {free}


def test_the_capped_tenant_is_not_starved_by_the_others(claim, capped, queue_messages, database):
    slow, free = capped("slow", 1), make_tenant(database, "free")
    queue(queue_messages, free, 300)
    queue(queue_messages, slow, 30)
    for n in range(10):
        claimed = claim(START + timedelta(seconds=n), 20)
        assert Counter(m.tenant_id for m in claimed)[slow] == 1


def test_what_exceeds_the_cap_stays_untouched(claim, capped, queue_messages, execute):
    tenant_id = capped("slow", 1)
    queue(queue_messages, tenant_id, 50)
    claim(START)
    places = execute("SELECT id, ctid::text, xmin::text FROM messages WHERE status = 'QUEUED'")
    assert len(places) == 49
    assert claim(START) == []
    assert claim(START + timedelta(milliseconds=900)) == []
    assert (
        execute("SELECT id, ctid::text, xmin::text FROM messages WHERE status = 'QUEUED'") == places
    )


def test_eight_claims_at_once_share_one_bucket(claim, capped, queue_messages, execute):
    tenant_id = capped("raced", 10, 25)
    queue(queue_messages, tenant_id, 400)
    barrier = threading.Barrier(8)
    counts = []

    def work():
        barrier.wait(10)
        counts.extend(len(claim(START + timedelta(seconds=n / 10))) for n in range(21))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 25 <= sum(counts) <= 45
    assert execute("SELECT count(*) FROM messages WHERE status = 'SENDING'") == [(sum(counts),)]


def test_only_what_is_sent_is_paid_for(claim, capped, queue_messages, execute):
    tenant_id = capped("slow", 1, 10)
    queue(queue_messages, tenant_id, 10)
    execute("UPDATE contacts SET do_not_contact = true")
    assert {m.status for m in claim(START)} == {"CANCELLED"}
    execute("UPDATE contacts SET do_not_contact = false")
    queue(queue_messages, tenant_id, 30, start=5000)
    assert len(claim(START)) == 10


def test_what_missed_its_hours_needs_no_token(claim, capped, queue_messages):
    tenant_id = capped("slow", 1)
    queue(queue_messages, tenant_id, 5)
    queue(queue_messages, tenant_id, 40, start=5000, sendable_until=START - timedelta(hours=1))
    claim(START)
    claimed = claim(START) + claim(START)
    assert all(m.stale for m in claimed)
    assert len(claimed) in (0, 40)  # none, while the first in line has its hours


def test_a_send_taken_over_is_paid_for(claim, capped, queue_messages, execute):
    tenant_id = capped("slow", 1, 3)
    queue(queue_messages, tenant_id, 10)
    assert len(claim(START)) == 3
    execute("UPDATE messages SET lease_until = %s WHERE status = 'SENDING'", [START])
    later = START + timedelta(seconds=2)
    assert len(claim(later)) == 5  # three of a lost sender, two of the bucket
    assert [len(claim(later + timedelta(seconds=n))) for n in range(1, 6)] == [0, 0, 0, 1, 1]


def test_a_cap_that_is_lifted_no_longer_holds(claim, capped, queue_messages, execute):
    tenant_id = capped("slow", 1)
    queue(queue_messages, tenant_id, 50)
    assert len(claim(START)) == 1
    execute("UPDATE tenants SET sends_per_second = NULL")
    assert len(claim(START)) == 49


def test_the_tick_does_not_ring_for_what_the_bucket_does_not_hold(
    database, claim, capped, queue_messages, execute
):
    tenant_id = capped("slow", 0.001, 5)
    queue(queue_messages, tenant_id, 50)

    def due():
        limits = {"steps": 10, "messages": 100, "webhooks": 1, "webhooks_per_tenant": 1}
        limits |= {"calls": 1, "runs": 1, "firings": 1}
        with database.transaction() as connection:
            rows = count_due_work(connection, **limits, kinds=[], schedules=[])
        return next(row.due for row in rows if row.ledger == "messages")

    assert due() == 5
    assert len(claim(None)) == 5
    assert due() == 0
    execute("UPDATE tenants SET sends_per_second = NULL")
    assert due() == 45
