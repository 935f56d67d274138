"""A cache that is asked for many keys at once and loads what it lacks in one go."""

import threading
import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Generic, TypeVar
from uuid import UUID

from pydantic import TypeAdapter

from db.cache.entries import Entries
from db.cache.shared import SharedRows, SharedStore
from db.cache.statistics import CacheStatistics

K = TypeVar("K", bound=Hashable)
R = TypeVar("R")
V = TypeVar("V")

Load = Callable[[Sequence[K]], Mapping[K, R]]
"""Keys → their rows; a key that has none is left out. Outside any transaction that writes them."""

# A waiter may be in a transaction, which is cut off when nothing happens in it for long.
_PATIENCE_S = 5.0


class _Flight(Generic[K, V]):
    """A load under way; ``values`` once it is over, empty if it failed."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.values: dict[K, V | None] = {}


class Cache(Generic[K, R, V]):
    """Rows are loaded and shared, what is built of them is kept in the process; for any thread.

    Each key is loaded by one thread at a time. Absence is cached too. A load that a change overtook
    is given to those who waited for it, and kept by nobody.
    """

    def __init__(
        self,
        name: str,
        *,
        build: Callable[[R], V],
        maxsize: int,
        ttl_s: float,
        tables: Iterable[str] = (),
        tenant_of: Callable[[K], UUID] | None = None,
        rows: Any = None,
        store: Callable[[], SharedStore | None] = lambda: None,
        trusted: Callable[[], bool] = lambda: True,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is known yet.

        Args:
            name: in figures and keys.
            build: makes the value of a row.
            maxsize: entries in the process at most.
            ttl_s: how long an entry lives unless a lookup says otherwise.
            tables: a change in one of these drops entries: its tenant's, where ``tenant_of`` tells
                whose a key is, else all.
            tenant_of: whose a key is.
            rows: the type of a row, where rows are to be shared through Redis as JSON.
            store: the Redis.
            trusted: whether changes are heard of at present; if not, reads go past the cache.
            timer: the clock, in seconds.
        """
        self.name = name
        self.tables = frozenset(tables)
        self._build = build
        self._ttl_s = ttl_s
        self._tenant_of = tenant_of
        self._trusted = trusted
        self._statistics = CacheStatistics()
        self._lock = threading.Lock()
        self._entries: Entries[K, V | None] = Entries(maxsize, timer)
        self._flights: dict[K, _Flight[K, V]] = {}
        self._shared: SharedRows[K, R] | None = None
        if rows is not None:
            self._shared = SharedRows(
                name, TypeAdapter(rows), store, lambda key: tenant_of(key) if tenant_of else None
            )

    @property
    def statistics(self) -> CacheStatistics:
        """As they are now."""
        with self._lock:
            return replace(
                self._statistics, evictions=self._entries.evictions, size=len(self._entries)
            )

    def get_or_load(
        self, key: K, load: Callable[[], R | None], ttl_s: float | None = None
    ) -> V | None:
        """The value of a key; ``load`` is called where it isn't known, None is: there is none."""

        def load_one(_keys: Sequence[K]) -> Mapping[K, R]:
            row = load()
            return {} if row is None else {key: row}

        return self.get_many((key,), load_one, ttl_s)[key]

    def get_many(
        self, keys: Iterable[K], load: "Load[K, R]", ttl_s: float | None = None
    ) -> dict[K, V | None]:
        """The value of every key, None where there is none; ``load`` gets what isn't known.

        It is called once; a second time only where another thread's load, waited for, failed.

        Raises:
            what ``load`` raised; nothing is kept then.
        """
        wanted = set(keys)
        ttl_s = self._ttl_s if ttl_s is None else ttl_s
        if not self._trusted():
            return self._load_past(wanted, load)
        found: dict[K, V | None] = {}
        flight: _Flight[K, V] = _Flight()
        own, awaited = self._claim(wanted, found, flight, first=True)
        while own or awaited:
            if own:  # before any wait, or two could wait for each other
                found |= self._fly(flight, own, load, ttl_s)
            late = []
            for other in set(awaited.values()):
                if not other.over.wait(_PATIENCE_S):
                    late += [key for key, its in awaited.items() if its is other]
                found |= {key: v for key, v in other.values.items() if key in wanted}
            if late:
                found |= self._load_past(set(late) - found.keys(), load)
            missing = wanted - found.keys()
            flight = _Flight()
            own, awaited = self._claim(missing, found, flight) if missing else ([], {})
        return found

    def changed(self, tenant_id: UUID | None = None) -> None:
        """Forget what is a tenant's, None: everything; loads under way are kept by nobody."""
        tenant_of = self._tenant_of
        if tenant_id is None or tenant_of is None:
            self._forget(None, lambda _key: True)
        else:
            self._forget(tenant_id, lambda key: tenant_of(key) == tenant_id)

    def clear(self, chosen: Callable[[K], bool] = lambda _key: True) -> None:
        """Forget the keys chosen; of what others have shared nothing is believed any more."""
        self._forget(None, chosen)

    def settler(self) -> Callable[[int], None] | None:
        """`SharedRows.settler`, where rows are shared."""
        return self._shared.settler() if self._shared else None

    def sweep(self) -> None:
        """Let go of what has expired."""
        with self._lock:
            self._entries.sweep()

    def _forget(self, scope: UUID | None, chosen: Callable[[K], bool]) -> None:
        if self._shared:
            self._shared.distrust(scope)
        with self._lock:
            self._entries.drop(chosen)
            for key in [key for key in self._flights if chosen(key)]:
                del self._flights[key]

    def _claim(
        self,
        wanted: Iterable[K],
        found: dict[K, V | None],
        flight: _Flight[K, V],
        *,
        first: bool = False,
    ) -> tuple[list[K], dict[K, _Flight[K, V]]]:
        """Put what is known into ``found``; (keys for ``flight`` to load, flights of others)."""
        own: list[K] = []
        awaited: dict[K, _Flight[K, V]] = {}
        with self._lock:
            for key in wanted:
                try:
                    found[key] = self._entries[key]
                except KeyError:
                    other = self._flights.setdefault(key, flight)
                    if other is flight:
                        own.append(key)
                    else:
                        awaited[key] = other
            if first:
                self._statistics.misses += len(own)
                self._statistics.hits += len(found) + len(awaited)
        return own, awaited

    def _fly(
        self, flight: _Flight[K, V], own: Sequence[K], load: "Load[K, R]", ttl_s: float
    ) -> dict[K, V | None]:
        """Load the keys, from Redis as far as it has them, and keep what nothing overtook."""
        values: dict[K, V | None] = {}
        ages: dict[K, float] = {}
        try:
            asked_at, shared = self._shared.find(own) if self._shared else (None, {})
            lacking = [key for key in own if key not in shared]
            loaded = self._load(load, lacking) if lacking else {}
            rows = {key: loaded.get(key) for key in lacking}
            if self._shared and asked_at is not None and rows:
                self._shared.keep(rows, asked_at, ttl_s)
            for key, (row, age_s) in shared.items():
                rows[key], ages[key] = row, age_s
            values = {key: None if row is None else self._build(row) for key, row in rows.items()}
            flight.values = values
        finally:
            with self._lock:
                self._statistics.shared_hits += len(ages)
                for key in own:
                    if self._flights.get(key) is flight:
                        del self._flights[key]
                        if key in values:
                            self._entries.put(key, values[key], ttl_s - ages.get(key, 0))
            flight.over.set()
        return values

    def _load_past(self, wanted: Iterable[K], load: "Load[K, R]") -> dict[K, V | None]:
        keys = list(wanted)
        loaded = self._load(load, keys) if keys else {}
        with self._lock:
            self._statistics.misses += len(keys)
        return {key: None if (row := loaded.get(key)) is None else self._build(row) for key in keys}

    def _load(self, load: "Load[K, R]", keys: Sequence[K]) -> Mapping[K, R]:
        with self._lock:
            self._statistics.loads += 1
        return load(keys)


def as_it_is(row: R) -> R:
    """For caches whose values are the rows themselves."""
    return row
