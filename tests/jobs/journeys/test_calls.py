"""Steps that call, in a real database: from the queue to the branch of the outcome."""

from datetime import UTC, datetime, timedelta

import pytest

from db.counter import count_statements
from db.queries.journeys.signals import call_key
from jobs.journeys.batch import StepRunner
from jobs.journeys.lifecycle.contacts import forbid_contacts, remove_contacts
from jobs.journeys.lifecycle.journeys import archive_journey, resume_journey
from jobs.journeys.lifecycle.overdue import Overdue
from jobs.journeys.signals import Signal, send_signals
from tests.factories import make_contacts, make_tenant, set_rules
from tests.jobs.journeys.journeys import apply_journey, enroll, enrolled, query

NOON = datetime(2026, 3, 2, 17, tzinfo=UTC)  # in New York
MINUTE = timedelta(minutes=1)
NONE = {"quiet_starts_at": None, "quiet_ends_at": None}
RAW = {
    "journey": "phone",
    "start": "call",
    "nodes": {
        "call": {
            "type": "make_call",
            "variables": {"NAME": "{{ first_name }}"},
            "ring_seconds": 20,
            "answered": "won",
            "next": "z",
        },
        "won": {"type": "update_contact", "add_tags": ["won"], "next": "z"},
        "z": {"type": "end"},
    },
}
QUEUED = "SELECT contact_id, execution_id FROM call_queue WHERE state = 'QUEUED' ORDER BY id"
HISTORY = (
    "SELECT n.key, x.status, x.outcome, x.result FROM journey_node_executions x"
    " JOIN journey_nodes n ON n.id = x.node_id ORDER BY x.created_at, n.id"
)


@pytest.fixture
def runner(database, settings):
    return StepRunner(database, settings.model_copy(update={"batch_size": 5000}))


def tell(database, tenant_id, outcome="answered", now=NOON):
    """Tell the steps of all queued calls their outcome, as the calls' own job does."""
    with database.transaction() as connection:
        calls = connection.execute(QUEUED).fetchall()
        connection.execute("UPDATE call_queue SET state = 'DONE', dialed_at = %s", [now])
        payload = {"outcome": outcome, "billable_seconds": 61}
        signals = [Signal(tenant_id, contact, call_key(step), payload) for contact, step in calls]
        return send_signals(connection, signals, now)


def test_a_step_queues_its_call_and_goes_on_by_the_outcome(database, runner):
    tenant_id, journey = enrolled(database, 2, raw=RAW, at=NOON, first_name="Ada")
    query(
        database,
        "INSERT INTO dids (tenant_id, number) VALUES (%s, '+15550001111')",
        tenant_id,
    )

    outcome = runner.run_batch(NOON)

    assert (outcome.claimed, outcome.rescheduled, outcome.more_due) == (2, 2, False)
    rows = query(
        database,
        "SELECT q.journey_id, q.journey_contact_id = p.journey_contact_id, q.to_number,"
        " q.from_number, q.extension, q.variables, q.ring_timeout_s, q.due_at, q.callable_until,"
        " q.state, q.attempts, p.scheduled_at > now() + interval '1 year'"
        " FROM call_queue q JOIN pending_executions p ON p.wait_key = 'call:' || q.execution_id"
        " AND p.id = q.execution_id ORDER BY q.to_number",
    )
    shared = ("+15550001111", "s", {"NAME": "Ada"}, 20, NOON, None, "QUEUED", 0, True)
    assert rows == [(journey.id, True, f"+1555000000{n}", *shared) for n in range(2)]
    assert runner.run_batch(NOON + 60 * MINUTE).claimed == 0

    assert tell(database, tenant_id) == 2
    assert runner.run_batch(NOON + MINUTE).completed == 2

    result = {"outcome": "answered", "billable_seconds": 61}
    assert query(database, HISTORY) == [("call", "COMPLETED", "answered", result)] * 2
    assert query(database, "SELECT count(*) FROM call_queue") == [(2,)]


