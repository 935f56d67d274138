"""Steps re-timed when a zone, hours or a journey's days change."""

from datetime import UTC, datetime, timedelta

import pytest

from db.counter import count_statements
from jobs.journeys.batch import StepRunner
from jobs.journeys.lifecycle import retiming
from jobs.journeys.lifecycle.contacts import pause_contacts, resume_contacts
from jobs.journeys.lifecycle.journeys import pause_journey
from jobs.journeys.lifecycle.migration import migrate_journey
from jobs.journeys.lifecycle.overdue import Overdue
from jobs.journeys.lifecycle.retiming import DefiniteError, change_timezone, retime, sweep_rules
from tests.factories import set_rules
from tests.jobs.journeys.journeys import apply_journey, enrolled, query

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
WAITING = {
    "journey": "welcome",
    "start": "day",
    "nodes": {
        "day": {"type": "day", "day": 3, "at": "09:00", "next": "done"},
        "short": {"type": "delay", "days": 9, "next": "done"},
        "done": {"type": "end"},
        "first": {
            "type": "condition",
            "branches": [{"when": {"field": "status", "op": "is_set"}, "next": "short"}],
            "default": "day",
        },
    },
}
WAITING["start"] = "first"


def times(database):
    return [
        at
        for (at,) in query(
            database,
            "SELECT p.scheduled_at FROM pending_executions p"
            " JOIN journey_contacts e ON e.id = p.journey_contact_id"
            " JOIN contacts c ON c.id = e.contact_id ORDER BY c.phone_number",
        )
    ]


def set_at(database, at):
    query(database, "UPDATE pending_executions SET scheduled_at = %s", at)


def test_a_tenants_zone_moves_its_days_but_not_those_of_contacts_with_their_own(database):
    tenant_id, _ = enrolled(database, 2, raw=WAITING, node="day", at=START)
    query(database, "UPDATE contacts SET timezone = 'Asia/Kathmandu' WHERE phone_number LIKE '%%0'")
    own = datetime(2026, 3, 5, 3, 15, tzinfo=UTC)
    set_at(database, datetime(2026, 3, 5, 14, tzinfo=UTC))  # nine in New York
    assert retime(database, tenant_id, None, START) == 1
    assert times(database) == [own, datetime(2026, 3, 5, 14, tzinfo=UTC)]
    assert change_timezone(database, tenant_id, "Europe/Berlin", START) == 1
    assert times(database) == [own, datetime(2026, 3, 5, 8, tzinfo=UTC)]
    assert change_timezone(database, tenant_id, "Europe/Berlin", START) == 0
    with pytest.raises(DefiniteError, match="Mars/Base"):
        change_timezone(database, tenant_id, "Mars/Base")


def test_what_is_held_is_re_timed_as_well_and_other_waits_are_not(database):
    tenant_id, _ = enrolled(database, 1, raw=WAITING, node="day", at=START)
    pause_journey(database, tenant_id, "welcome")
    set_at(database, datetime(2026, 3, 5, 14, tzinfo=UTC))
    assert change_timezone(database, tenant_id, "UTC", START) == 1
    assert times(database) == [datetime(2026, 3, 5, 9, tzinfo=UTC)]
    delayed, _ = enrolled(database, 1, slug="beta", raw=WAITING, node="short", at=START)
    assert change_timezone(database, delayed, "UTC", START) == 0


def test_a_new_version_moves_the_day(database):
    tenant_id, _ = enrolled(database, 2, raw=WAITING, node="day", at=START)
    set_at(database, datetime(2026, 3, 5, 14, tzinfo=UTC))
    nodes = {**WAITING["nodes"], "day": {"type": "day", "day": 4, "at": "10:30", "next": "done"}}
    apply_journey(database, tenant_id, {**WAITING, "nodes": nodes})
    done = migrate_journey(database, tenant_id, "welcome", now=START)
    assert (done.moved, done.retimed) == (2, 2)
    assert times(database) == [datetime(2026, 3, 6, 15, 30, tzinfo=UTC)] * 2


def test_a_day_that_has_come_meanwhile_is_due_now(database):
    tenant_id, _ = enrolled(database, 1, raw=WAITING, node="day", at=START)
    later = datetime(2026, 3, 5, 10, tzinfo=UTC)
    set_at(database, datetime(2026, 3, 5, 14, tzinfo=UTC))
    assert change_timezone(database, tenant_id, "Europe/Berlin", later) == 1
    assert times(database) == [later]


HELLO = {
    "journey": "hello",
    "start": "short",
    "nodes": {
        "short": {"type": "delay", "minutes": 1, "next": "sms"},
        "sms": {"type": "send_sms", "body": "Hi", "next": "done"},
        "done": {"type": "end"},
    },
}
NIGHT = datetime(2026, 3, 3, 3, tzinfo=UTC)  # ten on Monday evening in New York
NINE = datetime(2026, 3, 3, 14, tzinfo=UTC)
NONE = {"quiet_starts_at": None, "quiet_ends_at": None}


