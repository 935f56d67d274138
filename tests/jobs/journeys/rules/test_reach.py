"""What the clock says about a tenant and its contacts, against a walk by minutes."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from jobs.journeys.decisions import Hold, Reschedule
from jobs.journeys.rules import Allowed, ExecutionRules, OpeningHours, Reach, Skip, quiet_hours
from jobs.journeys.rules.reach import CLOSED, QUIET
from tests.jobs.journeys.clocks import MINUTE, clocks, moments, slow_at_local, zones
from tests.jobs.journeys.rules.slow_hours import hours, shown, shown_open

DAY = timedelta(days=1)
NEW_YORK, SYDNEY = ZoneInfo("America/New_York"), ZoneInfo("Australia/Sydney")
WEEKDAYS = frozenset(range(1, 6))
quiet = st.one_of(
    st.none(),
    st.builds(
        lambda starts, ends: quiet_hours(starts, ends) if starts != ends else None, clocks, clocks
    ),
)
postponing = st.sampled_from(["next_opening", "next_business_day", "same_time_next_day"])
reaches = st.builds(
    lambda opening, audible, outside, tenant_zone, contact_zone: Reach(
        ExecutionRules(opening, outside, audible), tenant_zone, contact_zone
    ),
    st.one_of(st.just(ExecutionRules().hours), hours),
    quiet,
    postponing,
    zones,
    zones,
)

NEVER_MEET = "the opening hours lie within the contact's quiet hours"


def slow_allowed(reach, moment):
    opening, audible = reach.rules.hours, reach.rules.audible
    return shown_open(opening, shown(moment, reach.tenant_zone)) and (
        audible is None or shown_open(audible, shown(moment, reach.contact_zone))
    )


def slow_next(reach, moment, *, allowed, days=15):
    """The first minute from ``moment`` on that is allowed, or isn't; None past the days."""
    for n in range(days * 24 * 60):
        if slow_allowed(reach, moment + n * MINUTE) is allowed:
            return moment + n * MINUTE
    return None


@settings(max_examples=150)
@given(reaches, moments)
def test_an_allowed_step_runs_until_the_first_minute_that_is_not(reach, moment):
    verdict = reach.verdict(moment)
    assert isinstance(verdict, Allowed) == slow_allowed(reach, moment)
    if isinstance(verdict, Allowed):
        assert verdict.until == slow_next(reach, moment, allowed=False)


@settings(max_examples=150)
@given(reaches, moments)
def test_what_is_put_off_waits_for_the_first_minute_that_is_allowed(reach, moment):
    assume(not slow_allowed(reach, moment))
    opening = reach.rules.hours
    open_now = shown_open(opening, shown(moment, reach.tenant_zone))
    start = moment if open_now else slow_reopening(reach, moment)
    expected = slow_next(reach, start, allowed=True)
    verdict = reach.verdict(moment)
    if expected is None:  # the two hours meet weeks later, or never
        assert isinstance(verdict, Reschedule)
        assert verdict.reason == NEVER_MEET or verdict.at - start > 14 * DAY
    else:
        assert verdict == Reschedule(expected, QUIET if open_now else CLOSED)


def slow_reopening(reach, closed):
    """Where a rule puts a moment off to, by walks over days and minutes."""
    opening, zone = reach.rules.hours, reach.tenant_zone
    local = shown(closed, zone)
    match reach.rules.outside:
        case "next_business_day":
            assume(zone.key != "Pacific/Apia")  # where a business day may be left out
            day = next(
                day
                for day in (local.date() + n * DAY for n in range(1, 8))
                if day.isoweekday() in opening.weekdays
            )
            at = slow_at_local(day, opening.opens_at, zone)
        case "same_time_next_day":
            for n in range(1, 8):
                again = slow_at_local(local.date() + n * DAY, local.time(), zone)
                if shown_open(opening, shown(again, zone)):
                    return again
            at = closed
        case _:
            at = closed
    while not shown_open(opening, shown(at, zone)):
        at += MINUTE
    return at


def office(outside, audible=None):
    return Reach(
        ExecutionRules(OpeningHours(WEEKDAYS, time(9), time(17)), outside, audible),
        NEW_YORK,
        NEW_YORK,
    )


