import json
import re
from pathlib import Path

import pytest

from tests.factories import make_tenant

EXAMPLE = Path(__file__).parents[2] / "examples" / "contacts.csv"


@pytest.fixture
def acme(database):
    return make_tenant(database)


def test_import_waits_and_tells_what_became_of_the_rows(here, acme, worker):
    result = here("import", "contacts", EXAMPLE, "--tenant", "acme", "--campaign", "Spring")
    assert (result.code, result.err) == (0, "")
    assert "succeeded" in result.out
    assert "created 4" in result.out
    assert re.search(r"rejected \d+ \([^)]*phone is not a number 1", result.out)


def test_import_prints_the_run_as_json(here, acme, worker):
    result = here("import", "contacts", EXAMPLE, "--tenant", "acme", "--json")
    run = json.loads(result.out)
    assert (result.code, run["state"], run["tenant"]) == (0, "succeeded", "acme")
    assert run["result"]["created"] == 4
    assert run["result"]["duplicates"] == 1


def test_existing_contacts_are_updated_if_asked(here, acme, worker):
    here("import", "contacts", EXAMPLE, "--tenant", "acme")
    words = ("import", "contacts", EXAMPLE, "--tenant", "acme", "--on-existing", "update", "--json")
    assert json.loads(here(*words).out)["result"]["updated"] == 4


def test_detach_prints_the_id_and_does_not_wait(here, acme):
    run_id = here("import", "contacts", EXAMPLE, "--tenant", "acme", "--detach").out.strip()
    shown = json.loads(here("jobs", "show", run_id, "--json").out)
    assert (shown["kind"], shown["state"]) == ("import_contacts", "queued")
    assert Path(shown["args"]["file"]).read_bytes() == EXAMPLE.read_bytes()


def test_what_is_no_csv_is_one_line_and_no_run(here, acme, tmp_path):
    for name, content in {
        "picture.csv": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20,
        "empty.csv": b"",
        "prose.csv": b"It was a dark and stormy night.\nThe end.\n",
    }.items():
        (tmp_path / name).write_bytes(content)
        result = here("import", "contacts", tmp_path / name, "--tenant", "acme")
        assert (result.code, len(result.error_lines), result.out) == (2, 1, "")
        assert name in result.err
    assert json.loads(here("jobs", "list", "--json").out) == []


def test_a_file_that_is_not_there(here, acme):
    result = here("import", "contacts", "nowhere.csv", "--tenant", "acme")
    assert (result.code, len(result.error_lines)) == (2, 1)
    assert "nowhere.csv" in result.err


def test_an_unknown_tenant_loses_nothing(here, acme, settings, tmp_path):
    result = here("import", "contacts", EXAMPLE, "--tenant", "nobody")
    assert (result.code, len(result.error_lines)) == (2, 1)
    assert "nobody" in result.err
    assert not list((tmp_path / "state").rglob("*.csv"))


def test_a_wrong_campaign_leaves_no_file(here, acme, tmp_path):
    result = here("import", "contacts", EXAMPLE, "--tenant", "acme", "--campaign", "  ")
    assert (result.code, len(result.error_lines)) == (2, 1)
    assert not list((tmp_path / "state").rglob("*.csv"))
