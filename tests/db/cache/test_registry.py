from uuid import UUID

import pytest

from db.cache.cache import as_it_is
from db.cache.registry import TERM_S, Caches

ANN, BOB = UUID(int=1), UUID(int=2)


@pytest.fixture
def caches():
    return Caches()


def make(caches, name, *tables):
    return caches.make(
        name, as_it_is, maxsize=9, ttl_s=9, tables=tables, tenant_of=lambda key: key[0]
    )


def known(cache, *keys):
    """Of these, which the cache knew; it does afterwards."""
    loaded = []
    cache.get_many(keys, lambda lacking: loaded.extend(lacking) or dict.fromkeys(lacking, 1))
    return {key for key in keys if key not in loaded}


def test_change_of_a_table_reaches_the_caches_that_read_it(caches):
    one, both, other = make(caches, "x", "a"), make(caches, "y", "a", "b"), make(caches, "z", "b")
    keys = [(ANN, 1), (BOB, 1)]
    for cache in (one, both, other):
        known(cache, *keys)
    caches.changed("a", ANN)
    assert [known(cache, *keys) for cache in (one, both, other)] == [
        {(BOB, 1)},
        {(BOB, 1)},
        set(keys),
    ]
    caches.changed("b")
    assert [known(cache, *keys) for cache in (one, both, other)] == [set(keys), set(), set()]


def test_keys_are_cleared_by_pattern(caches):
    agents, stats = make(caches, "agents"), make(caches, "stats")
    keys = [(ANN, "open", 1), (ANN, "closed", 1), (BOB, "open", 1)]

    def clear(pattern):
        for cache in (agents, stats):
            known(cache, *keys)
        caches.clear(pattern)
        return [set(keys) - known(cache, *keys) for cache in (agents, stats)]

    assert clear("agents:*:open:*") == [{keys[0], keys[2]}, set()]
    assert clear(f"*:{ANN}:*") == [set(keys[:2])] * 2
    assert clear("agents:*") == [set(keys), set()]
    assert clear("*") == [set(keys)] * 2


def test_process_that_was_frozen_trusts_nothing_until_it_has_heard():
    now = [100.0]
    caches = Caches(lambda: now[0])
    assert caches.trusted()
    caches.watch()
    assert not caches.trusted()
    caches.heard(100.0)
    now[0] += TERM_S - 0.1
    assert caches.trusted()
    now[0] += 0.2
    assert not caches.trusted()


def test_figures_of_caches_of_one_name_are_added_up(caches):
    held = [make(caches, "a"), make(caches, "a"), make(caches, "b")]
    for cache in held:
        known(cache, (ANN, 1))
    known(held[0], (ANN, 1))
    counted = caches.statistics()
    assert (counted["a"].hits, counted["a"].misses, counted["a"].size) == (1, 2, 2)
    assert counted["a"].hit_rate == pytest.approx(1 / 3)


def test_caches_that_nobody_holds_are_let_go(caches):
    make(caches, "a")
    kept = make(caches, "b")
    assert list(caches.statistics()) == ["b"]
    assert kept.name == "b"
