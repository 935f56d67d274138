"""A month of 2,000 contacts across changes of clocks, against a reference that walks one by one.

The reference knows nothing of batches, groups or hints: it takes one contact at a time, and finds
local times by looking at the clock minute by minute.
"""

import hashlib
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest

from jobs.journeys.batch import StepRunner
from tests.factories import make_contacts, make_tenant
from tests.jobs.journeys.journeys import apply_journey, enroll, query

MINUTE = timedelta(minutes=1)
TENANT_ZONE = "America/New_York"
ZONES = [
    *("America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Australia/Sydney"),
    *("Asia/Kathmandu", "UTC", None),
]
CONTACTS = 2_000

JOURNEY = {
    "journey": "month",
    "start": "hello",
    "nodes": {
        "hello": {"type": "send_sms", "body": "Hi", "next": "first"},
        "first": {"type": "day", "day": 1, "at": "09:30", "spread_minutes": 12, "next": "which"},
        "which": {
            "type": "condition",
            "branches": [
                {"when": {"field": "attributes.plan", "op": "eq", "value": "pro"}, "next": "mark"}
            ],
            "default": "share",
        },
        "mark": {"type": "update_contact", "set": {"status": "PRO"}, "next": "pause"},
        "pause": {"type": "delay", "days": 1, "hours": 17, "next": "early"},
        "share": {
            "type": "split",
            "branches": [{"weight": 2, "next": "until"}, {"weight": 1, "next": "early"}],
        },
        "until": {"type": "delay", "hours": 3, "until": "02:15", "next": "early"},
        "early": {"type": "day", "day": 3, "at": "02:15", "next": "news"},
        "news": {"type": "send_sms", "body": "News", "next": "week"},
        "week": {"type": "day", "day": 7, "at": "02:30", "next": "late"},
        "late": {"type": "day", "day": 24, "at": "02:30", "next": "last"},
        "last": {"type": "day", "day": 28, "at": "02:30", "next": "bye"},
        "bye": {"type": "send_sms", "body": "Bye", "next": "done"},
        "done": {"type": "end"},
    },
}


@cache
def clock_shows(zone, day, clock):
    """The first minute of a local day at which its clocks show a time; None if they never do."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=1)
    for n in range(3 * 24 * 60):
        moment = start + n * MINUTE
        local = moment.astimezone(ZoneInfo(zone))
        if local.date() == day and local.strftime("%H:%M") == clock:
            return moment
    return None


@cache
def on_day(zone, day, clock):
    """As clock_shows; a time that is jumped over lies as far after the jump as within the gap."""
    moment = clock_shows(zone, day, clock)
    if moment:
        return moment
    hour, minute = map(int, clock.split(":"))
    for before in range(1, 120):
        earlier = hour * 60 + minute - before
        shown = clock_shows(zone, day, f"{earlier // 60:02}:{earlier % 60:02}")
        if shown:
            return shown + before * MINUTE
    raise AssertionError(clock)


@cache
def audible(zone, moment):
    """The first minute from ``moment`` on that is neither before eight nor after nine at night."""
    while not 8 <= moment.astimezone(ZoneInfo(zone)).hour < 21:
        moment = moment.replace(second=0) + MINUTE
    return moment


def lot(contact_id, seed, count):
    digest = hashlib.sha256(f"{contact_id}:{seed}".encode()).hexdigest()
    return int(digest, 16) * count // 2**256


def walk(contact_id, zone, plan, enrolled):
    """(node, when, outcome) of all that one contact does, one step after the other."""
    enrolled_on = enrolled.astimezone(ZoneInfo(zone)).date()
    done = []
    now = enrolled

    def do(key, at, outcome="next"):
        nonlocal now
        now = max(now, at)
        done.append((key, now, outcome))

    def on(number, clock):
        return on_day(zone, enrolled_on + timedelta(days=number), clock)

    do("hello", audible(zone, now))
    do("first", on(1, "09:30") + lot(contact_id, "first", 12) * MINUTE)
    if plan == "pro":
        do("which", now, "branch-1")
        do("mark", now)
        do("pause", now + timedelta(days=1, hours=17))
    else:
        do("which", now, "default")
        first_branch = lot(contact_id, "share", 3) < 2
        do("share", now, "branch-1" if first_branch else "branch-2")
        if first_branch:
            passed = now + timedelta(hours=3)
            today = passed.astimezone(ZoneInfo(zone)).date()
            times = (on_day(zone, today + timedelta(days=n), "02:15") for n in range(3))
            do("until", next(at for at in times if at >= passed))
    do("early", on(3, "02:15"))
    do("news", audible(zone, now))
    do("week", on(7, "02:30"))
    do("late", on(24, "02:30"))
    do("last", on(28, "02:30"))
    do("bye", audible(zone, now))
    do("done", now, "end")
    return done


@pytest.mark.parametrize(
    "enrolled",
    [
        # Clocks go forward in Sydney and Lord Howe (by half an hour) on the 4th, back in Berlin on
        # the 25th; then in New York forward on the 8th, in Berlin on the 29th.
        datetime(2026, 10, 1, 12, tzinfo=UTC),
        datetime(2026, 3, 1, 12, tzinfo=UTC),
    ],
)
def test_a_month_is_what_a_walk_one_by_one_gives(database, settings, enrolled):
    tenant_id = make_tenant(database, timezone=TENANT_ZONE, any_time=False)
    journey = apply_journey(database, tenant_id, JOURNEY)
    contacts = make_contacts(database, tenant_id, CONTACTS)
    people = {
        contact: (ZONES[n % len(ZONES)], "pro" if n % 3 == 0 else "free")
        for n, contact in enumerate(contacts)
    }
    query(
        database,
        "UPDATE contacts c SET timezone = p.zone, attributes = jsonb_build_object('plan', p.plan)"
        " FROM unnest(%s::uuid[], %s::text[], %s::text[]) AS p (id, zone, plan) WHERE p.id = c.id",
        contacts,
        *(list(column) for column in zip(*people.values(), strict=True)),
    )
    enroll(database, tenant_id, journey, contacts, at=enrolled)

    runner = StepRunner(database, settings)
    next_due = "SELECT min(scheduled_at) FROM pending_executions WHERE state = 'DUE'"
    while (now := query(database, next_due)[0][0]) is not None:
        assert runner.run_batch(now).claimed > 0

    history = defaultdict(list)
    for contact, key, at, outcome in query(
        database,
        "SELECT jc.contact_id, n.key, x.executed_at, x.outcome FROM journey_node_executions x"
        " JOIN journey_contacts jc ON jc.tenant_id = x.tenant_id AND jc.id = x.journey_contact_id"
        " JOIN journey_nodes n ON n.tenant_id = x.tenant_id AND n.id = x.node_id"
        " ORDER BY x.executed_at, x.created_at",
    ):
        history[contact].append((key, at, outcome))
    assert len(history) == CONTACTS
    for contact, (zone, plan) in people.items():
        assert history[contact] == walk(contact, zone or TENANT_ZONE, plan, enrolled), (zone, plan)
