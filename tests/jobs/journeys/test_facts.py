import pytest

from db.queries.journeys.rows import ContactRow
from jobs.journeys.facts import CONTACT_COLUMNS, fact_reader, is_fact, needs_contact
from tests.jobs.journeys.steps import CONTACT, NOW, STEP


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("first_name", "Ada"),
        ("do_not_contact", True),
        ("tags", ["vip"]),
        ("attributes.plan", "pro"),
        ("attributes.none", None),
        ("data.code", 7),
        ("data.none", None),
        ("results.hello.segments", 2),
        ("results.hello.none", None),
        ("results.none.outcome", None),
        ("results.hook.answer.score", 9),
        ("results.hook.answer.deep.er", [1]),
        ("results.hook.answer.none.er", None),
        ("results.hook.status.code", None),
        ("results.hook.dotted.name", "whole"),
        ("calls.count", 3),
        ("calls.last_disposition", "BUSY"),
        ("appointments.next_at", NOW),
        ("appointments.last_at", None),
        ("zone", "Asia/Tokyo"),
        ("enrolled_at", NOW.replace(day=1)),
        ("entered_at", NOW),
    ],
)
def test_every_word_has_its_value(name, value):
    assert is_fact(name)
    assert fact_reader(name)(STEP, CONTACT, "UTC") == value


@pytest.mark.parametrize("name", [*CONTACT_COLUMNS, "attributes.plan"])
def test_without_a_contact_its_facts_are_missing(name):
    assert needs_contact(name)
    assert fact_reader(name)(STEP, None, "UTC") is None


@pytest.mark.parametrize(
    "name", ["entered_at", "enrolled_at", "data.code", "calls.count", "appointments.status"]
)
def test_facts_of_the_step_need_no_contact(name):
    assert not needs_contact(name)
    assert fact_reader(name)(STEP, None, "UTC") is not None


@pytest.mark.parametrize("timezone", [None, ""])
def test_zone_is_the_tenants_where_the_contact_has_none(timezone):
    read = fact_reader("zone")
    assert read(STEP, CONTACT._replace(timezone=timezone), "Europe/Berlin") == "Europe/Berlin"
    assert read(STEP, None, "Europe/Berlin") == "Europe/Berlin"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "nope",
        "attributes",
        "attributes.",
        "data.",
        "results",
        "calls",
        "calls.",
        "calls.index",
        "appointments.notes",
        "calls.count.x",
        "results.a",
        "results.a.",
        "results..b",
        "id",
        "Zone",
    ],
)
def test_other_words_are_no_facts(name):
    assert not is_fact(name)
    if "." not in name:
        with pytest.raises(KeyError):
            fact_reader(name)


def test_columns_are_columns_of_a_contact():
    assert set(CONTACT_COLUMNS) <= set(ContactRow._fields)
