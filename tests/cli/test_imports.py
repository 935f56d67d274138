import csv
import json
import re
import shutil
from pathlib import Path

import pytest

from tests.factories import make_tenant

EXAMPLE = Path(__file__).parents[2] / "examples" / "contacts.csv"
KEYS = ["read", "created", "updated", "skipped", "duplicates", "rejected"]


@pytest.fixture
def acme(database):
    return make_tenant(database)


@pytest.fixture
def example(tmp_path):
    """The example in a folder of its own, for its rejected rows go beside it."""
    return Path(shutil.copy(EXAMPLE, tmp_path / "contacts.csv"))


def test_import_waits_and_tells_what_became_of_the_rows(here, acme, example, worker):
    result = here("import", "contacts", example, "--tenant", "acme", "--campaign", "Spring")
    assert (result.code, result.err) == (0, "")
    assert "succeeded" in result.out
    assert "created 4" in result.out
    assert re.search(r"rejected \d+ \([^)]*phone is not a number 1", result.out)
    assert str(example.with_name("contacts.errors.csv")) in result.out


def test_its_json_has_the_counts_and_where_the_rejected_rows_are(here, acme, example, worker):
    result = here("import", "contacts", example, "--tenant", "acme", "--json")
    told = json.loads(result.out)
    assert list(told) == [*KEYS, "run_id", "error_csv"]
    assert told["read"] == sum(told[key] for key in KEYS[1:])
    assert (told["created"], told["duplicates"]) == (4, 1)
    rejected = Path(told["error_csv"])
    assert rejected == example.with_name("contacts.errors.csv")
    with rejected.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == told["rejected"] > 0
    assert all(row["error"].startswith("line ") for row in rows)
    shown = here("import", "errors", told["run_id"])
    assert shown.out == rejected.read_bytes().decode()


def test_a_list_that_is_being_mended_is_not_written_over(here, acme, example, worker):
    first, second = (
        json.loads(here("import", "contacts", example, "--tenant", "acme", "--json").out)
        for _ in range(2)
    )
    assert second["error_csv"].endswith("contacts.errors-2.csv")
    chosen = example.with_name("mine.csv")
    words = ("import", "contacts", example, "--tenant", "acme", "--errors", chosen, "--json")
    assert json.loads(here(*words).out)["error_csv"] == str(chosen)
    again = example.with_name("again.csv")
    assert here("import", "errors", first["run_id"], "--output", again).code == 0
    assert again.read_bytes() == chosen.read_bytes()


def test_the_file_itself_is_not_written_over(here, acme, example):
    before = example.read_bytes()
    words = ("import", "contacts", example, "--tenant", "acme", "--errors", example)
    result = here(*words)
    assert (result.code, len(result.error_lines)) == (2, 1)
    assert example.read_bytes() == before
    assert json.loads(here("jobs", "list", "--json").out) == []


def test_nothing_rejected_leaves_no_list(here, acme, tmp_path, worker):
    path = tmp_path / "good.csv"
    path.write_text("phone\n+12125550100\n")
    told = json.loads(here("import", "contacts", path, "--tenant", "acme", "--json").out)
    assert (told["created"], told["error_csv"]) == (1, None)
    assert not list(tmp_path.glob("*.errors*"))


def test_a_failed_import_tells_its_counts_too(here, acme, example, database, worker):
    with database.transaction() as connection:
        connection.execute("UPDATE tenants SET import_max_rows = 1")
    result = here("import", "contacts", example, "--tenant", "acme", "--json")
    assert result.code == 1
    assert json.loads(result.out).items() >= {"read": 0, "error_csv": None}.items()
    assert len(result.error_lines) == 1
    assert "too many rows" in result.err


def test_a_list_that_cannot_be_written_is_told_of(here, acme, example, worker):
    words = ("import", "contacts", example, "--tenant", "acme", "--json")
    result = here(*words, "--errors", example.with_name("nowhere") / "x.csv")
    assert (result.code, json.loads(result.out)["error_csv"]) == (0, None)
    assert "`trunkline import errors" in result.err


def test_existing_contacts_are_updated_if_asked(here, acme, example, worker):
    here("import", "contacts", example, "--tenant", "acme")
    words = ("import", "contacts", example, "--tenant", "acme", "--on-existing", "update", "--json")
    assert json.loads(here(*words).out)["updated"] == 4
    policies = ("--column-policy", "first_name=update", "--column-policy", "email=skip")
    words = ("import", "contacts", example, "--tenant", "acme", *policies, "--detach")
    shown = json.loads(here("jobs", "show", here(*words).out.strip(), "--json").out)
    assert shown["args"]["column_policy"] == {"first_name": "update", "email": "skip"}


def test_columns_are_what_the_user_says(here, acme, tmp_path, database, worker):
    path = tmp_path / "odd.csv"
    path.write_text("a,b,phone\nAnn,+12125550100,x\n")
    words = ("import", "contacts", path, "--tenant", "acme", "--phone-column", "b")
    words += ("--map", "a=first_name", "--map", "3=ignore")
    shown = json.loads(here(*words, "--dry-run", "--json").out)
    assert [column["field"] for column in shown["columns"]] == ["first_name", "phone", "ignore"]
    assert [row["phone_number"] for row in shown["rows"]] == ["+12125550100"]
    assert json.loads(here("jobs", "list", "--json").out) == []
    assert json.loads(here(*words, "--json").out)["created"] == 1
    with database.transaction() as connection:
        rows = connection.execute("SELECT phone_number, first_name, attributes FROM contacts")
        assert rows.fetchall() == [("+12125550100", "Ann", {})]


