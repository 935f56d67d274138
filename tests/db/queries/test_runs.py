"""What a look at the ledger of runs reads, however many runs and tenants wait."""

import uuid

import pytest

from db.statements import statement

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
    """Queues runs of one kind: so many of each of so many tenants, due or an hour ahead."""

    def fill(*, each, tenants=TENANTS, later=False):
        with database.transaction() as connection:
            connection.execute("TRUNCATE job_runs CASCADE")
            connection.execute(
                "INSERT INTO tenants (slug, name, region, timezone)"
                " SELECT 't' || n, 'T', 'US', 'UTC' FROM generate_series(1, %s) AS n"
                " ON CONFLICT DO NOTHING",
                (tenants,),
            )
            connection.execute(
                "INSERT INTO job_runs (tenant_id, kind, run_at)"
                " SELECT t.id, 'api', now() - n * interval '1 ms' + %s * interval '1 hour'"
                " FROM (SELECT id FROM tenants LIMIT %s) AS t, generate_series(1, %s) AS n",
                (int(later), tenants, each),
            )
            connection.execute("INSERT INTO job_turns (queue) VALUES ('') ON CONFLICT DO NOTHING")
            connection.execute("ANALYZE job_runs, tenants")

    return fill


def nodes(plan):
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


def blocks(plan):
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


def rows_read(plan):
    """Of job_runs, as many as its scans saw, those they threw away included."""
    return sum(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        for node in nodes(plan)
        if node.get("Relation Name") == "job_runs"
    )


def claiming(**given):
    return "runs/claim_run", {
        "run_id": None,
        "queue": "",
        "after": uuid.UUID(int=0),
        "tenants": 20,
        "other_kinds": [],
        "kinds": ["api", "import_contacts"],
        "tenant_limits": [2, 4],
        "total_limits": [None, None],
        "attempts": [None, None],
        "lease_s": 10,
        **given,
    }


LOOKS = {
    "any": claiming(),
    "around": claiming(after=uuid.UUID(int=2**128 - 1)),
    "another queue's": claiming(other_kinds=["api"]),
    "the time has come": ("runs/ready_runs", {"at_most": 100}),
    "the dead": ("runs/rescue_runs", {"max_attempts": 5}),
    "pruning": ("runs/prune_runs", {"kinds": ["a"], "days": [1], "other_days": 9, "size": 100}),
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
            "tenant_limits": [4, None],
            "total_limits": [None, 100],
            "schedules": [],
            "firing_backoff_s": 10,
        },
    ),
}
# One tenant's thousands, a thousand tenants' few, and those that wait for their time.
CROWDS = {
    "one tenant": {"each": 10_000, "tenants": 1},
    "twenty tenants": {"each": 5000},
    "a thousand tenants": {"each": 10, "tenants": 1000},
    "later": {"each": 10, "tenants": 1000, "later": True},
}


@pytest.mark.parametrize("crowd", CROWDS)
def test_a_look_costs_the_same_whoever_waits(explained, queue, crowd):
    queue(**CROWDS[crowd])
    for look in LOOKS.values():
        plan = explained(*look)
        assert rows_read(plan) <= 10 * TENANTS, look


def test_a_run_is_found_by_its_id_alone(explained, queue):
    queue(each=500)
    plan = explained(*claiming(run_id=uuid.uuid4()))
    assert rows_read(plan) == 0