@pytest.mark.parametrize("size", [10, 500])
def test_calls_cost_two_statements_more_at_any_size(database, runner, size):
    tenant_id, journey = enrolled(database, size, raw=RAW, at=NOON)
    runner.run_batch(NOON)  # warm
    tell(database, tenant_id)
    more = make_contacts(database, tenant_id, size, start=size)
    enroll(database, tenant_id, journey, more, at=NOON)

    with count_statements() as count:
        outcome = runner.run_batch(NOON)

    assert outcome.claimed == 2 * size
    # Claim, contacts, activity, advance; and of the calls, queue and reschedule.
    assert outcome.statements == 6, count.texts
    assert query(database, "SELECT count(*) FROM call_queue WHERE state = 'QUEUED'") == [(size,)]


def test_a_step_that_is_looked_at_too_early_keeps_its_call_and_waits_on(database, runner):
    enrolled(database, 2, raw=RAW, at=NOON)
    runner.run_batch(NOON)
    calls = query(database, QUEUED)
    query(database, "UPDATE pending_executions SET scheduled_at = %s", NOON + MINUTE)

    assert runner.run_batch(NOON + MINUTE).rescheduled == 2

    assert query(database, QUEUED) == calls
    waiting = query(database, "SELECT wait_key FROM pending_executions ORDER BY id")
    assert waiting == [(call_key(execution_id),) for _, execution_id in sorted(
        calls, key=lambda call: call[1]
    )]  # fmt: skip


def test_the_call_of_one_journey_does_not_wake_another(database, runner):
    tenant_id, _ = enrolled(database, 1, raw=RAW, at=NOON)
    with database.transaction() as connection:
        set_rules(connection, tenant_id, **NONE, call_gap_minutes=0)
    contacts = [row[0] for row in query(database, "SELECT id FROM contacts")]
    other = apply_journey(database, tenant_id, RAW | {"journey": "other"})
    enroll(database, tenant_id, other, contacts, at=NOON)
    runner.run_batch(NOON)
    [first, second] = query(database, QUEUED)

    with database.transaction() as connection:
        signal = Signal(tenant_id, first[0], call_key(first[1]), {"outcome": "busy"})
        assert send_signals(connection, [signal], NOON) == 1

    assert runner.run_batch(NOON).completed == 1
    waiting = query(database, "SELECT id FROM pending_executions WHERE wait_key IS NOT NULL")
    assert waiting == [(second[1],)]


