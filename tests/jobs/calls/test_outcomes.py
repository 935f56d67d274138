"""How calls end: in the queue, for the steps that wait, for the contacts."""

import threading
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from config.settings import load_settings
from db.counter import count_statements
from db.queries.calls.allocation import DialedCall, apply_dials
from db.queries.calls.keys import call_of_channel
from jobs.calls.allocation import end_silent_calls
from jobs.calls.outcomes import LoggedCall, OutcomesApplied, apply_outcomes, call_outcome
from jobs.journeys.batch import StepRunner
from tests.factories import make_contacts, make_tenant
from tests.jobs.journeys.journeys import apply_journey, enroll, query
from tests.waiting import wait_until

NOON = datetime(2026, 3, 2, 17, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
RAW = {
    "journey": "phone",
    "start": "call",
    "nodes": {
        "call": {"type": "make_call", "answered": "hope", "next": "z"},
        "hope": {"type": "wait_for", "event": "call_answered", "next": "z"},
        "z": {"type": "end"},
    },
}
DIAL = (
    "UPDATE call_queue SET state = 'DIALING', attempts = attempts + 1, dialed_at = %(at)s,"
    " lease_until = %(at)s + interval '5 min', channel_id = translate(tenant_id::text, '-', '')"
    " || '-' || translate(id::text, '-', '') || '-' || (attempts + 1)"
    " WHERE state = 'QUEUED' AND due_at <= %(at)s RETURNING tenant_id, channel_id, contact_id"
)
STATES = "SELECT state, outcome, attempts, due_at, finished_at FROM call_queue ORDER BY id"


@pytest.fixture
def settings(database_url, tmp_path):
    return load_settings(database_url=database_url, state_dir=tmp_path, call_outcome_s=300)


@pytest.fixture
def dial(database):
    """Have all queued calls under way at a moment; returns them as logged with a disposition."""

    def dialed(at, disposition, billable_seconds=7):
        with database.transaction() as connection:
            rows = connection.execute(DIAL, {"at": at}).fetchall()
        return [
            LoggedCall(tenant, channel, contact, disposition, None, [], billable_seconds)
            for tenant, channel, contact in rows
        ]

    return dialed


def apply(database, calls, at=NOON):
    with database.transaction() as connection:
        return apply_outcomes(connection, calls, at)


def campaign(database, tenant_id, contacts, *, status="RUNNING", attempts=2, **columns):
    """Queue contacts in a campaign of its own."""
    names = {"status": status, "call_attempts": attempts, "call_retry_minutes": 30, **columns}
    with database.transaction() as connection:
        [(campaign_id,)] = connection.execute(
            f"INSERT INTO campaigns (tenant_id, name, {', '.join(names)})"
            f" VALUES (%s, 'c', {', '.join(['%s'] * len(names))}) RETURNING id",
            [tenant_id, *names.values()],
        ).fetchall()
        connection.execute(
            "INSERT INTO call_queue (tenant_id, campaign_id, contact_id, to_number, due_at,"
            " callable_until) SELECT tenant_id, %s, id, phone_number, %s, %s FROM contacts"
            " WHERE id = ANY (%s)",
            [campaign_id, NOON, NOON + MINUTE, contacts],
        )


USER_EVENT = {"at": 1.0, "UserEvent": "CallStatus", "Status": "Machine"}


@pytest.mark.parametrize(
    ("disposition", "transfer", "events", "outcome"),
    [
        ("ANSWERED", None, [], "answered"),
        ("ANSWERED", None, [{"UserEvent": "Note", "Status": "machine"}], "answered"),
        ("ANSWERED", None, [{"UserEvent": "CallStatus"}, {}], "answered"),
        ("ANSWERED", "+15550000001", [], "transferred"),
        ("ANSWERED", None, [{"UserEvent": "TransferStarted"}], "transferred"),
        ("ANSWERED", "+15550000001", [USER_EVENT], "machine"),
        ("NO ANSWER", "+15550000001", [USER_EVENT], "no_answer"),
        ("BUSY", None, [], "busy"),
        ("FAILED", None, [], "failed"),
        ("CONGESTION", None, [], "failed"),
        (None, None, [], "none"),
    ],
)
def test_what_the_log_says_of_a_call(disposition, transfer, events, outcome):
    assert call_outcome(disposition, transfer, events) == outcome


def test_steps_go_on_by_the_branch_and_the_queue_and_contacts_know(database, settings, dial):
    tenant_id = make_tenant(database)
    journey = apply_journey(database, tenant_id, RAW)
    enroll(database, tenant_id, journey, make_contacts(database, tenant_id, 2), at=NOON)
    runner = StepRunner(database, settings)
    runner.run_batch(NOON)
    one, two = dial(NOON, "ANSWERED")

    applied = apply(database, [one, two._replace(disposition="BUSY")], NOON + MINUTE)

    assert applied == OutcomesApplied(finished=2, again=0, woken=2)
    runner.run_batch(NOON + MINUTE)
    history = query(
        database,
        "SELECT x.outcome, x.result - 'call_id', x.result ->> 'call_id' = q.id::text"
        " FROM journey_node_executions x JOIN call_queue q ON q.execution_id = x.id"
        " ORDER BY x.outcome",
    )
    known = {"billable_seconds": 7, "attempts": 1}
    assert history == [
        ("answered", {"outcome": "answered", "disposition": "ANSWERED", **known}, True),
        ("busy", {"outcome": "busy", "disposition": "BUSY", **known}, True),
    ]
    done = NOON + MINUTE
    assert query(database, STATES) == [
        ("DONE", "answered", 1, NOON, done),
        ("DONE", "busy", 1, NOON, done),
    ]
    assert query(database, "SELECT last_call_outcome FROM contacts ORDER BY phone_number") == [
        ("answered",),
        ("busy",),
    ]


def test_applied_again_it_does_nothing_more(database, settings, dial):
    tenant_id = make_tenant(database)
    campaign(database, tenant_id, make_contacts(database, tenant_id, 2))
    calls = dial(NOON, "NO ANSWER")
    before = apply(database, calls)
    rows = query(database, STATES)

    assert (before.finished, before.again) == (2, 2)
    assert apply(database, calls, NOON + MINUTE) == OutcomesApplied()
    assert query(database, STATES) == rows

    # Nor does the end of an earlier try end the one that is under way.
    dial(NOON + 30 * MINUTE, "ANSWERED")
    assert apply(database, calls).finished == 0


@pytest.mark.parametrize(
    ("disposition", "columns", "again"),
    [
        ("NO ANSWER", {}, True),
        ("BUSY", {"call_retry_on": ["busy"]}, True),
        ("NO ANSWER", {"call_retry_on": ["busy"]}, False),
        ("ANSWERED", {}, False),
        ("NO ANSWER", {"attempts": 1}, False),
        ("NO ANSWER", {"status": "STOPPED"}, False),
        ("NO ANSWER", {"status": "PAUSED"}, True),
    ],
)
def test_a_campaign_says_who_is_dialed_again(database, dial, disposition, columns, again):
    tenant_id = make_tenant(database)
    campaign(database, tenant_id, make_contacts(database, tenant_id, 1), **columns)

    apply(database, dial(NOON, disposition))

    [(state, _, attempts, due_at, finished_at)] = query(database, STATES)
    if again:
        assert (state, attempts, due_at) == ("QUEUED", 1, NOON + 30 * MINUTE)
        assert query(database, "SELECT callable_until = '-infinity' FROM call_queue") == [(True,)]
        apply(database, dial(NOON + 30 * MINUTE, disposition))
        [(state, _, attempts, _, finished_at)] = query(database, STATES)
        assert attempts == 2
    assert (state, finished_at) == ("DONE", NOON)


def test_whoever_waits_for_an_answered_call_hears_of_it_inbound_ones_too(database, settings, dial):
    tenant_id = make_tenant(database)
    journey = apply_journey(database, tenant_id, RAW)
    contacts = make_contacts(database, tenant_id, 2)
    enroll(database, tenant_id, journey, contacts, node="hope", at=NOON)
    runner = StepRunner(database, settings)
    runner.run_batch(NOON)
    campaign(database, tenant_id, contacts[:1])
    inbound = LoggedCall(tenant_id, "1795311971.43", contacts[1], "ANSWERED", None, [], 3)

    applied = apply(database, [*dial(NOON, "ANSWERED"), inbound, inbound._replace(contact_id=None)])

    assert applied == OutcomesApplied(finished=1, again=0, woken=2)


def test_a_call_that_names_another_tenants_row_is_none_of_its_calls(database, dial):
    tenant_id, other = make_tenant(database), make_tenant(database, "other")
    campaign(database, tenant_id, make_contacts(database, tenant_id, 1))
    [call] = dial(NOON, "ANSWERED")

    assert apply(database, [call._replace(tenant_id=other, contact_id=None)]) == OutcomesApplied()
    assert query(database, "SELECT state FROM call_queue") == [("DIALING",)]


@pytest.mark.parametrize("size", [5, 200])
def test_outcomes_cost_three_statements_at_any_size(database, settings, dial, size):
    tenant_id = make_tenant(database)
    journey = apply_journey(database, tenant_id, RAW)
    enroll(database, tenant_id, journey, make_contacts(database, tenant_id, size), at=NOON)
    StepRunner(database, settings).run_batch(NOON)
    calls = dial(NOON, "ANSWERED")

    with count_statements() as count:
        applied = apply(database, calls)

    assert (applied.finished, applied.woken) == (size, size)
    assert count.statements == 3, count.texts


WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND wait_event_type = 'Lock'"
)


