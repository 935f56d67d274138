import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from jobs.journeys.decisions import Advance, UpdateContact
from jobs.journeys.nodes.update_contact import UpdateContactNode

names = st.sampled_from("abc")
values = st.none() | st.integers(0, 2) | st.sampled_from("xy")
tags = st.lists(names, max_size=3).map(tuple)
changes = st.builds(
    UpdateContact, st.dictionaries(names, values), st.dictionaries(names, values), tags, tags
)
contacts = st.tuples(st.dictionaries(names, values), st.dictionaries(names, values), st.sets(names))


def changed(contact, change):
    """What update_contacts.sql makes of a contact (fields, attributes, tags)."""
    fields, attributes, tagged = contact
    return (
        {**fields, **change.fields},
        {**attributes, **change.attributes},
        (tagged | set(change.add_tags)) - set(change.remove_tags),
    )


@given(contacts, changes, changes, changes)
def test_changes_merged_are_changes_one_after_the_other(contact, first, second, third):
    merged = first.then(second).then(third)
    assert changed(contact, merged) == changed(changed(changed(contact, first), second), third)
    assert changed(contact, first.then(second.then(third))) == changed(contact, merged)


def test_fields_attributes_and_tags_are_told_apart_and_texts_rendered():
    node = UpdateContactNode(
        set={
            "company": "{{ first_name }} Ltd",
            "last_name": None,
            "status": "VIP",
            "attributes.n": 5,
            "attributes.seen": True,
            "attributes.a.b": "{{ data.code }}",
            "attributes.gone": None,
        },
        add_tags=["vip"],
        remove_tags=["new"],
        next="x",
    )
    assert node.inputs() == {"first_name", "data.code"}
    decision = node.evaluate({"first_name": "Ada", "data.code": 7}, None)
    assert decision == Advance(
        "next",
        effects=(
            UpdateContact(
                {"company": "Ada Ltd", "last_name": None, "status": "VIP"},
                {"n": 5, "seen": True, "a.b": "7", "gone": None},
                ("vip",),
                ("new",),
            ),
        ),
    )


def test_columns_are_texts_whatever_the_file_says():
    node = UpdateContactNode(set={"company": 5}, next="x")
    assert node.evaluate({}, None).effects[0].fields == {"company": "5"}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "give set, add_tags or remove_tags"),
        ({"set": {}}, "give set, add_tags or remove_tags"),
        ({"set": {"phone_number": "x"}}, "unknown field"),
        ({"set": {"attributes.": "x"}}, "unknown field"),
        ({"set": {"attributes": "x"}}, "unknown field"),
        ({"set": {"status": None}}, "can't be cleared"),
        ({"set": {"company": ["x"]}}, "give a text"),
        ({"set": {"company": "{{ nope }}"}}, "unknown field nope"),
        ({"add_tags": [""]}, "at least 1"),
        ({"add_tags": "vip"}, "valid tuple"),
    ],
)
def test_mistakes(fields, words):
    with pytest.raises(ValidationError) as caught:
        UpdateContactNode(next="x", **fields)
    assert caught.value.error_count() == 1
    assert words in str(caught.value)
