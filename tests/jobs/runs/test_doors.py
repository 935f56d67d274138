"""Runs come in, one or thousands, and each is told what became of it."""

import math
import uuid
from datetime import UTC, datetime

import psycopg
import pytest
from pydantic import BaseModel, ConfigDict, Field

from db.counter import count_statements
from jobs.runs import (
    BadArgumentsError,
    Debounce,
    Item,
    KeepLast,
    Kind,
    Throttle,
    Unique,
    cancel,
    claim_run,
    enqueue,
    enqueue_many,
    publish_kinds,
    succeed,
)
from tests.factories import make_tenant


class Errand(BaseModel):
    model_config = ConfigDict(extra="forbid")

    where: str
    times: int = Field(1, gt=0)


ERRAND = Kind("errand", "here", Errand, None)


@pytest.fixture
def tenant_id(database):
    return make_tenant(database)


@pytest.fixture
def published(database):
    with database.transaction() as connection:
        publish_kinds(connection, [ERRAND])


@pytest.fixture
def put(database, tenant_id):
    def put_one(n=0, kind="errand", **options):
        with database.transaction() as connection:
            return enqueue(connection, tenant_id, kind, {"n": n}, **options)

    return put_one


@pytest.fixture
def rows(database):
    def fetch(text="args -> 'n', state"):
        with database.transaction() as connection:
            return connection.execute(f"SELECT {text} FROM job_runs ORDER BY created_at").fetchall()

    return fetch


@pytest.fixture
def later(database):
    """Lets time pass: everything in the ledger is so many seconds older."""

    def pass_time(seconds):
        with database.transaction() as connection:
            connection.execute(
                "UPDATE job_runs SET run_at = run_at - make_interval(secs => %(s)s),"
                " created_at = created_at - make_interval(secs => %(s)s),"
                " started_at = started_at - make_interval(secs => %(s)s)",
                {"s": seconds},
            )

    return pass_time


def test_a_kinds_model_names_all_that_is_wrong(database, tenant_id, rows):
    with database.transaction() as connection:
        with pytest.raises(BadArgumentsError) as caught:
            enqueue(connection, tenant_id, ERRAND, {"times": 0, "who": "Ann"})
        enqueue(connection, tenant_id, ERRAND, {"where": "here"})
    for name in ("where: ", "times: ", "who: "):
        assert name in str(caught.value)
    assert rows("args") == [({"where": "here"},)]


def test_the_door_for_sql_knows_kinds_and_names(database, tenant_id, published, rows):
    def put(kind, args):
        with database.transaction() as connection:
            connection.execute("SELECT trunkline_enqueue(%s, %s, %s)", (tenant_id, kind, args))

    with pytest.raises(psycopg.errors.InvalidParameterValue) as caught:
        put("errand", '{"who": "Ann", "when": 5}')
    assert "when: is unknown; where: is missing; who: is unknown" in str(caught.value)
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="unknown kind 'erand'"):
        put("erand", "{}")
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="must be an object"):
        put("errand", "[]")
    put("errand", '{"where": "here"}')
    assert len(rows()) == 1


def test_by_its_name_a_kind_is_asked_for_as_by_sql(database, tenant_id, published):
    with database.transaction() as connection:
        with pytest.raises(BadArgumentsError, match="where: is missing"):
            enqueue(connection, tenant_id, "errand", {})
        enqueue(connection, tenant_id, "errand", {"where": "here"})


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"unique_key": ""}, "unique_key"),
        ({"unique_key": "a\0"}, "unique_key"),
        ({"run_at": datetime(2026, 1, 1)}, "time zone"),  # noqa: DTZ001
        ({"rule": Debounce(5)}, "unique_key: debounce needs one"),
        ({"rule": Debounce(5), "unique_key": "k", "run_at": datetime.now(UTC)}, "run_at"),
        ({"rule": Throttle(0), "unique_key": "k"}, "throttle"),
        ({"rule": Debounce(9, 5), "unique_key": "k"}, "debounce"),
    ],
)
def test_what_makes_no_sense_is_refused(put, rows, options, what):
    with pytest.raises(BadArgumentsError, match=what):
        put(**options)
    assert rows() == []


@pytest.mark.parametrize("args", [{"n": "a\0b"}, {"n": math.nan}, {"n": object()}])
def test_what_is_no_json_is_refused(database, tenant_id, rows, args):
    with database.transaction() as connection, pytest.raises(BadArgumentsError):
        enqueue(connection, tenant_id, "errand", args)
    with database.transaction() as connection:
        enqueue(connection, tenant_id, "errand", {"n": "a\\u0000"})
    assert rows() == [("a\\u0000", "queued")]


def test_unique_over_a_period(put, later, rows, database, settings):
    first = put(unique_key="k", rule=Unique(60))
    assert put(unique_key="k", rule=Unique(60)) == first
    succeed(database, claim_run(database, settings).run, {})
    assert put(unique_key="k", rule=Unique(60)) == first
    later(61)
    assert put(unique_key="k", rule=Unique(60)) != first
    assert put(unique_key="other", rule=Unique(60)) not in [row[0] for row in rows("id")[:2]]


