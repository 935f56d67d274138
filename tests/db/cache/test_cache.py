import threading
from functools import partial
from uuid import UUID

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from db.cache import cache as module
from db.cache.cache import Cache, as_it_is

ANN, BOB = UUID(int=1), UUID(int=2)


class Source:
    """Squares of even numbers; notes what it was asked for."""

    def __init__(self):
        self.asked = []

    def load(self, keys):
        self.asked.append(sorted(keys))
        return {key: key * key for key in keys if key % 2 == 0}


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def source():
    return Source()


@pytest.fixture
def clock():
    return Clock()


def make_cache(clock, **given):
    return Cache("test", **{"build": as_it_is, "maxsize": 4, "ttl_s": 10, "timer": clock} | given)


@pytest.fixture
def cache(clock):
    return make_cache(clock)


def test_many_keys_are_loaded_in_one_go_and_then_known(cache, source):
    assert cache.get_many([2, 4, 2], source.load) == {2: 4, 4: 16}
    assert cache.get_many([4, 2], source.load) == {2: 4, 4: 16}
    assert cache.get_many([2, 6], source.load) == {2: 4, 6: 36}
    assert source.asked == [[2, 4], [6]]
    counted = cache.statistics
    assert (counted.hits, counted.misses, counted.loads, counted.size) == (3, 3, 2, 3)
    assert counted.hit_rate == 0.5


def test_absence_is_known_too(cache, source):
    assert cache.get_many([1], source.load) == {1: None}
    assert cache.get_many([1, 2], source.load) == {1: None, 2: 4}
    assert source.asked == [[1], [2]]


def test_no_keys_ask_nothing(cache, source):
    assert cache.get_many([], source.load) == {}
    assert source.asked == []
    assert cache.statistics.hit_rate is None


def test_one_key_is_loaded_once_its_absence_too(cache):
    rows = iter(["row", None])
    assert cache.get_or_load("a", lambda: next(rows)) == "row"
    assert cache.get_or_load("b", lambda: next(rows)) is None
    assert [cache.get_or_load(key, lambda: next(rows)) for key in "ab"] == ["row", None]


def test_what_is_kept_is_built_once(clock, source):
    built = []
    cache = make_cache(clock, build=lambda row: built.append(row) or f"<{row}>")
    for _ in range(2):
        assert cache.get_many([2, 3], source.load) == {2: "<4>", 3: None}
    assert built == [4]


def test_entries_live_for_their_time(cache, source, clock):
    cache.get_many([2], source.load)
    cache.get_many([4], source.load, ttl_s=5)
    clock.now = 9.9
    cache.get_many([2, 4], source.load)
    assert source.asked == [[2], [4], [4]]
    clock.now = 10
    assert cache.get_many([2], source.load) == {2: 4}
    assert source.asked == [[2], [4], [4], [2]]


def test_what_has_expired_takes_no_room_once_swept(cache, source, clock):
    cache.get_many([2, 4], source.load)
    clock.now = 10
    cache.sweep()
    assert (len(cache._entries._held), cache.statistics.evictions) == (0, 0)


def test_least_recently_used_fall_first(cache, source):
    cache.get_many([2, 4, 6, 8], source.load)
    cache.get_many([2], source.load)
    cache.get_many([10], source.load)
    cache.get_many([2, 10], source.load)
    assert source.asked == [[2, 4, 6, 8], [10]]
    assert (cache.statistics.evictions, cache.statistics.size) == (1, 4)


def test_more_keys_than_places_are_all_found(cache, source):
    keys = range(0, 40, 2)
    assert cache.get_many(keys, source.load) == {key: key * key for key in keys}
    assert cache.statistics.size == 4


def test_cleared_cache_loads_anew(cache, source):
    cache.get_many([2, 4], source.load)
    cache.clear(lambda key: key == 2)
    cache.get_many([2, 4], source.load)
    assert source.asked == [[2, 4], [2]]
    cache.clear()
    cache.get_many([2, 4], source.load)
    assert source.asked == [[2, 4], [2], [2, 4]]


