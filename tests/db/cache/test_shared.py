"""The second level on a real Redis, and without one."""

import contextlib
from datetime import time
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import pytest
import redis
from structlog.testing import capture_logs

from config.settings import load_settings
from db.cache.cache import Cache, as_it_is
from db.cache.registry import Caches
from db.cache.shared import SharedStore, open_shared_store
from standalone.processes import await_ready, spawn, stop
from standalone.servers import temporary_state
from standalone.state import hold_state
from standalone.valkey import EmbeddedValkey

ANN, BOB = UUID(int=1), UUID(int=2)


class Row(NamedTuple):
    tenant_id: UUID
    opens_at: time | None
    price: Decimal
    config: dict[str, Any]


ROW = Row(ANN, time(9, 30), Decimal("12.50"), {"n": 1, "x": 1.0, "deep": [None, "☎", True]})


class Table:
    """Rows by key; counts how often it was asked."""

    def __init__(self):
        self.rows = {}
        self.loads = 0

    def load(self, keys):
        self.loads += 1
        return {key: self.rows[key] for key in keys if key in self.rows}


@pytest.fixture
def table():
    return Table()


@pytest.fixture
def process(redis_settings):
    """Makes what another process would: caches of its own over the same Redis."""
    with contextlib.ExitStack() as stack:

        def make(rows=Row, ttl_s=10, caches=None):
            caches = caches or Caches()
            caches.store = open_shared_store(load_settings(**redis_settings))
            stack.callback(caches.store.close)
            cache = caches.make(
                "test",
                as_it_is,
                maxsize=10,
                ttl_s=ttl_s,
                tables=("tenants",),
                tenant_of=lambda key: key[0],
                rows=rows,
            )
            cache.get_many([(BOB, "first look")], lambda _keys: {})
            return caches, cache

        yield make


def test_rows_travel_as_they_are(process, table):
    table.rows = {(ANN, 1): ROW}
    _, one = process()
    _, other = process()
    keys = [(ANN, 1), (ANN, 2)]
    assert one.get_many(keys, table.load) == {(ANN, 1): ROW, (ANN, 2): None}
    assert other.get_many(keys, table.load) == {(ANN, 1): ROW, (ANN, 2): None}
    assert table.loads == 1
    assert type(other.get_many(keys, table.load)[ANN, 1]) is Row
    assert (other.statistics.shared_hits, other.statistics.hits) == (2, 2)


def test_lists_of_rows_travel_too(process, table):
    table.rows = {(ANN, 1): [ROW, ROW]}
    _, one = process(list[Row])
    _, other = process(list[Row])
    for cache in (one, other):
        assert cache.get_many([(ANN, 1)], table.load) == {(ANN, 1): [ROW, ROW]}
    assert table.loads == 1


def test_warm_lookup_asks_neither_database_nor_redis(process, table, monkeypatch):
    caches, cache = process()
    cache.get_many([(ANN, 1)], table.load)
    monkeypatch.setattr(caches.store, "fetch", None)
    cache.get_many([(ANN, 1)], table.load)
    assert table.loads == 1


def test_who_starts_takes_nothing_that_was_shared_before(process, table):
    """Nobody may have been listening for changes since."""
    _, one = process()
    one.get_many([(ANN, 1)], table.load)
    _, late = process()
    late.get_many([(ANN, 1)], table.load)
    assert table.loads == 2


def test_after_a_change_nothing_older_is_taken_from_redis(process, table):
    table.rows = {(ANN, 1): ROW, (BOB, 1): ROW}
    both = [(ANN, 1), (BOB, 1)]
    _, one = process()
    caches, other = process()
    one.get_many(both, table.load)
    table.rows = {(ANN, 1): None, (BOB, 1): ROW}
    caches.changed("tenants", ANN)  # the other process has not heard of it yet
    assert other.get_many(both, table.load) == {(ANN, 1): None, (BOB, 1): ROW}
    assert (table.loads, other.statistics.shared_hits) == (2, 1)


def test_what_is_loaded_after_all_have_settled_is_loaded_once(process, table):
    table.rows = {(ANN, 1): ROW}
    processes = [process(), process()]
    for _ in range(2):
        for caches, _ in processes:
            caches.changed("tenants", ANN)
            caches.settle()
        for _, cache in processes:
            assert cache.get_many([(ANN, 1)], table.load) == table.rows
        table.rows = {(ANN, 1): ROW._replace(price=Decimal(1))}
    assert table.loads == 2


def test_reader_that_was_overtaken_harms_nobody(process, table):
    """It loaded before a write, and shares what it loaded after all have heard of the write."""
    table.rows = {(ANN, 1): ROW}
    ours, one = process()
    theirs, other = process()

    def overtaken(keys):
        old = table.load(keys)
        table.rows = {(ANN, 1): ROW._replace(price=Decimal(1))}
        for caches in (ours, theirs):
            caches.changed("tenants", ANN)
        other.get_many([(ANN, "else")], table.load)
        return old

    assert one.get_many([(ANN, 1)], overtaken)[ANN, 1] == ROW
    for cache in (other, one):
        assert cache.get_many([(ANN, 1)], table.load)[ANN, 1].price == 1