@pytest.mark.parametrize(
    ("outside", "then"),
    [
        ("next_opening", datetime(2026, 7, 6, 9, tzinfo=NEW_YORK)),
        ("next_business_day", datetime(2026, 7, 7, 9, tzinfo=NEW_YORK)),
        ("same_time_next_day", datetime(2026, 7, 6, 9, tzinfo=NEW_YORK)),
    ],
)
def test_monday_at_seven_by_each_rule(outside, then):
    early = datetime(2026, 7, 6, 7, tzinfo=NEW_YORK)
    assert office(outside).verdict(early.astimezone(UTC)) == Reschedule(then, CLOSED)


@pytest.mark.parametrize(
    ("outside", "then"),
    [
        ("next_opening", datetime(2026, 7, 6, 9, tzinfo=NEW_YORK)),
        ("next_business_day", datetime(2026, 7, 6, 9, tzinfo=NEW_YORK)),
        ("same_time_next_day", datetime(2026, 7, 6, 11, 30, tzinfo=NEW_YORK)),
    ],
)
def test_saturday_at_half_past_eleven_by_each_rule(outside, then):
    saturday = datetime(2026, 7, 4, 11, 30, tzinfo=NEW_YORK)
    assert office(outside).verdict(saturday) == Reschedule(then, CLOSED)


def test_business_day_is_the_tenants_own():
    """Friday 21:00 in New York is Saturday already in UTC: both go on to Monday."""
    friday = datetime(2026, 7, 11, 1, tzinfo=UTC)
    monday = datetime(2026, 7, 13, 9, tzinfo=NEW_YORK)
    assert office("next_business_day").verdict(friday) == Reschedule(monday, CLOSED)
    sunday_evening = datetime(2026, 7, 13, 2, tzinfo=UTC)  # Monday in UTC, Sunday in New York
    assert office("next_business_day").verdict(sunday_evening) == Reschedule(monday, CLOSED)


def test_closed_can_also_mean_skipped_or_held():
    early = datetime(2026, 7, 6, 7, tzinfo=NEW_YORK)
    assert office("skip").verdict(early) == Skip(CLOSED)
    assert office("pause").verdict(early) == Hold(CLOSED)


@pytest.mark.parametrize("outside", ["skip", "pause"])
def test_quiet_hours_put_off_whatever_closed_hours_do(outside):
    siesta = office(outside, quiet_hours(time(13), time(15)))
    noon = datetime(2026, 7, 6, 13, 30, tzinfo=NEW_YORK)
    assert siesta.verdict(noon) == Reschedule(datetime(2026, 7, 6, 15, tzinfo=NEW_YORK), QUIET)


def test_hours_that_never_meet_are_looked_at_again_a_day_later():
    """Nine to eleven in New York is the middle of Sydney's night, all year."""
    night = Reach(
        ExecutionRules(
            OpeningHours(WEEKDAYS, time(9), time(11)), "next_opening", ExecutionRules().audible
        ),
        NEW_YORK,
        SYDNEY,
    )
    verdict = night.verdict(datetime(2026, 7, 6, 14, tzinfo=UTC))
    assert verdict == Reschedule(datetime(2026, 7, 7, 14, tzinfo=UTC), NEVER_MEET)


def test_zones_that_no_rule_reads_are_not_looked_up():
    anytime = ExecutionRules(audible=None)
    reach = Reach.of(anytime, "Narnia", "Nowhere")
    assert reach.verdict(datetime(2026, 7, 6, tzinfo=UTC)) == Allowed(None)
    with pytest.raises(ValueError, match="unknown time zone 'Nowhere'"):
        Reach.of(ExecutionRules(), "Narnia", "Nowhere")
    with pytest.raises(ValueError, match="unknown time zone 'Nowhere'"):
        Reach.of(ExecutionRules(audible=None, max_messages_per_day=1), "Narnia", "Nowhere")
    with pytest.raises(ValueError, match="unknown time zone 'Narnia'"):
        Reach.of(
            ExecutionRules(OpeningHours(WEEKDAYS, time(9), None), audible=None), "Narnia", "UTC"
        )


def test_a_contacts_day_is_23_hours_when_clocks_jump():
    reach = Reach.of(ExecutionRules(), "UTC", "America/New_York")
    first, following = reach.day_of(datetime(2026, 3, 8, 12, tzinfo=UTC))
    assert first == datetime(2026, 3, 8, 5, tzinfo=UTC)
    assert following - first == timedelta(hours=23)
