"""Whatever is asked of it in whatever order, the ledger agrees with a simple model of it."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from db.engine import Database
from jobs.runs import (
    Debounce,
    Item,
    KeepLast,
    LeaseLostError,
    RunCancelledError,
    RunFilter,
    Throttle,
    Unique,
    cancel,
    claim_run,
    enqueue_many,
    fail,
    release,
    retry,
    succeed,
)
from tests.factories import make_tenant
from tests.jobs.runs.ledger_model import ATTEMPTS, BACKOFF, LEASE, ModelLedger

EPOCH = datetime(2030, 1, 1, tzinfo=UTC)
RULES = {
    "unique": Unique(),
    "unique for a while": Unique(25),
    "throttle": Throttle(25),
    "debounce": Debounce(25),
    "debounce at most": Debounce(25, 45),
    "keep_last": KeepLast(),
}
items = st.tuples(st.sampled_from("ab"), st.integers(0, 1))
places = st.integers(0, 5)
steps = st.one_of(
    st.tuples(
        st.just("enqueue"), st.sampled_from(sorted(RULES)), st.lists(items, min_size=1, max_size=4)
    ),
    st.tuples(st.just("enqueue plain"), st.integers(0, 1)),
    st.tuples(st.just("wait"), st.sampled_from([1, 6, 11, 24, 40])),
    st.tuples(st.just("claim")),
    st.tuples(st.sampled_from(["succeed", "fail", "release", "cancel", "retry"]), places),
)


@pytest.fixture
def clocked(database):
    """The test's database, with a clock that stands still until it is set.

    ``now()`` is looked for in the schema of the clock before Postgres' own.
    """
    with database.transaction() as connection:
        connection.execute(
            "CREATE SCHEMA clock CREATE TABLE hand (at timestamptz);"
            " CREATE FUNCTION clock.now() RETURNS timestamptz STABLE LANGUAGE sql"
            " RETURN (SELECT at FROM clock.hand);"
            " CREATE FUNCTION clock.clock_timestamp() RETURNS timestamptz STABLE LANGUAGE sql"
            " RETURN (SELECT at FROM clock.hand);"
            " INSERT INTO clock.hand VALUES (now())"
        )
    url = database._url
    joined = f"{url}{'&' if '?' in url else '?'}options=" + quote(
        "-c search_path=clock,public,pg_catalog"
    )
    opened = Database(
        database._settings.model_copy(
            update={
                "database_url": type(database._settings.database_url)(joined),
                "run_max_attempts": ATTEMPTS,
                "run_lease_s": LEASE,
                "run_backoff_s": BACKOFF,
            }
        ),
        min_size=1,
        max_size=2,
    )
    yield opened
    opened.close()


class Ledger:
    """The real one, with the model's words; a run is known by its place in order of creation."""

    def __init__(self, database, tenant_id):
        self.database = database
        self.settings = database._settings
        self.tenant_id = tenant_id
        self.ids = []
        self.held = {}
        self._execute("TRUNCATE job_runs CASCADE")
        self.set_clock(0)

    def set_clock(self, seconds):
        self._execute("UPDATE clock.hand SET at = %s", EPOCH + timedelta(seconds=seconds))

    def enqueue_many(self, rule, runs):
        wanted = [Item({"n": n}, key, priority=priority) for n, key, priority in runs]
        with self.database.transaction() as connection:
            results = enqueue_many(connection, self.tenant_id, "work", wanted, rule=rule)
        for result in results:
            if result.run_id not in self.ids:
                self.ids.append(result.run_id)
        return [(self.ids.index(result.run_id), result.outcome) for result in results]

    def claim(self):
        claim = claim_run(self.database, self.settings)
        if claim is None:
            return None
        place = self.ids.index(claim.run.id)
        self.held[place] = claim.run
        return place

    def end(self, how, place):
        """Whether it was still the worker's to end."""
        run = self.held[place]
        try:
            match how:
                case "succeed":
                    succeed(self.database, run, {})
                case "fail":
                    fail(self.database, self.settings, run, "no luck")
                case "release":
                    release(self.database, run)
        except (LeaseLostError, RunCancelledError):
            return False
        return True

    def cancel(self, place):
        with self.database.transaction() as connection:
            return cancel(connection, self.tenant_id, self.ids[place])

    def retry(self, place):
        which = RunFilter(run_id=self.ids[place], states=("failed", "cancelled"))
        with self.database.transaction() as connection:
            return bool(retry(connection, which))

    def shown(self):
        rows = self._execute(
            "SELECT id, state, (args ->> 'n')::int, attempts, priority,"
            " extract(epoch FROM run_at - %s)::int, error FROM job_runs",
            EPOCH,
        )
        by_id = {run_id: tuple(shown) for run_id, *shown in rows}
        assert len(by_id) == len(self.ids)
        return [by_id[run_id] for run_id in self.ids]

    def _execute(self, text, *parameters):
        with self.database.transaction() as connection:
            cursor = connection.execute(text, parameters)
            return cursor.fetchall() if cursor.description else []


class Both:
    """Does each step to the ledger and to the model; ``held`` is what a worker still holds."""

    def __init__(self, real):
        self.real, self.model = real, ModelLedger()
        self.held = {}
        self.calls = 0

    def do(self, name, *given):
        match name:
            case "enqueue":
                self._enqueue(RULES[given[0]], given[1])
            case "enqueue plain":
                self._enqueue(Unique(), [(None, given[0])])
            case "wait":
                self.model.now += given[0]
                self.real.set_clock(self.model.now)
            case "claim":
                place = self.real.claim()
                assert place == self.model.claim()
                if place is not None:
                    self.held[place] = self.model.runs[place].attempts
            case "cancel" | "retry":
                self._order(name, *given)
            case _:
                self._end(name, *given)
        assert self.real.shown() == self.model.shown()

    def _enqueue(self, rule, wanted):
        how, period, max_wait = rule.rule
        runs = [(self.calls + n, key, priority) for n, (key, priority) in enumerate(wanted)]
        self.calls += len(runs)
        expected = [
            self.model.enqueue(n, key, priority, how, period, max_wait) for n, key, priority in runs
        ]
        assert self.real.enqueue_many(rule, runs) == expected

    def _order(self, name, place):
        if place < len(self.model.runs):
            assert getattr(self.real, name)(place) == getattr(self.model, name)(place)

    def _end(self, name, number):
        """By whoever took it up last, though it may be another's by now, or nobody's."""
        if number >= len(self.held):
            return
        place = sorted(self.held)[number]
        mine = self.model.runs[place].state == "running"
        del self.held[place]
        ended = self.real.end(name, place)
        if mine:
            getattr(self.model, name)(place)
        assert ended == mine or name == "release"


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(script=st.lists(steps, max_size=40))
def test_the_ledger_agrees_with_the_model(clocked, tenant_id, script):
    both = Both(Ledger(clocked, tenant_id))
    for step in script:
        note(f"at {both.model.now}: {step}")
        both.do(*step)


@pytest.fixture
def tenant_id(database):
    return make_tenant(database)
