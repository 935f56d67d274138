import threading

import pytest

from db.cache.bulk import BulkCache


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


@pytest.fixture
def cache(clock):
    return BulkCache("test", maxsize=4, ttl_s=10, timer=clock)


def test_many_keys_are_loaded_in_one_go_and_then_known(cache, source):
    assert cache.get_many([2, 4, 2], source.load) == {2: 4, 4: 16}
    assert cache.get_many([4, 2], source.load) == {2: 4, 4: 16}
    assert cache.get_many([2, 6], source.load) == {2: 4, 6: 36}
    assert source.asked == [[2, 4], [6]]
    assert (cache.statistics.hits, cache.statistics.misses) == (3, 3)


def test_absence_is_known_too(cache, source):
    assert cache.get_many([1], source.load) == {1: None}
    assert cache.get_many([1, 2], source.load) == {1: None, 2: 4}
    assert source.asked == [[1], [2]]


def test_no_keys_ask_nothing(cache, source):
    assert cache.get_many([], source.load) == {}
    assert source.asked == []


def test_entries_live_for_their_time(cache, source, clock):
    cache.get_many([2], source.load)
    clock.now = 9.9
    cache.get_many([2], source.load)
    assert source.asked == [[2]]
    clock.now = 10
    assert cache.get_many([2], source.load) == {2: 4}
    assert source.asked == [[2], [2]]


def test_least_recently_used_fall_first(cache, source):
    cache.get_many([2, 4, 6, 8], source.load)
    cache.get_many([2], source.load)
    cache.get_many([10], source.load)
    cache.get_many([2, 10], source.load)
    assert source.asked == [[2, 4, 6, 8], [10]]


def test_more_keys_than_places_are_all_found(cache, source):
    keys = range(0, 40, 2)
    assert cache.get_many(keys, source.load) == {key: key * key for key in keys}


def test_cleared_cache_loads_anew(cache, source):
    cache.get_many([2], source.load)
    cache.clear()
    cache.get_many([2], source.load)
    assert source.asked == [[2], [2]]


def test_failed_load_leaves_nothing_behind(cache, source):
    def fail(_keys):
        raise ConnectionError

    with pytest.raises(ConnectionError):
        cache.get_many([2], fail)
    assert cache.get_many([2], source.load) == {2: 4}


def test_what_was_loaded_before_a_clear_is_not_kept(cache, source):
    def load_while_cleared(keys):
        cache.clear()
        return source.load(keys)

    assert cache.get_many([2], load_while_cleared) == {2: 4}
    cache.get_many([2], source.load)
    assert source.asked == [[2], [2]]


def test_threads_share_it_and_never_wait_for_each_others_loads(source):
    cache = BulkCache("test", maxsize=50, ttl_s=10)
    inside = threading.Barrier(4, timeout=30)
    wrong = []

    def load(keys):
        inside.wait()  # all four load at once
        return {key: key * key for key in keys}

    def work(first):
        keys = range(first, first + 20)
        if cache.get_many(keys, load) != {key: key * key for key in keys}:
            wrong.append(first)

    threads = [threading.Thread(target=work, args=(10 * n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert wrong == []
    assert cache.statistics.misses == 80
