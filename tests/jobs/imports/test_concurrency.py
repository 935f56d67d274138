"""Two imports at once, of one tenant or of two: none waits for ever, none sees the other's rows."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.factories import make_tenant
from tests.jobs.imports.files import fetch, import_file, phone, write_csv

MEMBERS = """
SELECT count(*), count(DISTINCT c.id)
FROM campaign_contacts m
JOIN campaigns k ON k.id = m.campaign_id AND k.tenant_id = m.tenant_id
JOIN contacts c ON c.id = m.contact_id AND c.tenant_id = m.tenant_id
JOIN call_queue q
  ON q.contact_id = c.id AND q.campaign_id = k.id AND q.tenant_id = m.tenant_id
WHERE m.tenant_id = %s
"""


@pytest.fixture
def chunked(settings):
    return settings.model_copy(update={"import_chunk_rows": 100, "run_backoff_s": 1e-6})


def both(database, settings, tenants, paths, **arguments):
    """Import each file into its tenant at the same time; returns the results."""
    with ThreadPoolExecutor(2) as threads:
        done = threads.map(
            lambda tenant_id, path: import_file(database, settings, tenant_id, path, **arguments),
            tenants,
            paths,
        )
        return [result for _, result in done]


@pytest.mark.parametrize("on_existing", ["skip", "update"])
@pytest.mark.parametrize("reverse", [False, True])
def test_the_same_numbers_twice_at_once_are_there_once(
    database, chunked, tmp_path, on_existing, reverse
):
    tenant_id = make_tenant(database)
    rows = [(phone(n), "Ann") for n in range(2000)]
    paths = [
        write_csv(tmp_path / "1.csv", rows),
        write_csv(tmp_path / "2.csv", rows[::-1] if reverse else rows),
    ]
    results = both(
        database, chunked, [tenant_id] * 2, paths, campaign="Spring", on_existing=on_existing
    )
    assert sum(result["created"] for result in results) == 2000
    known = "skipped" if on_existing == "skip" else "updated"
    assert sum(result[known] for result in results) == 2000
    for table in ("contacts", "campaign_contacts"):
        assert fetch(database, f"SELECT count(*) FROM {table}") == [(2000,)]


def test_two_tenants_at_once_have_each_their_own(database, chunked, tmp_path):
    tenants = [make_tenant(database), make_tenant(database, "other")]
    paths = [
        write_csv(tmp_path / f"{name}.csv", [(phone(n), name) for n in range(500)] + [("x", name)])
        for name in ("Ann", "Ben")
    ]
    for result in both(
        database, chunked, tenants, paths, campaign="Spring", on_existing="update", call=True
    ):
        assert (result["created"], result["rejected"]) == (500, 1)
    for tenant_id, name in zip(tenants, ("Ann", "Ben"), strict=True):
        for query, expected in (
            ("SELECT DISTINCT first_name FROM contacts WHERE tenant_id = %s", [(name,)]),
            ("SELECT row ->> 1 FROM import_errors WHERE tenant_id = %s", [(name,)]),
            (
                MEMBERS,
                [(500, 500)],
            ),
        ):
            assert fetch(database, query, tenant_id) == expected
