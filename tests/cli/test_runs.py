import json
import uuid
from datetime import datetime

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


def test_list_by_kind_and_key(here, database):
    tenant_id = make_tenant(database)
    with database.transaction() as connection:
        wanted = enqueue(connection, tenant_id, "one_kind", {}, unique_key="k")
        enqueue(connection, tenant_id, "one_kind", {})
        enqueue(connection, tenant_id, "other_kind", {}, unique_key="k")
    shown = here("jobs", "list", "--kind", "one_kind", "--key", "k", "--json")
    assert [run["id"] for run in json.loads(shown.out)] == [str(wanted)]


def test_a_run_is_enqueued_by_hand(here, database):
    make_tenant(database)

    def put(*words):
        args = ("--args", '{"journey": "welcome", "everyone": true}')
        return here("jobs", "enqueue", "enroll_contacts", "--tenant", "acme", *args, *words)

    again = ("--key", "k", "--json")
    first = json.loads(put(*again, "--priority", "7").out)["run_id"]
    assert json.loads(put(*again).out)["run_id"] == first
    assert put("--key", "d", "--how", "debounce", "--period", "60", "--max-wait", "90").code == 0
    assert put("--run-at", "2099-01-01T09:00:00").code == 0
    shown = json.loads(here("jobs", "list", "--json").out)
    assert len(shown) == 3
    assert {run["priority"] for run in shown} == {0, 7}
    assert "2099-01-01T09:00:00+00:00" in {run["run_at"] for run in shown}


def test_what_is_wrong_with_a_run_is_named_before_it_is_written(here, database):
    make_tenant(database)
    for words, named in (
        (("enroll_contacts", "--args", '{"everyone": true, "who": 5}'), ("journey:", "who:")),
        (("enroll_contacts", "--args", "{"), ("--args",)),
        (("enroll_contacts", "--args", "[]"), ("--args",)),
        (("enrol", "--args", "{}"), ("enrol", "enroll_contacts")),
        (("undo_import", "--how", "debounce"), ("--period",)),
        (("undo_import", "--how", "keep_last", "--period", "5"), ("--period",)),
        (("undo_import", "--how", "never"), ("never",)),
        (("undo_import", "--max-wait", "5"), ("--max-wait",)),
    ):
        result = here("jobs", "enqueue", *words, "--tenant", "acme")
        assert (result.code, len(result.error_lines)) == (2, 1), words
        assert all(name in result.err for name in named), result.err
    assert json.loads(here("jobs", "list", "--json").out) == []


def test_a_run_that_failed_is_tried_again(here, database, settings):
    (run_id,) = queue(database, make_tenant(database), 1)
    assert here("jobs", "retry", run_id).code == 1  # it has not ended
    run_next(database, settings, KINDS)
    assert here("jobs", "show", run_id).out.count("failed")
    assert here("jobs", "retry", run_id).code == 0
    assert json.loads(here("jobs", "show", run_id, "--json").out)["state"] == "queued"
    assert here("jobs", "retry", uuid.uuid4()).code == 2
    assert here("jobs", "retry").code == here("jobs", "retry", run_id, "--all").code == 2


def test_all_that_match_are_tried_again_at_a_rate(here, database, settings):
    queue(database, make_tenant(database), 3)
    queue(database, make_tenant(database, "beta"), 2)
    while run_next(database, settings, KINDS).worked:
        pass

    def retry(*words):
        return len(json.loads(here("jobs", "retry", "--all", *words, "--json").out)["retried"])

    assert retry("--kind", "other") == retry("--error", "no such") == retry("--hours", "0") == 0
    assert retry("--state", "cancelled") == 0
    assert retry("--tenant", "acme", "--per-minute", "2") == 3
    runs = json.loads(here("jobs", "list", "--tenant", "acme", "--json").out)
    times = sorted(datetime.fromisoformat(run["run_at"]) for run in runs)
    assert [(time - times[0]).total_seconds() for time in times] == [0, 30, 60]
    assert retry("--error", "unknown kind", "--limit", "1") == 1
    assert retry() == 1
