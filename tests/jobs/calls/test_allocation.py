"""Dialing what is queued, against a simulator of a PBX and a real database."""

import threading
from datetime import UTC, datetime, timedelta
from time import monotonic
from uuid import UUID

import pytest

from db.counter import count_statements
from jobs.calls import allocation
from jobs.calls.allocation import AllocationOutcome, allocate_calls
from jobs.calls.phones import DialAnswer, Verdict
from jobs.journeys.batch import StepRunner
from jobs.journeys.lifecycle.contacts import remove_contacts
from jobs.journeys.lifecycle.journeys import archive_journey
from tests.factories import make_contacts, make_tenant, set_rules
from tests.jobs.journeys.journeys import apply_journey, enroll, query

NOON = datetime(2026, 3, 2, 17, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
STATES = "SELECT state, count(*) FROM call_queue GROUP BY 1 ORDER BY 1"
RAW = {
    "journey": "phone",
    "start": "call",
    "nodes": {
        "call": {"type": "make_call", "variables": {"NAME": 'Ada, "A\\B"'}, "next": "z"},
        "z": {"type": "end"},
    },
}


class Switchboard:
    """Phones that note what they are asked and answer as a test says."""

    def __init__(self, answer=Verdict.DIALED, *, is_ready=True):
        self.dialed = []
        self.answer = answer
        self.is_ready = is_ready

    def ready(self):
        return self.is_ready

    def dial(self, calls):
        self.dialed += calls
        return [DialAnswer(self.answer, "pbx", "because") for _ in calls]


@pytest.fixture
def tenant(database):
    """A tenant with five lines."""
    return lines(database, make_tenant(database), 5)


def lines(database, tenant_id, number):
    query(database, "UPDATE tenants SET max_calls_at_once = %s WHERE id = %s", number, tenant_id)
    return tenant_id


def queue(database, tenant_id, count, *, start=0, **columns):
    """Queue calls to as many new contacts; returns the contacts' ids."""
    contacts = make_contacts(database, tenant_id, count, start=start)
    columns = {"due_at": NOON, "callable_until": None, **columns}
    names = "".join(f", {name}" for name in columns)
    with database.transaction() as connection:
        connection.execute(
            f"INSERT INTO call_queue (tenant_id, contact_id, to_number{names}) SELECT tenant_id,"
            f" id, phone_number{', %s' * len(columns)} FROM contacts WHERE id = ANY (%s)",
            [*columns.values(), contacts],
        )
    return contacts


class TestDialing:
    def test_a_call_goes_out_with_the_channel_id_that_was_committed_first(
        self, database, settings, phones, exchange
    ):
        tenant_id = make_tenant(database)
        query(database, "INSERT INTO dids (tenant_id, number) VALUES (%s, '+15559990000')",
              tenant_id)  # fmt: skip
        journey = apply_journey(database, tenant_id, RAW)
        enroll(database, tenant_id, journey, make_contacts(database, tenant_id, 1), at=NOON)
        StepRunner(database, settings).run_batch(NOON)

        outcome = allocate_calls(database, settings, phones, now=NOON)

        assert outcome == AllocationOutcome(dialed=1)
        [(channel_id, *row)] = query(
            database,
            "SELECT q.channel_id, q.state, q.attempts, q.dialed_at, q.lease_until, q.pbx, q.error,"
            " c.last_called_at FROM call_queue q JOIN contacts c ON c.id = q.contact_id",
        )
        pbx = f"127.0.0.1:{exchange.port}"
        assert row == ["DIALING", 1, NOON, NOON + 5 * MINUTE, pbx, None, NOON]
        [asked] = exchange.pbx.originated
        assert asked.fields == {
            "Action": "Originate",
            "ActionID": channel_id,
            "ChannelId": channel_id,
            "Channel": "PJSIP/+15550000000@trunk",
            "Context": "trunkline",
            "Exten": "s",
            "Priority": "1",
            "Timeout": "30000",
            "CallerID": "<+15559990000>",
            "Async": "true",
            "Variable": 'NAME=Ada\\, \\"A\\\\B\\"',
        }

    def test_the_lease_is_there_before_anybody_is_dialed(self, database, settings, tenant):
        queue(database, tenant, 2)
        seen = []
        board = Switchboard()
        board.dial = lambda _calls: seen.append(query(database, STATES)) or exit_now()

        with pytest.raises(SystemExit):  # as killed between lease and dial
            allocate_calls(database, settings, board, now=NOON)

        assert seen == [[("DIALING", 2)]]
        later = NOON + 4 * MINUTE
        assert allocate_calls(database, settings, Switchboard(), now=later) == AllocationOutcome()
        over = allocate_calls(database, settings, Switchboard(), now=NOON + 5 * MINUTE)
        assert (over.silent, over.dialed) == (2, 0)
        rows = query(database, "SELECT DISTINCT state, outcome, attempts FROM call_queue")
        assert rows == [("DONE", "none", 1)]

    @pytest.mark.parametrize("size", [3, 60])
    def test_statements_are_the_same_at_any_size(self, database, settings, size):
        queue(database, lines(database, make_tenant(database), 100), size)

        with count_statements() as count:
            outcome = allocate_calls(database, settings, Switchboard(), now=NOON)

        assert outcome.dialed == size
        # Silent ones, lines, claim, what was said.
        assert count.statements == 4, count.texts

    def test_an_outcome_that_comes_before_the_dial_is_written_down_stands(
        self, database, settings, tenant
    ):
        [contact] = queue(database, tenant, 1)
        board = Switchboard()

        def quick(calls):
            query(database, "UPDATE call_queue SET state = 'DONE', outcome = 'busy',"
                  " lease_token = NULL, lease_until = NULL")  # fmt: skip
            return [DialAnswer(Verdict.DIALED, "pbx") for _ in calls]

        board.dial = quick
        allocate_calls(database, settings, board, now=NOON)

        assert query(database, "SELECT state, outcome, dialed_at, attempts FROM call_queue") == [
            ("DONE", "busy", NOON, 1)
        ]
        assert query(database, "SELECT last_called_at FROM contacts WHERE id = %s", contact) == [
            (NOON,)
        ]


def exit_now():
    raise SystemExit


class TestWhatThePbxSays:
    def test_a_refused_call_fails_and_its_step_goes_on(self, database, settings, phones, exchange):
        tenant_id = make_tenant(database)
        journey = apply_journey(database, tenant_id, RAW)
        enroll(database, tenant_id, journey, make_contacts(database, tenant_id, 2), at=NOON)
        runner = StepRunner(database, settings)
        runner.run_batch(NOON)
        exchange.pbx.faults.refuse_originate = "Extension does not exist."

        assert allocate_calls(database, settings, phones, now=NOON).refused == 2

        rows = query(database, "SELECT DISTINCT state, outcome, error, dialed_at FROM call_queue")
        assert rows == [("FAILED", "failed", "Extension does not exist.", None)]
        runner.run_batch(NOON)
        results = query(database, "SELECT outcome, result ->> 'error' FROM journey_node_executions")
        assert results == [("failed", "Extension does not exist.")] * 2

    def test_a_row_that_no_line_can_carry_fails_alone(self, database, settings, phones, exchange):
        tenant_id = make_tenant(database)
        queue(database, tenant_id, 2)
        queue(database, tenant_id, 1, start=5, from_number="x\r\nAction: Command")

        outcome = allocate_calls(database, settings, phones, now=NOON)

        assert (outcome.dialed, outcome.refused) == (2, 1)
        assert len(exchange.pbx.originated) == 2
        assert query(database, STATES) == [("DIALING", 2), ("FAILED", 1)]

    def test_what_no_pbx_takes_waits_and_no_try_counts(self, database, settings, phones, exchange):
        tenant_id = make_tenant(database)
        queue(database, tenant_id, 2)
        exchange.pbx.faults.deny_originate = True

        outcome = allocate_calls(database, settings, phones, now=NOON)

        assert (outcome.unsent, outcome.more) == (2, False)
        rows = query(
            database, "SELECT DISTINCT state, attempts, due_at, lease_until FROM call_queue"
        )
        assert rows == [("QUEUED", 0, NOON + timedelta(seconds=5), None)]
        # Until its turn comes again, such a PBX isn't asked.
        exchange.pbx.faults.deny_originate = False
        assert allocate_calls(database, settings, phones, now=NOON + MINUTE) == AllocationOutcome()

    def test_who_may_have_been_dialed_is_not_dialed_again(self, database, settings, tenant):
        queue(database, tenant, 1)
        board = Switchboard(Verdict.UNKNOWN)

        assert allocate_calls(database, settings, board, now=NOON).dialed == 1
        allocate_calls(database, settings, board, now=NOON + 4 * MINUTE)

        assert len(board.dialed) == 1
        assert query(database, "SELECT state, error FROM call_queue") == [("DIALING", "because")]

    @pytest.mark.parametrize("board", [None, Switchboard(is_ready=False)])
    def test_without_a_pbx_no_call_is_claimed(self, database, settings, tenant, board):
        queue(database, tenant, 2)

        assert allocate_calls(database, settings, board, now=NOON) == AllocationOutcome()
        assert query(database, STATES) == [("QUEUED", 2)]


class TestLines:
    def test_a_tenant_has_no_more_calls_at_once_than_lines(self, database, settings, tenant):
        queue(database, tenant, 12)
        board = Switchboard()

        first = allocate_calls(database, settings, board, now=NOON)
        with count_statements() as count:
            second = allocate_calls(database, settings, board, now=NOON)

        assert (first.dialed, first.more) == (5, False)
        assert (second, count.statements) == (AllocationOutcome(), 2)
        query(database, "UPDATE call_queue SET state = 'DONE' WHERE ctid IN (SELECT ctid FROM"
              " call_queue WHERE state = 'DIALING' LIMIT 2)")  # fmt: skip
        assert allocate_calls(database, settings, board, now=NOON).dialed == 2
        assert query(database, STATES) == [("DIALING", 5), ("DONE", 2), ("QUEUED", 5)]

    def test_two_at_once_never_take_the_same_line(self, database, settings, tenant):
        queue(database, tenant, 40)
        barrier = threading.Barrier(4)

        def allocate():
            barrier.wait(20)
            for _ in range(5):
                allocate_calls(database, settings, Switchboard(), now=NOON)

        threads = [threading.Thread(target=allocate) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert query(database, STATES) == [("DIALING", 5), ("QUEUED", 35)]

    def test_every_tenant_gets_its_share(self, database, settings, tenant):
        small = settings.model_copy(update={"call_batch_size": 6})
        lines(database, tenant, 100)
        others = [lines(database, make_tenant(database, f"t{n}"), 100) for n in range(2)]
        queue(database, tenant, 50, due_at=NOON - MINUTE)
        for other in others:
            queue(database, other, 3)

        outcome = allocate_calls(database, small, Switchboard(), now=NOON)

        assert (outcome.dialed, outcome.more) == (6, True)
        shares = query(
            database, "SELECT count(*) FROM call_queue WHERE state = 'DIALING' GROUP BY tenant_id"
        )
        assert shares == [(2,)] * 3

    @pytest.mark.parametrize("change", ["status = 'SUSPENDED'", "max_calls_at_once = 0"])
    def test_a_tenant_that_may_not_call_does_not(self, database, settings, tenant, change):
        queue(database, tenant, 2)
        query(database, f"UPDATE tenants SET {change}")

        assert allocate_calls(database, settings, Switchboard(), now=NOON) == AllocationOutcome()


class TestWithdrawal:
    @pytest.mark.parametrize(
        ("change", "state", "reason"),
        [
            ("UPDATE contacts SET do_not_contact = true", "CANCELLED", "not to be contacted"),
            ("UPDATE journeys SET status = 'ARCHIVED'", "CANCELLED", "archived"),
            ("UPDATE journey_contacts SET status = 'REMOVED'", "CANCELLED", "has left"),
            ("UPDATE journey_contacts SET status = 'COMPLETED'", "CANCELLED", "has left"),
            ("UPDATE journeys SET status = 'PAUSED'", "QUEUED", "paused"),
            ("UPDATE journey_contacts SET status = 'PAUSED'", "QUEUED", "paused"),
        ],
    )
    def test_what_may_not_go_any_more_does_not(self, database, settings, change, state, reason):
        tenant_id = make_tenant(database)
        journey = apply_journey(database, tenant_id, RAW)
        enroll(database, tenant_id, journey, make_contacts(database, tenant_id, 3), at=NOON)
        StepRunner(database, settings).run_batch(NOON)
        query(database, change)
        board = Switchboard()

        outcome = allocate_calls(database, settings, board, now=NOON)

        assert board.dialed == []
        [(found, error, due_at)] = query(
            database, "SELECT DISTINCT state, error, due_at FROM call_queue"
        )
        assert found == state
        assert reason in error
        if state == "CANCELLED":
            assert outcome.cancelled == 3
            steps = "SELECT signal ->> 'outcome' FROM pending_executions WHERE signal IS NOT NULL"
            waiting = 0 if "journey_contacts" in change else 3
            assert query(database, steps) == [("failed",)] * waiting
        else:
            assert (outcome.put_off, due_at) == (3, NOON + MINUTE)
            assert allocate_calls(database, settings, board, now=NOON) == AllocationOutcome()

    @pytest.mark.parametrize(
        ("status", "state"),
        [
            ("PAUSED", "QUEUED"),
            ("DRAFT", "QUEUED"),
            ("STOPPED", "CANCELLED"),
            ("RUNNING", "DIALING"),
        ],
    )
    def test_only_a_running_campaign_calls(self, database, settings, tenant, status, state):
        [(campaign,)] = query(
            database,
            "INSERT INTO campaigns (tenant_id, name, status) VALUES (%s, 'c', %s) RETURNING id",
            *(tenant, status),
        )
        queue(database, tenant, 2, campaign_id=campaign)

        allocate_calls(database, settings, Switchboard(), now=NOON)

        assert query(database, STATES) == [(state, 2)]


class TestRaces:
    """A change beside an allocation whose claim isn't committed yet."""

    @pytest.fixture
    def enrolled(self, database, settings):
        tenant_id = make_tenant(database)
        journey = apply_journey(database, tenant_id, RAW)
        contacts = make_contacts(database, tenant_id, 2)
        enroll(database, tenant_id, journey, contacts, at=NOON)
        StepRunner(database, settings).run_batch(NOON)
        return tenant_id, contacts

    def test_who_is_removed_while_being_claimed_is_on_the_way(self, database, settings, enrolled):
        tenant_id, contacts = enrolled
        board = Switchboard()
        with database.transaction() as connection:
            allocation._claim(connection, settings, UUID(int=1), NOON)
            removed = remove_contacts(database, tenant_id, contacts)  # waits for nobody
        assert (removed.enrollments, removed.calls) == (2, 0)
        assert allocate_calls(database, settings, board, now=NOON) == AllocationOutcome()
        assert query(database, STATES) == [("DIALING", 2)]

    def test_a_worker_that_stood_still_after_its_claim_dials_nobody(
        self, database, settings, enrolled, monkeypatch
    ):
        tenant_id, contacts = enrolled
        board, build = Switchboard(), allocation._dial

        def stand_still(call):
            remove_contacts(database, tenant_id, contacts)
            monkeypatch.setattr(allocation, "monotonic", lambda: monotonic() + 60)
            return build(call)

        monkeypatch.setattr(allocation, "_dial", stand_still)
        assert allocate_calls(database, settings, board, now=NOON).unsent == 2
        monkeypatch.undo()

        assert allocate_calls(database, settings, board, now=NOON + MINUTE).cancelled == 2
        assert board.dialed == []

    def test_who_is_removed_before_a_put_off_call_is_due_again_is_not_called(
        self, database, settings, enrolled
    ):
        tenant_id, contacts = enrolled
        query(database, "UPDATE journeys SET status = 'PAUSED'")
        board = Switchboard()
        with database.transaction() as connection:
            allocation._claim(connection, settings, UUID(int=1), NOON)
            remove_contacts(database, tenant_id, contacts)
        query(database, "UPDATE journeys SET status = 'ACTIVE'")
        assert query(database, STATES) == [("QUEUED", 2)]

        assert allocate_calls(database, settings, board, now=NOON + MINUTE).cancelled == 2
        assert board.dialed == []

    def test_a_call_that_is_being_cancelled_is_not_claimed(self, database, settings, enrolled):
        tenant_id, _ = enrolled
        board = Switchboard()
        with database.transaction() as connection:
            connection.execute("UPDATE call_queue SET state = 'CANCELLED'")
            assert allocate_calls(database, settings, board, now=NOON) == AllocationOutcome()
        assert allocate_calls(database, settings, board, now=NOON) == AllocationOutcome()
        assert board.dialed == []
        assert archive_journey(database, tenant_id, "phone").cancelled == 0


class TestRules:
    def test_two_calls_to_a_contact_keep_their_distance(self, database, settings, tenant):
        [contact] = queue(database, tenant, 1)
        query(database, "INSERT INTO call_queue (tenant_id, contact_id, to_number, due_at,"
              " callable_until) SELECT tenant_id, contact_id, to_number, due_at, NULL"
              " FROM call_queue")  # fmt: skip
        board = Switchboard()

        first = allocate_calls(database, settings, board, now=NOON)
        assert (first.dialed, first.put_off) == (1, 1)
        [(due_at,)] = query(database, "SELECT due_at FROM call_queue WHERE state = 'QUEUED'")
        assert due_at == NOON + 5 * MINUTE

        # The first goes on still.
        later = NOON + 5 * MINUTE - timedelta(seconds=1)
        query(database, "UPDATE call_queue SET due_at = %s, lease_until = %s", later,
              NOON + 60 * MINUTE)  # fmt: skip
        assert allocate_calls(database, settings, board, now=later).put_off == 1
        query(database, "UPDATE call_queue SET state = 'DONE' WHERE state = 'DIALING'")
        query(database, "UPDATE call_queue SET due_at = %s", later)
        assert allocate_calls(database, settings, board, now=later).put_off == 1
        assert query(database, "SELECT due_at FROM call_queue WHERE state = 'QUEUED'") == [
            (NOON + 5 * MINUTE,)
        ]
        assert allocate_calls(database, settings, board, now=NOON + 5 * MINUTE).dialed == 1
        assert query(database, "SELECT last_called_at FROM contacts WHERE id = %s", contact) == [
            (NOON + 5 * MINUTE,)
        ]

    def test_calls_whose_hours_are_over_get_their_next(self, database, settings):
        tenant_id = make_tenant(database, any_time=False)
        queue(database, tenant_id, 2, callable_until=NOON)
        queue(database, tenant_id, 1, start=5, callable_until=NOON + MINUTE)
        night = datetime(2026, 3, 3, 3, tzinfo=UTC)
        board, steps = Switchboard(), StepRunner(database, settings)

        assert allocate_calls(database, settings, board, steps.next_hours, NOON).dialed == 1
        hours = query(database, "SELECT DISTINCT due_at, callable_until FROM call_queue"
                      " WHERE state = 'QUEUED'")  # fmt: skip
        evening = datetime(2026, 3, 3, 2, tzinfo=UTC)  # nine in New York
        assert hours == [(NOON, evening)]  # now is an hour they may be called in

        outcome = allocate_calls(database, settings, board, steps.next_hours, night)
        assert (outcome.put_off, len(board.dialed)) == (2, 1)
        morning = datetime(2026, 3, 3, 13, tzinfo=UTC)
        assert query(database, "SELECT DISTINCT due_at FROM call_queue WHERE state = 'QUEUED'"
                     ) == [(morning,)]  # fmt: skip
        assert allocate_calls(database, settings, board, steps.next_hours, morning).dialed == 2

    def test_whoever_queues_a_call_without_hours_has_it_made_in_allowed_ones(
        self, database, settings
    ):
        tenant_id = make_tenant(database, any_time=False)
        queue(database, tenant_id, 1)
        query(database, "UPDATE call_queue SET callable_until = DEFAULT")
        night = datetime(2026, 3, 3, 3, tzinfo=UTC)
        board, steps = Switchboard(), StepRunner(database, settings)

        allocate_calls(database, settings, board, steps.next_hours, night)

        assert board.dialed == []
        assert query(database, "SELECT due_at FROM call_queue") == [
            (datetime(2026, 3, 3, 13, tzinfo=UTC),)
        ]

    def test_the_tenants_own_minutes_between_calls_hold(self, database, settings, tenant):
        with database.transaction() as connection:
            set_rules(connection, tenant, call_gap_minutes=15)
        queue(database, tenant, 1)
        query(database, "UPDATE contacts SET last_called_at = %s", NOON - MINUTE)

        allocate_calls(database, settings, Switchboard(), now=NOON)

        assert query(database, "SELECT due_at FROM call_queue") == [(NOON + 14 * MINUTE,)]
