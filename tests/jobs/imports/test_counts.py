"""The counts of any file under any choice, against a slow reference: contacts in a dict."""

import itertools

from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.factories import make_tenant
from tests.jobs.imports.files import PARTS, fetch, import_file, phone, write_csv

_slugs = itertools.count(1)
phones = st.integers(0, 5).map(phone) | st.sampled_from(["", "bad", "12"])
names = st.sampled_from(["", "Ann", "Ben"])
files = st.lists(st.tuples(phones, names), max_size=12)


def reference(contacts, rows, policy, winner):
    """Counts by part; ``contacts`` (phone → name or None) becomes what the tenant has then."""
    counts = dict.fromkeys(PARTS, 0)
    met = set()
    order = rows if winner == "first" else rows[::-1]
    for number, name in order:
        if not number and not name:
            continue  # a blank line
        if not number.startswith("+"):
            counts["rejected"] += 1
        elif number in met:
            counts["duplicates"] += 1
        elif number not in contacts:
            counts["created"] += 1
            contacts[number] = name or None
        elif policy == "skip":
            counts["skipped"] += 1
        elif policy == "update":
            counts["updated"] += 1
            contacts[number] = name or contacts[number]
        else:
            filled = contacts[number] is None and name != ""
            counts["updated" if filled else "skipped"] += 1
            contacts[number] = contacts[number] or name or None
        met.add(number)
    return counts


@given(
    imports=st.lists(
        st.tuples(
            files,
            st.sampled_from(["skip", "update", "update_empty_only"]),
            st.sampled_from(["first", "last"]),
            st.integers(1, 5),
        ),
        min_size=1,
        max_size=3,
    )
)
@hypothesis_settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_counts_add_up_and_say_what_became_of_each_row(database, settings, tmp_path, imports):
    tenant_id = make_tenant(database, f"t{next(_slugs)}")
    contacts = {}
    for rows, policy, winner, size in imports:
        run_id, result = import_file(
            database,
            settings.model_copy(update={"import_chunk_rows": size}),
            tenant_id,
            write_csv(tmp_path / "list.csv", rows),
            campaign="Spring",
            on_existing=policy,
            duplicates=winner,
        )
        assert {part: result[part] for part in PARTS} == reference(contacts, rows, policy, winner)
        assert result["read"] == len([row for row in rows if any(row)])
        [(listed,)] = fetch(
            database, "SELECT count(*) FROM import_errors WHERE run_id = %s", run_id
        )
        assert listed == result["rejected"]
    stored = fetch(
        database, "SELECT phone_number, first_name FROM contacts WHERE tenant_id = %s", tenant_id
    )
    assert dict(stored) == contacts
    [(members,)] = fetch(
        database, "SELECT count(*) FROM campaign_contacts WHERE tenant_id = %s", tenant_id
    )
    assert members == len(contacts)