def beside(database, first, second):
    """``first(connection)``, and ``second()`` in a thread that waits for the first to commit."""
    done = []
    with database.transaction() as connection:
        first(connection)
        thread = threading.Thread(target=lambda: done.append(second()))
        thread.start()
        wait_until(lambda: query(database, WAITING) == [(1,)])
    thread.join()
    return done[0]


class TestAtOnce:
    """The PBX's answer and the end of the call are written at the same moment."""

    @pytest.fixture
    def call(self, database, dial):
        tenant_id = make_tenant(database)
        campaign(database, tenant_id, make_contacts(database, tenant_id, 1), attempts=1)
        [call] = dial(NOON, "BUSY")
        query(database, "UPDATE call_queue SET dialed_at = NULL, lease_token = %s", UUID(int=1))
        return call

    def dialed(self, call):
        key = call_of_channel(call.unique_id)
        return [DialedCall(key.tenant_id, key.id, call.unique_id, "p", True, None, 0)]

    def test_the_end_waits_for_the_answer(self, database, call):
        applied = beside(
            database,
            lambda connection: apply_dials(connection, UUID(int=1), self.dialed(call), NOON),
            lambda: apply(database, [call]),
        )
        assert applied.finished == 1
        assert query(database, "SELECT state, dialed_at FROM call_queue") == [("DONE", NOON)]

    def test_the_answer_waits_for_the_end(self, database, call):
        def write():
            with database.transaction() as connection:
                apply_dials(connection, UUID(int=1), self.dialed(call), NOON)

        beside(database, lambda connection: apply_outcomes(connection, [call], NOON), write)
        assert query(database, "SELECT state, dialed_at FROM call_queue") == [("DONE", NOON)]
        called = query(database, "SELECT last_called_at, last_call_outcome FROM contacts")
        assert called == [(NOON, "busy")]


