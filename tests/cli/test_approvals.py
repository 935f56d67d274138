import json
from uuid import UUID, uuid4

import pytest

from jobs.journeys.batch import StepRunner
from tests.jobs.approvals.reviews import JOURNEY, START, asked, history, requests


@pytest.fixture
def pending(database, settings):
    """Ids of three requests of the tenant acme."""
    tenant_id, _ = asked(database, StepRunner(database, settings), 3, last_name="L")
    return requests(database, tenant_id)


def test_what_waits_is_listed(here, pending):
    listed = json.loads(here("approvals", "list", "--tenant", "acme", "--json").out)
    assert {UUID(one["id"]) for one in listed} == set(pending)
    expected = {
        "priority": 3, "assigned_to": "ann", "contact": "Ada L", "journey": JOURNEY["journey"],
        "lead_id": None, "body": "Hi Ada", "created_at": START.isoformat(),
    }  # fmt: skip
    assert all(one | expected == one for one in listed)
    table = here("approvals", "list", "--tenant", "acme", "--limit", "2").out.splitlines()
    assert len(table) == 3
    assert "Hi Ada" in table[1]


def test_decisions(here, pending, database):
    approved, edited, rejected = pending
    assert here("approvals", "approve", approved, "--by", "Ann").out == (
        f"{approved} is APPROVED by Ann\n"
    )
    done = here("approvals", "edit", edited, "--by", "Ann", "--text", "Hello", "--json")
    assert json.loads(done.out)["status"] == "EDITED"
    assert here("approvals", "reject", rejected, "--by", "Ben").code == 0
    assert history(database)[3:] == [
        ("approved", "Ann", "Hi Ada", "Hi Ada"),
        ("edited", "Ann", "Hi Ada", "Hello"),
        ("rejected", "Ben", "Hi Ada", None),
    ]
    assert json.loads(here("approvals", "list", "--tenant", "acme", "--json").out) == []

    late = here("approvals", "reject", approved, "--by", "Eve")
    assert (late.code, late.out) == (1, "")
    assert late.error_lines == [f"trunkline: {approved} is APPROVED by Ann already"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("list", "--tenant", "nobody"), "unknown tenant 'nobody'"),
        (("approve", "x", "--by", "Ann"), "'x' is not the id of a request for approval"),
        (("approve", uuid4(), "--by", "Ann"), "there is no request for approval"),
        (("approve", "ID", "--by", " "), "1 to 200 characters"),
        (("edit", "ID", "--by", "Ann", "--text", ""), "1 to 1,600 characters"),
        (("reject", "ID"), "--by"),
    ],
)
def test_mistakes_are_one_line_and_decide_nothing(here, pending, database, words, said):
    result = here("approvals", *(pending[0] if word == "ID" else word for word in words))
    assert (result.code, result.out, len(result.error_lines)) == (2, "", 1)
    assert said in result.err
    assert len(history(database)) == 3
