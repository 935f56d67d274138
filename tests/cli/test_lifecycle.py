import json
from datetime import UTC, datetime

import pytest

from tests.jobs.journeys.journeys import WELCOME, apply_journey, enrolled, query

PAST = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def acme(database):
    return enrolled(database, 3, at=PAST)


def test_pause_and_resume_a_journey(here, acme, database):
    paused = here("journeys", "pause", "welcome", "--tenant", "acme")
    assert (paused.code, paused.out) == (0, "journey welcome is now PAUSED: 3 steps held\n")
    again = json.loads(here("journeys", "pause", "welcome", "--tenant", "acme", "--json").out)
    assert (again["status"], again["changed"], again["held"]) == ("PAUSED", False, 0)
    guess = here("journeys", "resume", "welcome", "--tenant", "acme")
    assert (guess.code, guess.out, len(guess.error_lines)) == (2, "", 1)
    assert "3 overdue steps" in guess.err
    resumed = here("journeys", "resume", "welcome", "--tenant", "acme", "--overdue", "spread:30")
    assert resumed.out == "journey welcome is now ACTIVE: 3 steps released, 3 overdue\n"
    assert query(database, "SELECT count(*) FROM pending_executions WHERE state = 'DUE'") == [(3,)]


def test_archive_a_journey(here, acme, database):
    assert "is now ARCHIVED" in here("journeys", "archive", "welcome", "--tenant", "acme").out
    assert query(database, "SELECT status FROM journeys") == [("ARCHIVED",)]


def test_suspend_and_resume_a_tenant(here, acme, database):
    assert here("tenants", "suspend", "acme").out == "tenant acme is now SUSPENDED: 3 steps held\n"
    assert "overdue" in here("tenants", "resume", "acme").err
    done = json.loads(here("tenants", "resume", "acme", "--overdue", "skip", "--json").out)
    assert (done["status"], done["released"], done["overdue"]) == ("ACTIVE", 3, 3)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("journeys", "pause", "nowhere", "--tenant", "acme"), "unknown journey 'nowhere'"),
        (("journeys", "pause", "welcome", "--tenant", "x"), "unknown tenant 'x'"),
        (("tenants", "suspend", "x"), "unknown tenant 'x'"),
        (("tenants", "resume", "acme", "--overdue", "later"), "'later' is no way"),
        (("contacts", "remove", "+1999", "--tenant", "acme"), "has no contact +1999"),
        (
            ("contacts", "pause", "+15550000000", "--tenant", "acme", "--journey", "nowhere"),
            "unknown journey 'nowhere'",
        ),
    ],
)
def test_what_there_is_not_is_one_line(here, acme, words, said):
    result = here(*words)
    assert (result.code, result.out, len(result.error_lines)) == (2, "", 1)
    assert said in result.err


def test_contacts(here, acme, database):
    paused = here("contacts", "pause", "+15550000000", "--tenant", "acme", "--journey", "welcome")
    assert paused.out == "1 enrollments paused\n"
    assert "overdue" in here("contacts", "resume", "+15550000000", "--tenant", "acme").err
    resumed = here("contacts", "resume", "+15550000000", "--tenant", "acme", "--overdue", "run")
    assert resumed.out == "1 enrollments go on, 1 steps overdue\n"
    ((contact_id,),) = query(
        database, "SELECT id FROM contacts WHERE phone_number = '+15550000001'"
    )
    removed = here("contacts", "remove", "+15550000000", contact_id, "--tenant", "acme", "--json")
    assert json.loads(removed.out) == {"enrollments": 2, "steps": 2, "messages": 0, "calls": 0}
    never = here("contacts", "do-not-contact", "+15550000002", "--tenant", "acme")
    assert never.out == "1 enrollments ended, 0 messages and 0 calls cancelled\n"
    lifted = here("contacts", "do-not-contact", "+15550000002", "--tenant", "acme", "--lift")
    assert lifted.out == "1 may be contacted again\n"


def test_migrate_and_change_a_zone(here, acme, database):
    changed = {**WELCOME, "name": "Another"}
    apply_journey(database, acme[0], changed)
    moved = here("journeys", "migrate", "welcome", "--tenant", "acme")
    assert moved.out == "journey welcome: 3 contacts moved to version 2\n"
    again = json.loads(here("journeys", "migrate", "welcome", "--tenant", "acme", "--json").out)
    assert (again["version"], again["moved"], again["left"]) == (2, 0, [])
    done = here("tenants", "set", "acme", "--timezone", "Europe/Berlin")
    assert done.out == "tenant acme is in Europe/Berlin: 0 steps re-timed\n"
    wrong = here("tenants", "set", "acme", "--timezone", "Mars/Base")
    assert (wrong.code, len(wrong.error_lines)) == (2, 1)
