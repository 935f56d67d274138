import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.factories import make_tenant
from tests.jobs.journeys.journeys import enrolled

EXAMPLE = Path(__file__).parents[2] / "examples" / "welcome.yaml"

FIVE_MISTAKES = """
journey: broken
start: greet
nodes:
  greet: {type: send_sms, body: "Hi {{ nickname }}", next: pause}
  pause: {type: delay, next: ask}
  ask:
    type: condition
    branches: [{when: {field: status, op: eq, value: NEW}, next: nowhere}]
    default: done
  shout: {type: telephone, next: done}
  lost: {type: update_contact, add_tags: [x], next: done}
  done: {type: end}
"""


@pytest.fixture
def acme(database):
    return make_tenant(database)


def test_apply_twice_changes_once(here, acme):
    first = here("journeys", "apply", EXAMPLE, "--tenant", "acme")
    assert (first.code, first.err) == (0, "")
    assert "journey welcome is now at version 1: 9 nodes" in first.out
    again = json.loads(here("journeys", "apply", EXAMPLE, "--tenant", "acme", "--json").out)
    assert (again["changed"], again["version"]) == (False, 1)


def test_list(here, acme):
    here("journeys", "apply", EXAMPLE, "--tenant", "acme")
    (journey,) = json.loads(here("journeys", "list", "--json").out)
    assert (journey["tenant"], journey["key"], journey["active_contacts"]) == ("acme", "welcome", 0)
    assert "welcome" in here("journeys", "list", "--tenant", "acme").out


def test_five_mistakes_are_five_lines(here, acme, tmp_path):
    file = tmp_path / "broken.yaml"
    file.write_text(FIVE_MISTAKES)
    result = here("journeys", "apply", file, "--tenant", "acme")
    assert (result.code, result.out) == (2, "")
    assert len(result.error_lines) == 5
    for node in ("greet", "pause", "ask", "shout", "lost"):
        assert sum(f"node '{node}'" in line for line in result.error_lines) == 1
    assert json.loads(here("journeys", "list", "--json").out) == []


def test_a_file_that_is_not_there(here, acme):
    result = here("journeys", "apply", "nowhere.yaml", "--tenant", "acme")
    assert (result.code, len(result.error_lines)) == (2, 1)
    assert "nowhere.yaml" in result.err


def test_stats_by_node(here, database):
    enrolled(database, 3, slug="figures", at=datetime(2026, 3, 2, tzinfo=UTC))
    nodes = json.loads(here("journeys", "stats", "welcome", "--tenant", "figures", "--json").out)
    assert [(node["key"], node["entered"], node["waiting"]) for node in nodes][:2] == [
        ("hello", 3, 3),
        ("pause", 0, 0),
    ]
    assert "hello" in here("journeys", "stats", "welcome", "--tenant", "figures").out
    unknown = here("journeys", "stats", "nope", "--tenant", "figures")
    assert (unknown.code, len(unknown.error_lines)) == (2, 1)
