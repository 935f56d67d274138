import pytest

from db.queries.tenants import load_rules, save_rules
from jobs.tenants import TenantError, change_rules
from tests.factories import make_tenant, set_rules


@pytest.fixture
def tenant_id(database):
    return make_tenant(database, any_time=False)


@pytest.fixture
def change(database, tenant_id):
    def run(**changes):
        with database.transaction() as connection:
            changed = change_rules(connection, tenant_id, changes)
            assert load_rules(connection, tenant_id) == changed
        return changed

    return run


def test_without_a_row_the_rules_are_those_of_a_fresh_one(database, tenant_id):
    with database.transaction() as connection:
        without = load_rules(connection, tenant_id)
        set_rules(connection, tenant_id)
        assert load_rules(connection, tenant_id) == without
    with pytest.raises(LookupError), database.transaction() as connection:
        load_rules(connection, "00000000-0000-0000-0000-000000000000")


def test_what_is_named_changes_and_the_rest_stays(change):
    first = change(weekdays="mon-fri", opens="09:00", closes="17:30", outside="next-business-day")
    assert first.weekdays == [1, 2, 3, 4, 5]
    assert (first.opens_at, first.closes_at, first.outside) == (
        "09:00",
        "17:30",
        "next_business_day",
    )
    assert (first.quiet_starts_at, first.quiet_ends_at) == ("21:00", "08:00")
    second = change(
        quiet="none",
        resubmission="skip",
        resubmission_hours="48",
        max_per_day="3",
        call_gap_minutes="0",
        sends_per_second="2.5",
        burst="10",
        calls_at_once="25",
        opens=None,
    )
    assert second == first._replace(
        quiet_starts_at=None,
        quiet_ends_at=None,
        resubmission="skip",
        resubmission_hours=48,
        max_messages_per_day=3,
        call_gap_minutes=0,
        sends_per_second=2.5,
        send_burst=10,
        max_calls_at_once=25,
    )
    third = change(max_per_day="none", sends_per_second="none")
    assert third == second._replace(
        max_messages_per_day=None, sends_per_second=None, send_burst=None
    )


@pytest.mark.parametrize(
    ("option", "text", "columns"),
    [
        ("weekdays", "daily", {"weekdays": [1, 2, 3, 4, 5, 6, 7]}),
        ("weekdays", "sat-mon, wed", {"weekdays": [1, 3, 6, 7]}),
        ("weekdays", "Tue", {"weekdays": [2]}),
        ("closes", "00:00", {"closes_at": "24:00"}),
        ("closes", "24:00", {"closes_at": "24:00"}),
        ("quiet", "22:00 - 24:00", {"quiet_starts_at": "22:00", "quiet_ends_at": "00:00"}),
    ],
)
def test_ways_to_write_them(change, option, text, columns):
    assert {name: getattr(change(**{option: text}), name) for name in columns} == columns


def test_hours_may_go_past_midnight(change):
    rules = change(opens="20:00", closes="02:00")
    assert (rules.opens_at, rules.closes_at) == ("20:00", "02:00")


@pytest.mark.parametrize(
    ("option", "text", "words"),
    [
        ("weekdays", "monday", "mon-fri"),
        ("weekdays", "mon-tue-wed", "mon-fri"),
        ("weekdays", "", "mon-fri"),
        ("opens", "9", "09:00"),
        ("opens", "25:00", "09:00"),
        ("closes", "24:30", "09:00"),
        ("outside", "never", "next_opening"),
        ("quiet", "21:00", "21:00-08:00"),
        ("quiet", "21:00-21:00", "never end"),
        ("resubmission", "maybe", "reschedule"),
        ("resubmission_hours", "0", "from 1"),
        ("resubmission_hours", "none", "from 1"),
        ("max_per_day", "0", "or none"),
        ("max_per_day", "²", "or none"),
        ("call_gap_minutes", "-1", "from 0"),
        ("sends_per_second", "nan", "above 0"),
        ("sends_per_second", "0", "above 0"),
        ("burst", "1e3", "from 1"),
        ("calls_at_once", "none", "from 0 to 100,000 is wanted"),
        ("calls_at_once", "100001", "from 0 to 100,000 is wanted"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_wanted(change, option, text, words):
    with pytest.raises(TenantError) as error:
        change(**{option: text})
    assert str(error.value).startswith(f"{option.replace('_', '-')} {text!r}: ")
    assert words in str(error.value)


def test_all_that_is_wrong_is_named_in_one_line_and_nothing_changes(database, tenant_id, change):
    with pytest.raises(TenantError) as error:
        change(opens="x", quiet="y", burst="3", max_per_day="2")
    assert "\n" not in str(error.value)
    for words in ("opens 'x'", "quiet 'y'", "a burst is wanted only where"):
        assert words in str(error.value)
    with pytest.raises(TenantError, match="hours from 09:00 to 09:00 are none"):
        change(opens="09:00", closes="09:00")
    with database.transaction() as connection:
        assert load_rules(connection, tenant_id).max_messages_per_day is None


def test_a_zone_whose_data_is_missing_is_named(database):
    bad = make_tenant(database, "bad", timezone="Mars/Base", any_time=False)
    with (
        pytest.raises(TenantError, match="time zone 'Mars/Base' is unknown on this machine"),
        database.transaction() as connection,
    ):
        change_rules(connection, bad, {"opens": "09:00"})


def test_the_schema_takes_all_that_is_allowed_and_no_nonsense(database, tenant_id, change):
    change(sends_per_second="0.01", closes="23:59", resubmission_hours="8784")
    with database.transaction() as connection:
        rules = load_rules(connection, tenant_id)
        for wrong in ({"quiet_starts_at": None}, {"weekdays": []}, {"opens_at": "23:59"}):
            with pytest.raises(Exception, match="violates check"), connection.transaction():
                save_rules(connection, tenant_id, rules._replace(**wrong))
