"""What a look at the ledger of runs reads, with 100,000 of them queued."""

import pytest

from db.statements import statement
from tests.factories import make_tenant

QUEUED = 100_000
TENANTS = 20


@pytest.fixture
def explained(database):
    """(statement's name, parameters) → its plan as executed, rolled back."""

    def explain(name, parameters):
        with database.transaction() as connection:
            query = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement(name)}"
            [(plan,)] = connection.execute(query, parameters).fetchall()
            connection.execute("ROLLBACK")
        return plan[0]["Plan"]

    return explain


@pytest.fixture
def queue(database):
    """Queues so many runs of one kind, evenly over 20 tenants."""
    for number in range(TENANTS):
        make_tenant(database, f"t{number}")

    def fill(count):
        with database.transaction() as connection:
            connection.execute(
                "INSERT INTO job_runs (tenant_id, kind, run_at)"
                " SELECT t.id, 'api', now() - n * interval '1 ms'"
                " FROM tenants AS t, generate_series(1, %s) AS n",
                (count // TENANTS,),
            )
            connection.execute("ANALYZE job_runs")

    return fill


def nodes(plan):
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


def blocks(plan):
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


def rows_read(plan):
    """Of job_runs, as many as the widest of its scans saw, those it threw away included."""
    return max(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        for node in nodes(plan)
        if node.get("Relation Name") == "job_runs"
    )


LOOKS = {
    "any": ("runs/claim_run", {"run_id": None, "other_kinds": [], "lease_s": 10}),
    "another queue's": ("runs/claim_run", {"run_id": None, "other_kinds": ["api"], "lease_s": 10}),
    "the dead": ("runs/bury_dead_runs", {"max_attempts": 5}),
    "a tick": (
        "maintenance/count_due_work",
        {
            "steps": 8000,
            "messages": 1600,
            "webhooks": 512,
            "webhooks_per_tenant": 32,
            "calls": 800,
            "runs": 8,
            "firings": 8,
            "known_kinds": ["import_contacts", "enroll_contacts"],
            "schedules": [],
            "firing_backoff_s": 10,
        },
    ),
}


@pytest.mark.parametrize("look", LOOKS)
def test_a_look_costs_the_same_however_many_are_queued(explained, queue, look):
    queue(1000)
    few = explained(*LOOKS[look])
    queue(QUEUED)
    many = explained(*LOOKS[look])
    assert not [
        node
        for node in nodes(many)
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] == "job_runs"
    ]
    assert blocks(many) <= 1.5 * blocks(few) + 100
    assert rows_read(many) <= 8 * TENANTS
