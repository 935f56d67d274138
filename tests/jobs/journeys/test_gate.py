"""The rules at work in batches: who is reached now, who later, who not at all."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from db.counter import count_statements
from jobs.journeys.batch import StepRunner
from jobs.journeys.lifecycle.contacts import resume_contacts
from jobs.journeys.lifecycle.journeys import resume_tenant, suspend_tenant
from jobs.journeys.lifecycle.overdue import Overdue
from jobs.journeys.rules.activity import BUSY
from tests.factories import make_contacts, make_tenant, set_rules
from tests.jobs.journeys.journeys import apply_journey, enroll, enrolled, query

NOON = datetime(2026, 3, 2, 17, tzinfo=UTC)  # a Monday, twelve in New York
EVENING = datetime(2026, 3, 3, 3, tzinfo=UTC)  # ten in the evening there
NONE = {"quiet_starts_at": None, "quiet_ends_at": None}


def hello(key="hello", **node):
    nodes = {"sms": {"type": "send_sms", "body": "Hi", "next": "end"}, "end": {"type": "end"}}
    nodes["sms"] |= node
    return {"journey": key, "start": "sms", "nodes": nodes}


@pytest.fixture
def runner(database, settings):
    return StepRunner(database, settings.model_copy(update={"batch_size": 5000}))


def lay_down(database, tenant_id, **columns):
    with database.transaction() as connection:
        set_rules(connection, tenant_id, **columns)


def pending(database):
    return query(
        database, "SELECT state, scheduled_at, attempts, error FROM pending_executions ORDER BY id"
    )


def sent(database, tenant_id, contact_id, journey_id, at, status="SENT"):
    """A message that a contact got from a journey, in the past."""
    query(
        database,
        "INSERT INTO messages (tenant_id, contact_id, journey_id, to_number, body, status, due_at,"
        " sent_at) SELECT %s, %s, %s, '+15550000000', 'x', s, at,"
        " CASE WHEN s = 'SENT' THEN at END FROM (VALUES (%s::text, %s::timestamptz)) AS v (s, at)",
        tenant_id,
        contact_id,
        journey_id,
        status,
        at,
    )


def test_a_tenant_that_laid_nothing_down_is_quiet_by_night_where_the_contact_is(database, runner):
    tenant_id = make_tenant(database, any_time=False)
    journey = apply_journey(database, tenant_id, hello())
    here = make_contacts(database, tenant_id, 2)
    there = make_contacts(database, tenant_id, 3, start=10, timezone="Asia/Kathmandu")
    enroll(database, tenant_id, journey, [*here, *there], at=EVENING)

    outcome = runner.run_batch(EVENING)  # a quarter to nine in the morning in Kathmandu

    assert (outcome.messages, outcome.rescheduled) == (3, 2)
    morning = datetime(2026, 3, 3, 13, tzinfo=UTC)  # eight in New York
    held_off = [row for row in pending(database) if row[1] > EVENING]
    assert held_off == [("DUE", morning, 0, "quiet hours of the contact")] * 2
    assert query(database, "SELECT DISTINCT sendable_until FROM messages") == [
        (datetime(2026, 3, 3, 15, 15, tzinfo=UTC),)  # nine in the evening in Kathmandu
    ]
    runner.run_batch(EVENING)  # the end nodes
    assert runner.run_batch(EVENING).claimed == 0
    assert runner.run_batch(morning).messages == 2


@pytest.mark.parametrize(
    ("outside", "status", "state"),
    [("skip", [("SKIPPED", "next")], "DUE"), ("pause", [], "HELD")],
)
def test_outside_the_hours_steps_can_be_skipped_or_held(database, runner, outside, status, state):
    tenant_id, _ = enrolled(database, 3, raw=hello(), at=EVENING)
    lay_down(database, tenant_id, **NONE, opens_at="09:00", closes_at="17:00", outside=outside)

    outcome = runner.run_batch(EVENING)

    assert (outcome.claimed, outcome.messages) == (3, 0)
    assert query(database, "SELECT DISTINCT status, outcome FROM journey_node_executions") == status
    assert {row[0] for row in pending(database)} == {state}
    if state == "HELD":
        assert {row[3] for row in pending(database)} == {"outside the tenant's opening hours"}
        assert query(database, "SELECT DISTINCT status FROM journey_contacts") == [("PAUSED",)]
        contacts = [row[0] for row in query(database, "SELECT id FROM contacts")]
        # what is resumed for another reason leaves them as they are
        suspend_tenant(database, tenant_id)
        resume_tenant(database, tenant_id, Overdue("run"))
        assert {row[0] for row in pending(database)} == {"HELD"}
        resume_contacts(database, tenant_id, contacts, overdue=Overdue("run"))
        assert runner.run_batch(NOON + timedelta(days=1)).messages == 3


def test_a_step_that_follows_is_not_looked_at_before_the_tenant_opens(database, runner):
    raw = hello()
    raw |= {"start": "wait"}
    raw["nodes"]["wait"] = {"type": "delay", "seconds": 1, "next": "sms"}
    tenant_id, _ = enrolled(database, 3, raw=raw, at=EVENING)
    lay_down(database, tenant_id, **NONE, opens_at="09:00", closes_at="17:00")

    outcome = runner.run_batch(EVENING + timedelta(seconds=1))

    assert (outcome.completed, outcome.more_due) == (3, False)
    opening = datetime(2026, 3, 3, 14, tzinfo=UTC)
    assert {row[1] for row in pending(database)} == {opening}
    assert runner.run_batch(opening).messages == 3


def test_do_not_contact_is_skipped_at_any_hour(database, runner):
    tenant_id = make_tenant(database, any_time=False)
    journey = apply_journey(database, tenant_id, hello())
    contacts = make_contacts(database, tenant_id, 2, do_not_contact=True)
    enroll(database, tenant_id, journey, contacts, at=EVENING)

    assert runner.run_batch(EVENING).completed == 2
    assert query(database, "SELECT DISTINCT status, result FROM journey_node_executions") == [
        ("SKIPPED", {"skipped": "do_not_contact"})
    ]


class TestMessagesPerDay:
    def test_two_steps_of_a_contact_in_one_batch_are_two_messages(self, database, runner):
        tenant_id, _ = enrolled(database, 2, raw=hello("one"), at=NOON)
        lay_down(database, tenant_id, **NONE, max_messages_per_day=1)
        contacts = [row[0] for row in query(database, "SELECT id FROM contacts")]
        other = apply_journey(database, tenant_id, hello("two"))
        enroll(database, tenant_id, other, contacts, at=NOON - timedelta(minutes=1))

        outcome = runner.run_batch(NOON)

        assert (outcome.messages, outcome.rescheduled) == (2, 2)
        assert query(database, "SELECT DISTINCT journey_id FROM messages") == [(other.id,)]
        midnight = datetime(2026, 3, 3, 5, tzinfo=UTC)
        late = [row for row in pending(database) if row[1] > NOON]
        assert late == [("DUE", midnight, 0, "the contact had its messages of the day: 1")] * 2
        runner.run_batch(NOON)
        query(database, "UPDATE messages SET status = 'SENT', sent_at = %s", NOON)
        assert runner.run_batch(midnight).messages == 2

    @pytest.mark.parametrize(
        ("hours_ago", "status", "runs"),
        [
            (11, "SENT", False),
            (13, "SENT", True),  # yesterday, where the contact is
            (11, "FAILED", True),
            (11, "CANCELLED", True),
            (13, "QUEUED", False),  # it will go today
        ],
    )
    def test_what_counts_is_what_the_contact_gets_on_its_own_day(
        self, database, runner, hours_ago, status, runs
    ):
        tenant_id, journey = enrolled(database, 1, raw=hello(), at=NOON)
        lay_down(database, tenant_id, **NONE, max_messages_per_day=1)
        [(contact_id,)] = query(database, "SELECT id FROM contacts")
        at = NOON - timedelta(hours=hours_ago)
        sent(database, tenant_id, contact_id, journey.id, at, status)

        assert (runner.run_batch(NOON).messages == 1) is runs

    def test_the_next_day_begins_within_the_hours(self, database, runner):
        tenant_id, journey = enrolled(database, 1, raw=hello(), at=NOON)
        lay_down(database, tenant_id, max_messages_per_day=1)  # quiet until eight
        [(contact_id,)] = query(database, "SELECT id FROM contacts")
        sent(database, tenant_id, contact_id, journey.id, NOON)

        runner.run_batch(NOON)

        assert pending(database)[0][1] == datetime(2026, 3, 3, 13, tzinfo=UTC)

    def test_a_contact_in_another_batchs_hands_is_looked_at_again(self, database, settings):
        tenant_id, _ = enrolled(database, 3, raw=hello(), at=NOON)
        lay_down(database, tenant_id, **NONE, max_messages_per_day=1)
        [(held,)] = query(database, "SELECT id FROM contacts ORDER BY id LIMIT 1")
        runner = StepRunner(database, settings)
        with database.transaction() as connection:
            connection.execute("SELECT FROM contacts WHERE id = %s FOR NO KEY UPDATE", [held])
            outcome = runner.run_batch(NOON)

        assert (outcome.messages, outcome.rescheduled) == (2, 1)
        assert ("DUE", NOON + timedelta(seconds=1), 0, BUSY) in pending(database)
        assert runner.run_batch(NOON + timedelta(seconds=1)).messages == 1

    def test_many_batches_at_once_never_exceed_it(self, database, settings):
        """Five journeys ask for one message each, of each contact, from four workers."""
        tenant_id = make_tenant(database)
        lay_down(database, tenant_id, **NONE, max_messages_per_day=2)
        contacts = make_contacts(database, tenant_id, 40)
        for n in range(5):
            journey = apply_journey(database, tenant_id, hello(f"j{n}"))
            enroll(database, tenant_id, journey, contacts, at=NOON)
        runner = StepRunner(database, settings.model_copy(update={"batch_size": 7}))
        barrier = threading.Barrier(4)

        def work():
            barrier.wait(10)
            for second in range(60):
                runner.run_batch(NOON + timedelta(seconds=second))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        counts = query(database, "SELECT count(*) FROM messages GROUP BY contact_id")
        assert counts == [(2,)] * 40


class TestResubmission:
    @pytest.fixture
    def other(self, database):
        """A tenant with one contact that another journey reached three hours ago."""
        tenant_id, _ = enrolled(database, 1, raw=hello("mine"), at=NOON)
        theirs = apply_journey(database, tenant_id, hello("theirs"))
        [(contact_id,)] = query(database, "SELECT id FROM contacts")
        sent(database, tenant_id, contact_id, theirs.id, NOON - timedelta(hours=3))
        return tenant_id

    @pytest.mark.parametrize(
        ("rule", "messages", "state"),
        [
            ("continue", 1, "DUE"),
            ("skip", 0, "DUE"),
            ("pause", 0, "HELD"),
            ("reschedule", 0, "DUE"),
        ],
    )
    def test_each_rule(self, database, runner, other, rule, messages, state):
        lay_down(database, other, **NONE, resubmission=rule)

        assert runner.run_batch(NOON).messages == messages

        [(found, at, attempts, _)] = pending(database)
        assert (found, attempts) == (state, 0)
        statuses = query(database, "SELECT status FROM journey_node_executions")
        assert statuses == {"continue": [("COMPLETED",)], "skip": [("SKIPPED",)]}.get(rule, [])
        if rule == "reschedule":
            assert at == NOON + timedelta(hours=21)
            assert runner.run_batch(at).messages == 1

    def test_the_window_is_the_tenants(self, database, runner, other):
        lay_down(database, other, **NONE, resubmission="skip", resubmission_hours=3)
        assert runner.run_batch(NOON).messages == 1

    def test_a_journey_may_go_on_with_its_own_contacts(self, database, runner, other):
        lay_down(database, other, **NONE, resubmission="skip")
        query(
            database,
            "UPDATE messages SET journey_id = (SELECT id FROM journeys WHERE key = 'mine')",
        )
        assert runner.run_batch(NOON).messages == 1

    def test_two_journeys_in_one_batch_see_each_other(self, database, runner):
        tenant_id, first = enrolled(database, 1, raw=hello("one"), at=NOON - timedelta(minutes=1))
        lay_down(database, tenant_id, **NONE, resubmission="skip")
        contacts = [row[0] for row in query(database, "SELECT id FROM contacts")]
        enroll(
            database, tenant_id, apply_journey(database, tenant_id, hello("two")), contacts, at=NOON
        )

        assert runner.run_batch(NOON).messages == 1
        assert query(database, "SELECT journey_id FROM messages") == [(first.id,)]


@pytest.mark.parametrize("size", [100, 5000])
def test_all_rules_cost_one_statement_at_any_size(database, runner, size):
    """Run, put off and held at once: claim, nodes, tenants, contacts, activity; five to apply."""
    laid_down = {
        "free": NONE,
        "limited": {**NONE, "max_messages_per_day": 1, "resubmission": "reschedule"},
        "closed": {**NONE, "opens_at": "20:00", "closes_at": "21:00"},
        "held": {**NONE, "opens_at": "20:00", "closes_at": "21:00", "outside": "pause"},
    }
    for slug, columns in laid_down.items():
        tenant_id, _ = enrolled(database, size // 4, slug=slug, raw=hello(), at=NOON)
        lay_down(database, tenant_id, **columns)

    with count_statements() as count:
        outcome = runner.run_batch(NOON)

    assert (outcome.claimed, outcome.messages) == (size, size // 2)
    assert outcome.statements == count.statements == 9, count.texts


def test_free_tenants_pay_nothing_for_the_rules(database, runner):
    tenant_id, _ = enrolled(database, 100, raw=hello(), at=NOON)
    lay_down(database, tenant_id)  # the defaults

    outcome = runner.run_batch(NOON)

    # claim, nodes, tenants, contacts; messages, steps
    assert (outcome.messages, outcome.statements) == (100, 6)