def lay_down(database, tenant_id, **columns):
    with database.transaction() as connection:
        set_rules(connection, tenant_id, **NONE, **columns)


@pytest.mark.parametrize("blocked", ["at its time", "ahead"])
def test_longer_hours_bring_steps_that_were_put_off_forward(database, settings, blocked):
    """Blocked when it was due, or scheduled to the opening when the step before it was done."""
    node = "sms" if blocked == "at its time" else "short"
    tenant_id, _ = enrolled(database, 3, raw=HELLO, node=node, at=NIGHT)
    lay_down(database, tenant_id, opens_at="09:00", closes_at="17:00")
    runner = StepRunner(database, settings)
    now = NIGHT + timedelta(minutes=1)
    runner.run_batch(now)
    assert times(database) == [NINE] * 3

    lay_down(database, tenant_id, opens_at="08:00", closes_at="17:00")
    assert retime(database, tenant_id, None, now) == 3
    assert times(database) == [NINE - timedelta(hours=1)] * 3
    lay_down(database, tenant_id, opens_at="10:30", closes_at="17:00", weekdays=[3])
    assert retime(database, tenant_id, None, now) == 3
    wednesday = datetime(2026, 3, 4, 15, 30, tzinfo=UTC)
    assert times(database) == [wednesday] * 3
    assert retime(database, tenant_id, None, now) == 0
    lay_down(database, tenant_id)
    assert retime(database, tenant_id, None, now) == 3
    assert times(database) == [now] * 3
    database.caches.clear()
    assert runner.run_batch(now).messages == 3


def test_quiet_hours_are_those_of_each_contact(database, settings):
    tenant_id, _ = enrolled(database, 2, raw=HELLO, node="sms", at=NIGHT)
    query(database, "UPDATE contacts SET timezone = 'Asia/Kathmandu' WHERE phone_number LIKE '%%0'")
    with database.transaction() as connection:
        set_rules(connection, tenant_id, quiet_starts_at="21:00", quiet_ends_at="12:00")
    StepRunner(database, settings).run_batch(NIGHT)
    noon = datetime(2026, 3, 3, 6, 15, tzinfo=UTC)
    assert times(database) == [noon, datetime(2026, 3, 3, 17, tzinfo=UTC)]
    with database.transaction() as connection:
        set_rules(connection, tenant_id, quiet_starts_at="21:00", quiet_ends_at="11:15")
    assert retime(database, tenant_id, None, NIGHT) == 2
    assert times(database) == [
        noon - timedelta(minutes=45),
        datetime(2026, 3, 3, 16, 15, tzinfo=UTC),
    ]


def test_the_next_business_day_is_counted_from_the_day_of_the_step(database, settings):
    """Put off on Monday evening, and the rules change on Tuesday at six: it is Tuesday still."""
    rules = {"opens_at": "09:00", "closes_at": "17:00", "outside": "next_business_day"}
    tenant_id, _ = enrolled(database, 1, raw=HELLO, node="sms", at=NIGHT)
    lay_down(database, tenant_id, **rules)
    StepRunner(database, settings).run_batch(NIGHT)
    assert times(database) == [NINE]
    early = NINE - timedelta(hours=3)
    lay_down(database, tenant_id, **rules, max_messages_per_day=5)
    assert retime(database, tenant_id, None, early) == 0
    lay_down(database, tenant_id, **{**rules, "opens_at": "05:00"})
    assert retime(database, tenant_id, None, early) == 1
    assert times(database) == [early]


def test_what_was_spread_tried_or_held_is_left_where_it_is(database, settings):
    tenant_id, _ = enrolled(database, 4, raw=HELLO, node="sms", at=NIGHT)
    ids = [row[0] for row in query(database, "SELECT id FROM contacts ORDER BY phone_number")]
    lay_down(database, tenant_id, opens_at="09:00", closes_at="17:00")
    StepRunner(database, settings).run_batch(NIGHT)
    pause_contacts(database, tenant_id, ids[:2])
    later = NINE + timedelta(hours=1)
    resume_contacts(database, tenant_id, ids[:2], overdue=Overdue("spread", 60), now=later)
    query(
        database,
        "UPDATE pending_executions SET attempts = 1 WHERE journey_contact_id ="
        " (SELECT id FROM journey_contacts WHERE contact_id = %s)",
        ids[2],
    )
    lay_down(database, tenant_id, opens_at="08:00", closes_at="17:00")
    assert retime(database, tenant_id, None, NIGHT) == 1
    assert times(database) == [
        later,
        later + timedelta(minutes=30),
        NINE,
        NINE - timedelta(hours=1),
    ]