class TestRules:
    def test_an_outcome_is_taken_up_at_any_hour_though_just_called(self, database, runner):
        tenant_id, _ = enrolled(database, 1, raw=RAW, at=NOON)
        with database.transaction() as connection:
            set_rules(connection, tenant_id, opens_at="09:00", closes_at="13:00")
        runner.run_batch(NOON)
        until = query(database, "SELECT callable_until FROM call_queue")
        assert until == [(NOON + 60 * MINUTE,)]
        evening = NOON + timedelta(hours=10)
        tell(database, tenant_id, now=evening)

        assert runner.run_batch(evening).completed == 1

        assert query(database, HISTORY)[0][:3] == ("call", "COMPLETED", "answered")

    def test_quiet_hours_put_the_call_off(self, database, runner):
        tenant_id = make_tenant(database, any_time=False)
        journey = apply_journey(database, tenant_id, RAW)
        night = datetime(2026, 3, 3, 3, tzinfo=UTC)
        enroll(database, tenant_id, journey, make_contacts(database, tenant_id, 2), at=night)

        assert runner.run_batch(night).rescheduled == 2
        assert query(database, "SELECT count(*) FROM call_queue") == [(0,)]

        assert runner.run_batch(datetime(2026, 3, 3, 13, tzinfo=UTC)).rescheduled == 2
        assert query(database, "SELECT count(*) FROM call_queue") == [(2,)]

    @pytest.mark.parametrize(
        ("earlier", "wait_minutes"),
        [
            ("state = 'DONE', dialed_at = %s - interval '2 min'", 3),
            ("state = 'DIALING', due_at = %s - interval '2 min'", 5),
            ("state = 'QUEUED', due_at = %s - interval '1 min'", 5),
            ("state = 'QUEUED', due_at = %s + interval '1 h'", 0),
            ("state = 'DONE', dialed_at = %s - interval '5 min'", 0),
            ("state = 'CANCELLED', due_at = %s - interval '1 h'", 0),
        ],
    )
    def test_calls_to_a_contact_keep_their_distance(self, database, runner, earlier, wait_minutes):
        enrolled(database, 1, raw=RAW, at=NOON)
        query(
            database,
            "INSERT INTO call_queue (tenant_id, contact_id, to_number)"
            " SELECT tenant_id, id, phone_number FROM contacts",
        )
        query(database, f"UPDATE call_queue SET {earlier}", NOON)

        runner.run_batch(NOON)

        [(at, error)] = query(database, "SELECT scheduled_at, error FROM pending_executions")
        if wait_minutes:
            assert (at, error) == (NOON + wait_minutes * MINUTE, "called a moment ago")
        else:
            assert (at > NOON + 1000 * MINUTE, error) == (True, None)

    def test_calls_that_others_made_count(self, database, runner):
        enrolled(database, 1, raw=RAW, at=NOON)
        query(
            database,
            "INSERT INTO call_logs (tenant_id, pbx, unique_id, linked_id, direction, to_number,"
            " started_at) SELECT tenant_id, 'p', 'u', 'u', 'outbound', phone_number, %s"
            " FROM contacts",
            NOON - MINUTE,
        )

        runner.run_batch(NOON)

        assert query(database, "SELECT scheduled_at FROM pending_executions") == [
            (NOON + 4 * MINUTE,)
        ]


class TestWithdrawal:
    def test_who_is_removed_is_not_called(self, database, runner):
        tenant_id, journey = enrolled(database, 3, raw=RAW, at=NOON)
        runner.run_batch(NOON)
        [one, two, _] = [contact for contact, _ in query(database, QUEUED)]

        removed = remove_contacts(database, tenant_id, [one], journey.id)
        forbidden = forbid_contacts(database, tenant_id, [two])

        assert (removed.calls, forbidden.calls) == (1, 1)
        assert len(query(database, QUEUED)) == 1
        cancelled = query(
            database,
            "SELECT contact_id, error FROM call_queue"
            " WHERE state = 'CANCELLED' AND finished_at IS NOT NULL ORDER BY id",
        )
        assert cancelled == [(one, "removed"), (two, "do not contact")]
        assert len(query(database, "SELECT 1 FROM pending_executions")) == 1

    def test_removed_from_one_journey_the_calls_of_others_stay(self, database, runner):
        tenant_id, _ = enrolled(database, 1, raw=RAW, at=NOON)
        runner.run_batch(NOON)
        contacts = [contact for contact, _ in query(database, QUEUED)]
        other = apply_journey(database, tenant_id, RAW | {"journey": "other"})

        assert remove_contacts(database, tenant_id, contacts, other.id).calls == 0
        assert remove_contacts(database, tenant_id, contacts).calls == 1

    def test_an_archived_journey_withdraws_its_calls(self, database, runner):
        tenant_id, journey = enrolled(database, 3, raw=RAW, at=NOON)
        runner.run_batch(NOON)

        assert archive_journey(database, tenant_id, journey.key).cancelled == 3
        assert query(database, QUEUED) == []

        resume_journey(database, tenant_id, journey.key, Overdue("run"))
        runner.run_batch()
        taken = {row[:3] for row in query(database, HISTORY)}
        assert taken == {("call", "COMPLETED", "failed")}
