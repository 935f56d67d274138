"""Whose run is taken up next, and how many at once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import BaseModel

from db.queries.runs import take_turn
from jobs.runs import Item, Kind, claim_run, enqueue, enqueue_many, succeed
from tests.factories import make_tenant


def kind(name="work", queue="here", **limits):
    return {name: Kind(name, queue, BaseModel, None, **limits)}


def put(database, tenant_id, name="work", count=1, **options):
    items = [Item({"n": n}, **options) for n in range(count)]
    with database.transaction() as connection:
        return [done.run_id for done in enqueue_many(connection, tenant_id, name, items)]


def taken(database, settings, times, **options):
    """Tenants of the runs taken up one after the other; each ends before the next."""
    tenants = []
    for _ in range(times):
        claim = claim_run(database, settings, **options)
        if claim is None:
            break
        tenants.append(claim.run.tenant_id)
        succeed(database, claim.run, {})
    return tenants


@pytest.fixture
def tenants(database):
    return [make_tenant(database, f"t{n}") for n in range(4)]


@pytest.mark.parametrize("late", [0, 3])
def test_one_run_of_a_tenant_is_soon_taken_up_beside_another_tenants_10000(
    database, settings, tenants, late
):
    busy, quiet = (tenants[0], tenants[3]) if late == 0 else (tenants[3], tenants[0])
    put(database, busy, count=10_000)
    assert taken(database, settings, late) == [busy] * late
    put(database, quiet)

    assert quiet in taken(database, settings, 2)


def test_tenants_are_served_around(database, settings, tenants):
    for tenant_id in tenants:
        put(database, tenant_id, count=3)

    order = taken(database, settings, 12)

    assert [set(order[at : at + 4]) for at in (0, 4, 8)] == [set(tenants)] * 3


def test_whoever_has_fewer_under_way_goes_first(database, settings, tenants):
    for tenant_id in tenants[:3]:
        put(database, tenant_id, count=3)
    held = [claim_run(database, settings).run.tenant_id for _ in range(3)]
    put(database, tenants[3], count=2)

    assert set(held) == set(tenants[:3])
    assert claim_run(database, settings).run.tenant_id == tenants[3]


def test_more_tenants_wait_than_are_looked_at(database, settings):
    many = [make_tenant(database, f"m{n}") for n in range(50)]
    for tenant_id in many:
        put(database, tenant_id, count=2)

    order = taken(database, settings, 100)

    assert set(order[:50]) == set(order[50:]) == set(many)


def test_suspended_tenants_are_passed_over(database, settings, tenants):
    for tenant_id in tenants:
        put(database, tenant_id, count=2)
    with database.transaction() as connection:
        connection.execute(
            "UPDATE tenants SET status = 'SUSPENDED' WHERE id = ANY(%s)", [tenants[:3]]
        )

    assert taken(database, settings, 5) == [tenants[3]] * 2


def test_a_tenant_has_no_more_under_way_than_the_kind_allows(database, settings, tenants):
    kinds = kind(tenant_limit=2)
    put(database, tenants[0], count=5)
    put(database, tenants[1])

    held = [claim_run(database, settings, kinds=kinds) for _ in range(4)]

    assert sorted(claim.run.tenant_id for claim in held if claim) == [
        tenants[0],
        tenants[0],
        tenants[1],
    ]
    named = put(database, tenants[0])[0]
    assert claim_run(database, settings, named, kinds=kinds) is None
    succeed(database, next(c.run for c in held if c.run.tenant_id == tenants[0]), {})
    assert claim_run(database, settings, kinds=kinds).run.tenant_id == tenants[0]


def test_no_more_are_under_way_in_all_than_the_kind_allows(database, settings, tenants):
    kinds = kind(total_limit=3) | kind("other")
    for tenant_id in tenants:
        put(database, tenant_id, count=2)
    put(database, tenants[0], "other")

    claims = [claim_run(database, settings, kinds=kinds) for _ in range(6)]

    assert sorted(claim.run.kind for claim in claims if claim) == ["other", "work", "work", "work"]


def test_limits_hold_however_many_claim_at_once(database, settings, tenants):
    kinds = kind(tenant_limit=2)
    put(database, tenants[0], count=20)
    together = threading.Barrier(6)

    def take():
        together.wait()
        return claim_run(database, settings, kinds=kinds, queue="here")

    with ThreadPoolExecutor(6) as pool:
        claims = [job.result() for job in [pool.submit(take) for _ in range(6)]]

    assert len([claim for claim in claims if claim]) == 2


def test_who_freezes_while_taking_a_turn_is_cut_off_soon(database):
    with database.transaction() as connection:
        take_turn(connection, "here")
        shown = connection.execute("SHOW idle_in_transaction_session_timeout").fetchone()
    assert shown == ("5s",)


def test_a_higher_priority_goes_first_while_queued(database, settings, tenants):
    [low] = put(database, tenants[0], priority=-5)
    [plain] = put(database, tenants[0])
    [high] = put(database, tenants[0], priority=5)
    [other] = put(database, tenants[0], "aside", priority=1)

    order = [claim_run(database, settings).run.id for _ in range(4)]

    assert order == [high, other, plain, low]


def test_what_waits_for_its_time_comes_into_line_then(database, settings, tenants):
    hour = datetime.now(UTC) + timedelta(hours=1)
    with database.transaction() as connection:
        run_id = enqueue(connection, tenants[0], "work", {}, run_at=hour)
    assert claim_run(database, settings) is None
    with database.transaction() as connection:
        connection.execute("UPDATE job_runs SET run_at = now() - interval '1 s'")
    assert claim_run(database, settings).run.id == run_id


def test_a_run_that_is_put_off_leaves_its_line(database, settings, tenants):
    put(database, tenants[0])
    with database.transaction() as connection:
        connection.execute("UPDATE job_runs SET run_at = now() + interval '1 hour'")
    assert claim_run(database, settings) is None


def test_its_kind_says_how_often_a_run_is_started(database, settings, tenants):
    put(database, tenants[0])
    for _ in range(2):
        assert claim_run(database, settings, kinds=kind(max_attempts=2))
        with database.transaction() as connection:
            connection.execute("UPDATE job_runs SET lease_until = now() - interval '1 s'")
    assert claim_run(database, settings, kinds=kind(max_attempts=2)) is None
    with database.transaction() as connection:
        rows = connection.execute("SELECT state, error, attempts FROM job_runs").fetchall()
    assert rows == [("failed", "worker died", 2)]