class TestSilence:
    def test_a_call_of_which_nothing_is_heard_ends_as_none(self, database, settings, dial):
        tenant_id = make_tenant(database)
        journey = apply_journey(database, tenant_id, RAW)
        enroll(database, tenant_id, journey, make_contacts(database, tenant_id, 2), at=NOON)
        runner = StepRunner(database, settings)
        runner.run_batch(NOON)
        dial(NOON, None)

        assert end_silent_calls(database, settings, NOON + 4.9 * MINUTE) == 0
        assert end_silent_calls(database, settings, NOON + 5 * MINUTE) == 2

        runner.run_batch(NOON + 5 * MINUTE)
        assert query(database, "SELECT DISTINCT outcome FROM journey_node_executions") == [
            ("none",)
        ]
        states = {row[:2] for row in query(database, STATES)}
        assert states == {("DONE", "none")}

    def test_the_log_is_asked_first(self, database, settings, dial):
        tenant_id = make_tenant(database)
        campaign(database, tenant_id, make_contacts(database, tenant_id, 3), attempts=1)
        going_on, ended, _silent = dial(NOON, None)
        for call, end in ((going_on, None), (ended, NOON + MINUTE)):
            query(
                database,
                "INSERT INTO call_logs (tenant_id, pbx, unique_id, linked_id, started_at, ended_at,"
                " disposition) VALUES (%s, 'p', %s, 'x', %s, %s, %s)",
                *(tenant_id, call.unique_id, NOON, end, end and "BUSY"),
            )

        assert end_silent_calls(database, settings, NOON + 5 * MINUTE) == 3

        assert sorted(row[:2] for row in query(database, STATES)) == [
            ("DIALING", None),
            ("DONE", "busy"),
            ("DONE", "none"),
        ]
        assert end_silent_calls(database, settings, NOON + 9 * MINUTE) == 0
        assert end_silent_calls(database, settings, NOON + 10 * MINUTE) == 1
        assert end_silent_calls(database, settings, NOON + 239 * MINUTE) == 1
        assert query(database, "SELECT count(*) FROM call_queue WHERE state = 'DIALING'") == [(1,)]
        assert end_silent_calls(database, settings, NOON + 244 * MINUTE) == 1
        assert query(database, "SELECT count(*) FROM call_queue WHERE state = 'DIALING'") == [(0,)]