def test_change_drops_what_is_its_tenants(clock):
    cache = make_cache(clock, tenant_of=lambda key: key[0])
    asked = []

    def load(keys):
        asked.append(sorted(n for _, n in keys))
        return dict.fromkeys(keys, 1)

    keys = [(ANN, 1), (ANN, 2), (BOB, 3)]
    cache.get_many(keys, load)
    cache.changed(ANN)
    cache.get_many(keys, load)
    cache.changed()
    cache.get_many(keys, load)
    assert asked == [[1, 2, 3], [1, 2], [1, 2, 3]]


def test_change_drops_all_where_keys_are_nobodys(cache, source):
    cache.get_many([2], source.load)
    cache.changed(ANN)
    cache.get_many([2], source.load)
    assert source.asked == [[2], [2]]


def test_failed_load_leaves_nothing_behind(cache, source):
    def fail(_keys):
        raise ConnectionError

    with pytest.raises(ConnectionError):
        cache.get_many([2], fail)
    assert cache.get_many([2], source.load) == {2: 4}


def test_what_was_loaded_before_a_change_is_not_kept(cache, source):
    def load_while_changed(keys):
        cache.changed()
        return source.load(keys)

    assert cache.get_many([2], load_while_changed) == {2: 4}
    cache.get_many([2], source.load)
    assert source.asked == [[2], [2]]


def test_reads_go_past_it_while_changes_are_not_heard_of(clock, source):
    heard = [True]
    cache = make_cache(clock, trusted=lambda: heard[0])
    cache.get_many([2], source.load)
    heard[0] = False
    assert cache.get_many([2], source.load) == {2: 4}
    assert cache.get_many([2, 4], source.load) == {2: 4, 4: 16}
    heard[0] = True
    cache.get_many([4], source.load)
    assert source.asked == [[2], [2], [2, 4], [4]]


class Loads:
    """Loads that stand still until told; ``begun`` counts them."""

    def __init__(self):
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Event()
        self.asked = []

    def load(self, keys):
        self.asked.append(sorted(keys))
        self.begun.release()
        assert self.go_on.wait(30)
        return {key: key * key for key in keys}


def in_threads(*works):
    """Run functions at once; returns (threads, what they gave back, in their order)."""
    results = [None] * len(works)

    def note(n, work):
        try:
            results[n] = work()
        except ConnectionError as error:
            results[n] = error

    threads = [threading.Thread(target=note, args=it) for it in enumerate(works)]
    for thread in threads:
        thread.start()
    return threads, results


def join(threads):
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)


def test_many_threads_that_miss_a_key_load_it_once(clock):
    cache, loads = make_cache(clock, maxsize=50), Loads()
    threads, results = in_threads(*[lambda: cache.get_many([1, 2], loads.load)] * 16)
    assert loads.begun.acquire(timeout=30)
    loads.go_on.set()
    join(threads)
    assert results == [{1: 1, 2: 4}] * 16
    assert loads.asked == [[1, 2]]
    counted = cache.statistics
    assert (counted.loads, counted.misses, counted.hits) == (1, 2, 30)


def test_threads_that_want_overlapping_keys_never_wait_for_each_other_in_a_circle(clock):
    cache, loads = make_cache(clock, maxsize=100), Loads()
    wanted = [{100 + k, *range(10 * k, 10 * k + 20)} for k in range(4)]
    threads, results = in_threads(
        *[lambda keys=keys: cache.get_many(keys, loads.load) for keys in wanted]
    )
    for _ in wanted:  # each begins with what nobody else loads
        assert loads.begun.acquire(timeout=30)
    loads.go_on.set()
    join(threads)
    assert results == [{n: n * n for n in keys} for keys in wanted]
    assert sorted(n for asked in loads.asked for n in asked) == sorted(set.union(*wanted))


def test_who_waited_for_a_load_that_failed_loads_himself(clock, source):
    cache, begun, failing = make_cache(clock), threading.Event(), threading.Event()

    def fail(_keys):
        begun.set()
        assert failing.wait(30)
        raise ConnectionError

    threads, results = in_threads(lambda: cache.get_many([2], fail))
    assert begun.wait(30)
    more, others = in_threads(*[lambda: cache.get_many([2], source.load)] * 3)
    failing.set()
    join(threads + more)
    assert isinstance(results[0], ConnectionError)
    assert others == [{2: 4}] * 3
    assert source.asked == [[2]]


