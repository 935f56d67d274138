"""Messages that waited past the hours in which their contacts may be reached."""

from datetime import UTC, datetime, timedelta

import pytest

from db.counter import count_statements
from jobs.deliveries.batch import run_deliveries
from jobs.journeys.batch import StepRunner
from tests.factories import make_tenant, set_rules

EVENING = datetime(2026, 3, 3, 1, 59, tzinfo=UTC)  # a minute to nine in New York
NIGHT = datetime(2026, 3, 3, 8, tzinfo=UTC)  # three there
MORNING = datetime(2026, 3, 3, 13, tzinfo=UTC)
NINE = datetime(2026, 3, 3, 2, tzinfo=UTC)


@pytest.fixture
def run(database, settings, gateway):
    runner = StepRunner(database, settings)

    def at(now, *, next_hours=runner.next_hours):
        return run_deliveries(database, settings, gateway, next_hours, now)

    return at


@pytest.fixture
def night_owl(database):
    return make_tenant(database, "owl", any_time=False)


def queue(queue_messages, tenant_id, count, **columns):
    return queue_messages(tenant_id, count, due_at=EVENING, sendable_until=NINE, **columns)


def test_a_gateway_that_was_down_over_night_sends_in_the_morning(
    run, night_owl, queue_messages, execute, carrier
):
    queue(queue_messages, night_owl, 3)

    by_night = run(NIGHT)

    assert (by_night.claimed, by_night.put_off, by_night.more) == (0, 3, True)
    assert carrier.posts == []
    assert execute(
        "SELECT DISTINCT status, due_at, sendable_until, attempts, error FROM messages"
    ) == [("QUEUED", MORNING, NINE + timedelta(days=1), 0, "waits: its hours are over")]
    assert run(MORNING - timedelta(seconds=1)).claimed == 0
    assert run(MORNING).sent == 3


def test_within_its_hours_a_message_goes(run, night_owl, queue_messages):
    queue(queue_messages, night_owl, 2)
    assert run(NINE - timedelta(milliseconds=1)).sent == 2


def test_zones_are_each_their_own(run, night_owl, queue_messages, execute, database):
    queue(queue_messages, night_owl, 2)
    execute(
        "UPDATE contacts SET timezone = 'Asia/Kathmandu' WHERE id ="
        " (SELECT contact_id FROM messages LIMIT 1)"
    )
    assert run(NIGHT).put_off == 2  # a quarter to two in the afternoon in Kathmandu
    again = run(NIGHT)
    assert (again.sent, again.more) == (1, False)


@pytest.mark.parametrize("count", [50, 2000])
def test_it_costs_two_statements_at_any_size(
    run, night_owl, queue_messages, count, database, settings, gateway
):
    queue(queue_messages, night_owl, count)
    big = settings.model_copy(update={"delivery_batch_size": count})
    runner = StepRunner(database, settings)
    with count_statements() as counted:
        outcome = run_deliveries(database, big, gateway, runner.next_hours, NIGHT)
    assert (outcome.put_off, counted.statements) == (count, 3)  # the claim, the rules, new hours


def test_without_anybody_who_knows_the_rules_they_wait(run, night_owl, queue_messages, carrier):
    queue(queue_messages, night_owl, 1)
    assert run(NIGHT, next_hours=None).put_off == 1
    assert run(NIGHT, next_hours=None).put_off == 0
    assert carrier.posts == []
    assert run(NIGHT + timedelta(minutes=1)).put_off == 1


def test_rules_that_changed_meanwhile_hold(run, night_owl, queue_messages, database):
    queue(queue_messages, night_owl, 2)
    with database.transaction() as connection:
        set_rules(connection, night_owl, quiet_starts_at=None, quiet_ends_at=None)
    assert run(NIGHT).put_off == 2
    assert run(NIGHT).sent == 2


def test_a_zone_that_is_none_waits_an_hour_and_harms_no_other(
    run, night_owl, queue_messages, execute
):
    queue(queue_messages, night_owl, 2)
    execute(
        "UPDATE contacts SET timezone = 'Nowhere' WHERE id ="
        " (SELECT contact_id FROM messages LIMIT 1)"
    )
    assert run(NIGHT).put_off == 2
    assert execute("SELECT due_at FROM messages ORDER BY 1") == [
        (NIGHT + timedelta(hours=1),),
        (MORNING,),
    ]


def test_a_lost_sender_s_message_is_not_sent_late_either(
    run, night_owl, queue_messages, execute, carrier
):
    queue(queue_messages, night_owl, 1, status="SENDING", lease_until=NINE)
    assert run(NIGHT).put_off == 1
    assert carrier.posts == []
    assert execute("SELECT status, due_at, lease_token FROM messages") == [
        ("QUEUED", MORNING, None)
    ]


def test_do_not_contact_comes_before_the_hours(run, night_owl, queue_messages, execute):
    queue(queue_messages, night_owl, 1)
    execute("UPDATE contacts SET do_not_contact = true")
    assert run(NIGHT).cancelled == 1
