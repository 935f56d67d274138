import json
import uuid

from jobs.runs import enqueue, run_next
from tests.factories import make_tenant
from workers.kinds import KINDS


def queue(database, tenant_id, count):
    with database.transaction() as connection:
        return [enqueue(connection, tenant_id, "some_kind", {"n": n}) for n in range(count)]


def test_list_is_filtered_and_bounded(here, database):
    queue(database, make_tenant(database), 3)
    queue(database, make_tenant(database, "beta"), 1)
    assert len(json.loads(here("jobs", "list", "--json").out)) == 4
    assert len(json.loads(here("jobs", "list", "--tenant", "acme", "--json").out)) == 3
    assert len(json.loads(here("jobs", "list", "--limit", "2", "--json").out)) == 2
    assert json.loads(here("jobs", "list", "--state", "failed", "--json").out) == []


def test_a_run_is_one_line_of_a_table_in_a_pipe(here, database):
    (run_id,) = queue(database, make_tenant(database), 1)
    lines = here("jobs", "list").out.splitlines()
    assert len(lines) == 2
    assert lines[1].split()[:4] == [str(run_id), "acme", "some_kind", "queued"]


def test_show(here, database):
    (run_id,) = queue(database, make_tenant(database), 1)
    shown = here("jobs", "show", run_id)
    assert shown.code == 0
    assert '{"n": 0}' in shown.out
    assert json.loads(here("jobs", "show", run_id, "--json").out)["args"] == {"n": 0}


def test_cancel_is_the_same_twice_and_ends_what_waits(here, database, settings):
    (run_id,) = queue(database, make_tenant(database), 1)
    for _ in range(2):
        result = here("jobs", "cancel", run_id)
        assert (result.code, result.out) == (0, f"run {run_id} cancelled\n")
    assert not run_next(database, settings, KINDS, run_id).worked
    shown = json.loads(here("jobs", "cancel", run_id, "--json").out)
    assert (shown["id"], shown["state"]) == (str(run_id), "cancelled")


def test_what_has_ended_is_not_cancelled(here, database, settings):
    (run_id,) = queue(database, make_tenant(database), 1)
    run_next(database, settings, KINDS, run_id)  # nobody knows its kind
    result = here("jobs", "cancel", run_id)
    assert (result.code, result.out) == (1, "")
    assert result.error_lines == [f"trunkline: run {run_id} has failed already"]


def test_another_tenants_run_is_not_cancelled(here, database):
    (run_id,) = queue(database, make_tenant(database), 1)
    make_tenant(database, "beta")
    assert here("jobs", "cancel", run_id, "--tenant", "beta").code == 2
    assert json.loads(here("jobs", "show", run_id, "--json").out)["state"] == "queued"


def test_what_there_is_not_is_one_line(here, database):
    make_tenant(database)
    for words in (
        ("show", uuid.uuid4()),
        ("show", "bob"),
        ("cancel", uuid.uuid4()),
        ("list", "--tenant", "nobody"),
        ("list", "--state", "happy"),
    ):
        result = here("jobs", *words)
        assert (result.code, len(result.error_lines), result.out) == (2, 1, "")