def test_a_dry_run_shows_columns_and_the_first_rows(here, acme, tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("Mobile,Vorname,Plan\n(212) 555-0100,Ann,'=gold\n12,Ben,\n")
    result = here("import", "contacts", path, "--tenant", "acme", "--dry-run")
    assert (result.code, result.err) == (0, "")
    for line in (
        r"1 +Mobile +phone +its name +\(212\) 555-0100, 12",
        r"2 +Vorname +first_name +its name",
        r"3 +Plan +attribute +=gold",
        r"2 +\+12125550100 +first name Ann",
        r"3 +rejected: phone is too short",
    ):
        assert re.search(line, result.out), line
    result = here("import", "dids", path, "--tenant", "acme", "--dry-run", "--phone-column", "Plan")
    assert "Plan" in result.out


@pytest.mark.parametrize("mapped", ["a=shoe", "a", "nowhere=phone"])
def test_a_wrong_mapping_is_one_line_and_no_run(here, acme, tmp_path, mapped):
    path = tmp_path / "odd.csv"
    path.write_text("a,phone\nAnn,+12125550100\n")
    result = here("import", "contacts", path, "--tenant", "acme", "--map", mapped)
    assert (result.code, len(result.error_lines), result.out) == (2, 1, "")
    assert json.loads(here("jobs", "list", "--json").out) == []


@pytest.mark.parametrize("policy", ["shoe=skip", "email=burn", "email"])
def test_a_wrong_policy_is_one_line_and_no_run(here, acme, example, policy):
    words = ("import", "contacts", example, "--tenant", "acme", "--column-policy", policy)
    result = here(*words)
    assert (result.code, len(result.error_lines), result.out) == (2, 1, "")
    assert json.loads(here("jobs", "list", "--json").out) == []


def test_the_last_of_two_rows_counts_if_asked(here, acme, tmp_path, database, worker):
    path = tmp_path / "twice.csv"
    path.write_text("phone,first name\n+12125550100,Ann\n+12125550100,Ben\n")
    words = ("import", "contacts", path, "--tenant", "acme", "--duplicates", "last", "--json")
    assert json.loads(here(*words).out)["duplicates"] == 1
    with database.transaction() as connection:
        assert connection.execute("SELECT first_name FROM contacts").fetchall() == [("Ben",)]


def test_numbers_are_imported(here, acme, tmp_path, database, worker):
    path = tmp_path / "numbers.csv"
    path.write_text("phone\n+12125550100\n(212) 555-0101\nnine\n")
    told = json.loads(here("import", "dids", path, "--tenant", "acme", "--json").out)
    assert list(told) == [*KEYS, "run_id", "error_csv"]
    assert (told["created"], told["rejected"]) == (2, 1)
    with database.transaction() as connection:
        assert connection.execute("SELECT count(*) FROM dids").fetchone() == (2,)


def test_an_import_is_taken_back(here, acme, example, database, worker):
    told = json.loads(here("import", "contacts", example, "--tenant", "acme", "--json").out)
    with database.transaction() as connection:
        connection.execute(
            "UPDATE contacts SET company = 'New' WHERE phone_number ="
            " (SELECT min(phone_number) FROM contacts)"
        )
    undone = json.loads(here("import", "undo", told["run_id"], "--json").out)
    assert (undone["removed"], undone["reasons"]) == (3, {"was changed": 1})
    (row,) = csv.DictReader(here("import", "errors", undone["run_id"]).out.splitlines())
    assert (row["phone_number"][:2], row["error"]) == ("'+", "was changed")
    again = here("import", "undo", told["run_id"])
    assert (again.code, "kept 1" in again.out) == (0, True)
    for words in ((told["run_id"], "--tenant", "other"), (undone["run_id"],)):
        result = here("import", "undo", *words)
        assert (result.code, len(result.error_lines), result.out) == (2, 1, "")


def test_limits_are_shown_and_set(here, acme, example):
    def limits(*words):
        return json.loads(here("import", "limits", "--tenant", "acme", *words, "--json").out)

    default = limits()
    assert default["max_columns"] == 500
    assert limits("--max-rows", "3", "--at-once", "1") == {**default, "max_rows": 3, "at_once": 1}
    assert limits("--max-rows", "none") == {**default, "at_once": 1}
    here("import", "contacts", example, "--tenant", "acme", "--detach")
    result = here("import", "contacts", example, "--tenant", "acme", "--detach")
    assert (result.code, len(result.error_lines)) == (2, 1)
    assert "too many imports at once: the tenant may have 1" in result.err
    for wrong in ("0", "-1", "many", "9" * 12):
        result = here("import", "limits", "--tenant", "acme", "--max-columns", wrong)
        assert (result.code, len(result.error_lines), result.out) == (2, 1, "")


def test_errors_of_another_tenants_run_are_not_shown(here, acme, example, database, worker):
    make_tenant(database, "other")
    told = json.loads(here("import", "contacts", example, "--tenant", "acme", "--json").out)
    result = here("import", "errors", told["run_id"], "--tenant", "other")
    assert (result.code, result.out) == (2, "")


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
