import json
import shutil
from pathlib import Path

import pytest

from tests.factories import make_contacts, make_tenant

JOURNEY = Path(__file__).parents[2] / "examples" / "welcome.yaml"


@pytest.fixture
def contacts(here, database):
    ids = make_contacts(database, make_tenant(database), 3)
    here("journeys", "apply", JOURNEY, "--tenant", "acme")
    return ids


def enroll(run, *words):
    return run("enroll", "--journey", "welcome", "--tenant", "acme", *words)


def test_everyone(here, contacts, worker):
    result = enroll(here, "--everyone")
    assert (result.code, result.err) == (0, "")
    assert "success 3" in result.out
    again = json.loads(enroll(here, "--everyone", "--json").out)
    assert again["result"]["reasons"] == {"already_enrolled": 3}


def test_chosen_contacts(here, contacts, worker):
    words = [word for contact in contacts[:2] for word in ("--contact", str(contact))]
    assert json.loads(enroll(here, *words, "--json").out)["result"]["success"] == 2


def test_the_contacts_of_an_import(here, contacts, worker, tmp_path):
    example = shutil.copy(JOURNEY.with_name("contacts.csv"), tmp_path)
    imported = json.loads(here("import", "contacts", example, "--tenant", "acme", "--json").out)
    enrolled = json.loads(enroll(here, "--import-run", imported["run_id"], "--json").out)
    assert enrolled["result"]["success"] == imported["created"]


def test_exactly_one_selection(here):
    for words in ((), ("--everyone", "--campaign", "Spring")):
        result = enroll(here, *words)
        assert (result.code, len(result.error_lines)) == (2, 1)
        assert "exactly one" in result.err


def test_what_is_no_id(here):
    result = enroll(here, "--contact", "bob")
    assert (result.code, len(result.error_lines)) == (2, 1)
    assert "bob" in result.err


def test_a_run_that_fails_ends_the_command_with_its_error(here, contacts, worker):
    result = enroll(here, "--campaign", "nowhere")
    assert (result.code, len(result.error_lines)) == (1, 1)
    assert "unknown campaign 'nowhere'" in result.err


def test_a_run_that_fails_is_still_printed_as_json(here, contacts, worker):
    result = enroll(here, "--campaign", "nowhere", "--json")
    assert result.code == 1
    assert json.loads(result.out)["state"] == "failed"