def test_throttled_the_first_goes_at_once_and_the_last_at_the_end(
    put, later, rows, database, settings
):
    def throttled(n):
        return put(n, unique_key="k", rule=Throttle(60))

    first = throttled(1)
    assert throttled(2) == first  # it has not begun
    claim_run(database, settings)
    second = throttled(3)
    assert throttled(4) == second != first
    assert claim_run(database, settings) is None
    assert rows() == [(2, "running"), (4, "queued")]
    later(61)
    assert claim_run(database, settings).run.id == second
    assert throttled(5) not in (first, second)
    assert claim_run(database, settings) is None


def test_debounced_it_waits_for_quiet_but_not_for_ever(put, later, rows, database, settings):
    def debounced(n):
        return put(n, unique_key="k", rule=Debounce(60, 150))

    first = debounced(1)
    for n in (2, 3):
        later(50)
        assert debounced(n) == first
        assert claim_run(database, settings) is None
    later(49)  # 149 after the first, 49 after the last
    assert claim_run(database, settings) is None
    assert debounced(4) == first
    later(2)
    assert claim_run(database, settings).run.args == {"n": 4}
    assert debounced(5) != first


def test_keep_last_keeps_its_place_and_takes_the_arguments(put, rows, database, settings):
    first = put(1, unique_key="k", rule=KeepLast())
    put(9, unique_key="z", rule=KeepLast())
    assert put(2, unique_key="k", rule=KeepLast(), priority=-3) == first
    run, _ = claim_run(database, settings)
    assert (run.id, run.args) == (first, {"n": 2})
    assert put(3, unique_key="k", rule=KeepLast()) != first  # behind the one that has begun
    assert rows() == [(2, "running"), (9, "queued"), (3, "queued")]


def test_a_run_that_is_tried_again_no_longer_folds(put, rows, database, settings):
    first = put(1, unique_key="k", rule=KeepLast())
    claim_run(database, settings)
    second = put(2, unique_key="k", rule=KeepLast())
    with database.transaction() as connection:
        connection.execute("UPDATE job_runs SET lease_until = now() WHERE state = 'running'")
    assert {claim_run(database, settings).run.id for _ in range(2)} == {first, second}


def test_a_cancelled_run_takes_nothing_in(put, rows, database, tenant_id):
    first = put(1, unique_key="k", rule=KeepLast())
    with database.transaction() as connection:
        assert cancel(connection, tenant_id, first)
    assert put(2, unique_key="k", rule=KeepLast()) != first


@pytest.mark.parametrize("count", [10, 10_000])
def test_thousands_come_in_by_one_statement_with_a_result_each(database, tenant_id, rows, count):
    items = [Item({"where": "x"}, unique_key=f"k{n % (count // 2)}") for n in range(count)]
    items[3] = Item({"where": 5})
    with database.transaction() as connection, count_statements() as counted:
        results = enqueue_many(connection, tenant_id, ERRAND, items)
    assert counted.statements == 1
    assert [result.outcome for result in results[: count // 2]] == [
        "refused" if n == 3 else "created" for n in range(count // 2)
    ]
    half = count // 2
    for n, result in enumerate(results[half:]):
        assert (result.outcome, result.run_id) == (
            ("created", result.run_id) if n == 3 else ("existing", results[n].run_id)
        )
    assert results[3].run_id is None
    assert "where" in results[3].error
    assert len(rows()) == half


@pytest.mark.parametrize("rule", [Throttle(60), Debounce(60), KeepLast()])
def test_items_of_one_key_come_to_what_they_would_one_by_one(database, tenant_id, rows, rule):
    items = [Item({"n": n}, unique_key="ab"[n % 2]) for n in range(7)]
    with database.transaction() as connection:
        results = enqueue_many(connection, tenant_id, "errand", items, rule=rule)
    assert [result.outcome for result in results] == ["created"] * 2 + ["folded"] * 5
    assert len({result.run_id for result in results}) == 2
    assert sorted(rows("args -> 'n'")) == [(5,), (6,)]


def test_none_at_all(database, tenant_id):
    with database.transaction() as connection:
        assert enqueue_many(connection, tenant_id, ERRAND, []) == []


def test_the_door_for_sql_takes_arrays(database, tenant_id, published):
    with database.transaction() as connection:
        results = connection.execute(
            "SELECT item, run_id IS NOT NULL, outcome, error FROM trunkline_enqueue_many(%s,"
            " 'errand', ARRAY['{\"where\": \"a\"}', '{}', '{\"where\": \"b\"}']::jsonb[],"
            " unique_keys => ARRAY['k', NULL, 'k'], how => 'keep_last')",
            [tenant_id],
        ).fetchall()
    assert results == [
        (1, True, "created", None),
        (2, False, "refused", "where: is missing; unique_key: keep_last needs one"),
        (3, True, "folded", None),
    ]


def test_an_unknown_tenant_is_refused(database):
    with database.transaction() as connection, pytest.raises(psycopg.errors.ForeignKeyViolation):
        enqueue_many(connection, uuid.uuid4(), ERRAND, [Item({"where": "x"})])
