"""Steps re-timed when a zone, hours or a journey's days change."""

from datetime import UTC, datetime

import pytest

from db.counter import count_statements
from jobs.journeys.lifecycle.journeys import pause_journey
from jobs.journeys.lifecycle.migration import migrate_journey
from jobs.journeys.lifecycle.retiming import DefiniteError, change_timezone, retime
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


def test_what_a_rule_put_off_is_looked_at_again(database):
    tenant_id, _ = enrolled(database, 3, at=START)
    tomorrow = datetime(2026, 3, 3, 12, tzinfo=UTC)
    set_at(database, tomorrow)
    query(
        database,
        "UPDATE pending_executions SET error = 'outside the hours',"
        " attempts = CASE WHEN journey_contact_id ="
        "   (SELECT max(journey_contact_id) FROM pending_executions) THEN 1 ELSE 0 END",
    )
    assert retime(database, tenant_id, None, START) == 2
    assert sorted(times(database)) == [START, START, tomorrow]


def test_statements_do_not_grow_with_the_steps(database):
    counts = []
    for slug, count in (("small", 5), ("large", 1000)):
        tenant_id, _ = enrolled(database, count, slug=slug, raw=WAITING, node="day", at=START)
        with count_statements() as counted:
            change_timezone(database, tenant_id, "Europe/Berlin", START)
        counts.append(counted.statements)
    assert counts == [9, 9]