def test_nobody_waits_for_another_for_ever(clock, source, monkeypatch):
    monkeypatch.setattr(module, "_PATIENCE_S", 0.01)
    cache, loads = make_cache(clock), Loads()
    threads, _ = in_threads(lambda: cache.get_many([2], loads.load))
    assert loads.begun.acquire(timeout=30)
    assert cache.get_many([2, 4], source.load) == {2: 4, 4: 16}
    assert source.asked == [[4], [2]]
    loads.go_on.set()
    join(threads)


def test_who_asks_after_a_change_gets_no_load_that_began_before(clock, source):
    cache, loads = make_cache(clock), Loads()
    threads, old = in_threads(lambda: cache.get_many([3], loads.load))
    assert loads.begun.acquire(timeout=30)
    cache.changed()
    assert cache.get_many([3], source.load) == {3: None}
    loads.go_on.set()
    join(threads)
    assert old == [{3: 9}]
    assert cache.get_many([3], source.load) == {3: None}
    assert source.asked == [[3]]


KEYS = st.tuples(st.sampled_from([ANN, BOB]), st.integers(0, 3))


class AgainstTheObvious(RuleBasedStateMachine):
    """A database of versions, and for each key since when the cache may have known it."""

    TTL_S, PLACES = 10, 5

    def __init__(self):
        super().__init__()
        self.clock = Clock()
        self.heard = True
        self.cache = make_cache(
            self.clock,
            maxsize=self.PLACES,
            ttl_s=self.TTL_S,
            tenant_of=lambda key: key[0],
            trusted=lambda: self.heard,
        )
        self.rows = {}
        self.known = {}  # key: (row, until, the number of its last use)
        self.uses = 0
        self.version = 0

    @rule(keys=st.lists(KEYS, max_size=4), ttl_s=st.sampled_from([None, 3, 20]))
    def get(self, keys, ttl_s):
        asked = []
        got = self.cache.get_many(keys, partial(self.load, asked), ttl_s)
        fresh = {k: v for k, v in self.known.items() if self.clock.now < v[1]}
        if not self.heard:
            assert sorted(asked) == sorted(set(keys))
            assert got == {key: self.rows.get(key) for key in keys}
            return
        lacking = set(keys) - fresh.keys()
        assert sorted(asked) == sorted(lacking)
        assert got == {key: fresh[key][0] if key in fresh else self.rows.get(key) for key in keys}
        until = self.clock.now + (ttl_s or self.TTL_S)
        self.uses += 1
        self.known = fresh | {
            key: (got[key], fresh[key][1] if key in fresh else until, self.uses) for key in keys
        }
        held = {key for key in self.known if key in self.cache._entries._held}
        assert len(held) == min(self.PLACES, len(self.known))
        lost = [self.known[key][2] for key in self.known.keys() - held]
        assert max(lost, default=0) <= min((self.known[key][2] for key in held), default=0)
        self.known = {key: self.known[key] for key in held}

    def load(self, asked, lacking):
        asked += lacking
        return {key: self.rows[key] for key in lacking if key in self.rows}

    @rule(key=KEYS, told=st.booleans(), there=st.booleans())
    def write(self, key, told, there):
        self.version += 1
        if there:
            self.rows[key] = self.version
        else:
            self.rows.pop(key, None)
        if told:
            self.cache.changed(key[0])
            self.known = {k: v for k, v in self.known.items() if k[0] != key[0]}

    @rule(seconds=st.integers(1, 8))
    def wait(self, seconds):
        self.clock.now += seconds

    @rule()
    def sweep(self):
        self.cache.sweep()

    @rule(heard=st.booleans())
    def listen(self, heard):
        if heard and not self.heard:
            self.cache.clear()
            self.known = {}
        self.heard = heard

    @invariant()
    def is_bounded(self):
        assert self.cache.statistics.size <= self.PLACES


TestAgainstTheObvious = AgainstTheObvious.TestCase
TestAgainstTheObvious.settings = hypothesis_settings(max_examples=60, deadline=None)