class HeldStore:
    """A store in this process, with a clock to be set."""

    def __init__(self):
        self.now_us = 1_000_000
        self.held = {}

    def fetch(self, keys):
        return self.now_us, [self.held.get(key) for key in keys]

    def keep(self, values, _ttl_s):
        self.held |= values


def test_what_was_shared_lives_no_longer_for_being_taken(table):
    table.rows = {1: ROW}
    store, clock = HeldStore(), [0.0]
    one, other = (
        Cache("test", build=as_it_is, maxsize=9, ttl_s=100, rows=Row, store=lambda: store,
              timer=lambda: clock[0])
        for _ in range(2)
    )  # fmt: skip
    other.get_many([2], table.load)
    one.get_many([1], table.load)
    store.now_us += 60_000_000
    other.get_many([1], table.load)
    store.held.clear()
    clock[0] = 39.0
    other.get_many([1], table.load)
    assert table.loads == 2
    clock[0] = 40.0
    other.get_many([1], table.load)
    assert table.loads == 3


def test_other_shapes_and_rubbish_are_passed_over(process, table, redis_settings):
    table.rows = {(ANN, 1): ROW}
    _, one = process()
    _, other = process()
    one.get_many([(ANN, 1)], table.load)
    with contextlib.closing(redis.Redis.from_url(redis_settings["redis_url"])) as client:
        pattern = f"{redis_settings['broker_namespace']}:cache:*:test:{ANN}:*"
        (key,) = client.scan_iter(match=pattern, count=1000)
        moment = client.get(key).split()[0]
        for n, text in enumerate([b"", b"x", b"5", moment + b" {", moment + b" [1,2]"], 2):
            client.set(key, text)
            other.clear()
            assert other.get_many([(ANN, 1)], table.load) == {(ANN, 1): ROW}
            assert table.loads == n


def test_huge_rows_and_such_as_json_changes_are_not_shared(process, table):
    huge = ROW._replace(config={"x": "y" * 300_000})
    unlike = ROW._replace(config={"pair": (1, 2)})
    table.rows = {(ANN, 1): huge, (ANN, 2): unlike, (ANN, 3): ROW}
    _, one = process()
    _, other = process()
    for cache in (one, other):
        assert cache.get_many(table.rows, table.load) == table.rows
    assert other.statistics.shared_hits == 1


def test_reports_of_living_processes_are_found(process):
    caches, _ = process()
    caches.store.report({"caches": {"x": 1}})
    (told,) = caches.store.reports(younger_than_s=60)
    assert told["caches"] == {"x": 1}
    assert caches.store.reports(younger_than_s=-1) == []
    assert caches.store.reports(younger_than_s=60) == []


def test_no_redis_named_is_no_error():
    assert open_shared_store(load_settings(redis_url=None)) is None


class Server:
    """A Valkey of the test's own, to be stopped and started."""

    def __init__(self, folder):
        self._valkey = EmbeddedValkey(folder)
        self._spec = self._valkey.child()
        self.url = self._valkey.url
        self._process = None

    def start(self):
        self._process = spawn(self._spec)
        await_ready(self._spec, self._process)

    def stop(self):
        if self._process:
            stop(self._spec, self._process)
        self._process = None


@pytest.fixture
def server():
    with temporary_state() as folder, hold_state(folder) as held:
        server = Server(held)
        server.start()
        yield server
        server.stop()


def test_redis_that_is_stopped_is_done_without_and_taken_back(server, table):
    """Stopped for real, and started again with all that it had."""
    table.rows = {(ANN, n): ROW for n in range(5)}
    clock = [0.0]
    client = redis.Redis.from_url(server.url, socket_timeout=5, retry=None)
    store = SharedStore(client, "t", lambda: clock[0])
    caches = []
    for _ in range(2):
        caches.append(Caches())
        caches[-1].store = store
    one, other = (
        its.make(
            "test", as_it_is, maxsize=9, ttl_s=600, tables=("tenants",),
            tenant_of=lambda key: key[0], rows=Row,
        )
        for its in caches
    )  # fmt: skip

    def look(cache, n):
        assert cache.get_many([(ANN, n)], table.load) == {(ANN, n): table.rows[ANN, n]}
        return table.loads

    with capture_logs() as logs:
        assert [look(one, 0), look(other, 0), look(other, 1), look(one, 1)] == [1, 2, 3, 3]
        server.stop()
        assert [look(one, 0), look(one, 2), look(one, 2), look(other, 2)] == [3, 4, 4, 5]
        # A change that is heard of while Redis is away: what it has of old isn't taken afterwards.
        table.rows[ANN, 1] = ROW._replace(price=Decimal(1))
        for its in caches:
            its.changed("tenants", ANN)
        server.start()
        assert [look(one, 1), look(one, 1)] == [6, 6]  # not yet tried again
        clock[0] = 2.0
        assert [look(other, 1), look(other, 3), look(one, 3)] == [7, 8, 9]
        assert [look(other, 4), look(one, 4)] == [10, 10]
    store.close()
    assert [line["event"] for line in logs] == ["shared_cache_away", "shared_cache_back"]