def test_queued_messages_ask_for_their_hours_anew(database, settings):
    tenant_id, _ = enrolled(database, 3, raw=HELLO, node="sms", at=NINE)
    lay_down(database, tenant_id, opens_at="09:00", closes_at="17:00")
    StepRunner(database, settings).run_batch(NINE)
    tomorrow = NINE + timedelta(days=1)
    query(
        database,
        "UPDATE messages SET due_at = %s, sendable_until = NULL WHERE to_number LIKE '%%0'",
        tomorrow,
    )
    query(database, "UPDATE messages SET due_at = %s, attempts = 1 WHERE to_number LIKE '%%1'",
          tomorrow)  # fmt: skip
    later = NINE + timedelta(minutes=5)
    retime(database, tenant_id, None, later)
    assert query(database, "SELECT due_at, sendable_until FROM messages ORDER BY to_number") == [
        (later, later),
        (tomorrow, later),
        (NINE, later),
    ]


def test_queued_calls_ask_for_their_hours_anew(database, settings):
    raw = HELLO | {"nodes": HELLO["nodes"] | {"sms": {"type": "make_call", "next": "done"}}}
    tenant_id, _ = enrolled(database, 3, raw=raw, node="sms", at=NINE)
    lay_down(database, tenant_id, opens_at="09:00", closes_at="17:00")
    StepRunner(database, settings).run_batch(NINE)
    tomorrow = NINE + timedelta(days=1)
    query(
        database,
        "UPDATE call_queue SET due_at = %s, callable_until = NULL WHERE to_number LIKE '%%0'",
        tomorrow,
    )
    query(database, "UPDATE call_queue SET state = 'DIALING' WHERE to_number LIKE '%%1'")
    before = query(database, "SELECT callable_until FROM call_queue WHERE state = 'DIALING'")
    later = NINE + timedelta(minutes=5)
    retime(database, tenant_id, None, later)
    assert query(database, "SELECT due_at, callable_until FROM call_queue ORDER BY to_number") == [
        (later, later),
        (NINE, *before[0]),
        (NINE, later),
    ]


def age(database, **minutes):
    query(database, "UPDATE rule_changes SET changed_at = now() - %s", timedelta(**minutes))


def swept(database, settings):
    with database.transaction() as connection:
        return sweep_rules(connection, settings)["retimed"]


def test_a_change_by_sql_is_swept_once_no_worker_has_the_old_rules(database, settings):
    now = datetime.now(UTC)
    tenant_id, _ = enrolled(database, 3, raw=HELLO, node="sms", at=now)
    query(
        database,
        "UPDATE pending_executions SET scheduled_at = %s, error = 'quiet hours'",
        now + timedelta(days=2),
    )
    assert query(database, "SELECT count(*) > 0 FROM rule_changes") == [(True,)]
    assert swept(database, settings) == 0
    assert query(database, "SELECT count(*) > 0 FROM rule_changes") == [(True,)]
    age(database, minutes=6)
    assert swept(database, settings) == 3
    assert max(times(database)) < now + timedelta(days=1)
    assert query(database, "SELECT count(*) FROM rule_changes") == [(0,)]
    for change in (
        "UPDATE tenants SET timezone = 'Asia/Tokyo'",
        "UPDATE execution_rules SET opens_at = '01:00'",
        "DELETE FROM execution_rules",
    ):
        query(database, change)
        assert query(database, "SELECT tenant_id FROM rule_changes") == [(tenant_id,)]
        query(database, "DELETE FROM rule_changes")
    query(database, "UPDATE tenants SET timezone = 'Asia/Tokyo', name = 'A'")
    assert query(database, "SELECT count(*) FROM rule_changes") == [(0,)]


def test_a_sweep_that_had_no_time_for_all_is_gone_on_with(database, settings, monkeypatch):
    now = datetime.now(UTC)
    enrolled(database, 10, raw=HELLO, node="sms", at=now)
    enrolled(database, 2, slug="other", raw=HELLO, node="sms", at=now)
    query(
        database,
        "UPDATE pending_executions SET scheduled_at = %s, error = 'quiet hours'",
        now + timedelta(days=2),
    )
    age(database, minutes=6)
    monkeypatch.setattr(retiming, "CHUNK", 4)
    with monkeypatch.context() as patch:
        moments = iter([0, 0, 1, 2, 99, 99, 99])  # the clock of a sweep that does two chunks
        patch.setattr(retiming.time, "monotonic", lambda: next(moments))
        assert swept(database, settings) == 8
    eighth = "SELECT id FROM journey_contacts ORDER BY id OFFSET 7 LIMIT 1"
    assert query(database, "SELECT max(retimed_to) FROM rule_changes") == query(database, eighth)
    assert swept(database, settings) == 4
    assert query(database, "SELECT count(*) FROM rule_changes") == [(0,)]


def test_statements_do_not_grow_with_the_steps(database):
    counts = []
    for slug, count in (("small", 5), ("large", 1000)):
        tenant_id, _ = enrolled(database, count, slug=slug, raw=WAITING, node="day", at=START)
        with count_statements() as counted:
            change_timezone(database, tenant_id, "Europe/Berlin", START)
        counts.append(counted.statements)
    assert counts == [9, 9]
