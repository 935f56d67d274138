"""What becomes of contacts that the tenant has, column by column; against a slow reference."""

import itertools

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.factories import make_tenant
from tests.jobs.imports.files import PARTS, fetch, import_file, phone, write_csv

POLICIES = ("skip", "update", "update_empty_only")
HEADER = ("phone", "first_name", "email", "tags", "plan", "size")
CONTENT = "SELECT first_name, email, tags, attributes FROM contacts WHERE tenant_id = %s"

_numbers = itertools.count(1)
texts = st.sampled_from(["", "a", "b"])
tags = st.sampled_from(["", "x", "y", "x;y"])
values = st.tuples(texts, texts, tags, texts, texts)


def stored(first_name, email, tagged, plan, size):
    """A row of the file as a contact holds it."""
    attributes = {name: value for name, value in (("plan", plan), ("size", size)) if value}
    return [first_name or None, email or None, tagged.split(";") if tagged else [], attributes]


def merged(before, brought, policies):
    """The reference: column by column, as a person would say it."""
    (name, email, tagged, attributes) = before
    (new_name, new_email, new_tags, new_attributes) = brought

    def text(policy, old, new):
        if policy == "update" and new is not None:
            return new
        return new if policy == "update_empty_only" and old is None else old

    if policies["tags"] != "skip":
        tagged = tagged + [tag for tag in new_tags if tag not in tagged]
    if policies["attributes"] == "update":
        attributes = {**attributes, **new_attributes}
    elif policies["attributes"] == "update_empty_only":
        attributes = {**new_attributes, **attributes}
    return [
        text(policies["first_name"], name, new_name),
        text(policies["email"], email, new_email),
        tagged,
        attributes,
    ]


@given(
    before=values,
    brought=values,
    on_existing=st.sampled_from(POLICIES),
    column_policy=st.dictionaries(
        st.sampled_from(["first_name", "email", "tags", "attributes"]), st.sampled_from(POLICIES)
    ),
)
@hypothesis_settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_each_column_follows_its_policy(
    database, settings, tmp_path, before, brought, on_existing, column_policy
):
    tenant_id = make_tenant(database, f"t{next(_numbers)}")
    import_file(
        database, settings, tenant_id, write_csv(tmp_path / "1", [(phone(1), *before)], HEADER)
    )
    _, result = import_file(
        database,
        settings,
        tenant_id,
        write_csv(tmp_path / "2", [(phone(1), *brought)], HEADER),
        on_existing=on_existing,
        column_policy=column_policy,
    )
    names = ("first_name", "email", "tags", "attributes")
    policies = {name: column_policy.get(name, on_existing) for name in names}
    expected = merged(stored(*before), stored(*brought), policies)
    [(name, email, tagged, attributes)] = fetch(database, CONTENT, tenant_id)
    assert [name, email, tagged, attributes] == expected
    counts_as_updated = "update" in {*policies.values(), on_existing}
    changed = expected != stored(*before)
    assert [result[part] for part in PARTS] == (
        [0, 1, 0, 0, 0] if counts_as_updated or changed else [0, 0, 1, 0, 0]
    )


@pytest.mark.parametrize("policy", ["update", "update_empty_only"])
def test_a_contact_that_nothing_changes_is_not_written(database, settings, tmp_path, policy):
    tenant_id = make_tenant(database)
    path = write_csv(tmp_path / "1", [(phone(1), "a", "", "x", "b", "")], HEADER)
    import_file(database, settings, tenant_id, path)
    place = fetch(database, "SELECT ctid, updated_at FROM contacts")
    _, result = import_file(
        database, settings, tenant_id, path, on_existing=policy, campaign="Spring"
    )
    assert (result["updated"], result["skipped"]) == ((1, 0) if policy == "update" else (0, 1))
    assert fetch(database, "SELECT ctid, updated_at FROM contacts") == place
    assert fetch(database, "SELECT count(*) FROM campaign_contacts") == [(1,)]


def test_an_unknown_column_is_refused_in_one_sentence(database, settings, tmp_path):
    from jobs.imports import ImportArguments  # noqa: PLC0415

    with pytest.raises(ValueError, match="column_policy"):
        ImportArguments(file="x", filename="x", column_policy={"shoe": "skip"})
