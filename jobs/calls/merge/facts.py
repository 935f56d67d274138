"""What is known of one call: facts that come together in any order, any number of times.

A fact is a key ``kind|names`` and a value that begins with a time. Of two values of one key the
earlier is kept, of a few kinds the later; so joining is commutative, associative and idempotent,
and whatever is computed from the facts alone is the same however events were shuffled, doubled and
split. Facts are plain JSON.
"""

import re
from collections.abc import Mapping
from typing import Any

Value = list[Any]
Facts = dict[str, Value]

# Of these the latest value is kept: where a channel stood last, when it left, what came last.
LATEST = frozenset({"at", "out", "last", "lost", "arrival"})
# Facts of one kind that a call may have; a call that goes round for days stays bounded.
MOST = 100

_UNIQUE_ID = re.compile(r"(\d+)\.(\d+)$")


def add(facts: Facts, kind: str, key: str, value: Value) -> None:
    """Join one fact in; ``key`` is ``kind|names``."""
    known = facts.get(key)
    if known is None or (value > known if kind in LATEST else value < known):
        facts[key] = value


def join(into: Facts, other: Mapping[str, Value]) -> Facts:
    """Join other facts of the same call in; returns ``into``, bounded."""
    for key, value in other.items():
        add(into, key.partition("|")[0], key, value)
    return bound(into)


def bound(facts: Facts) -> Facts:
    """Keep at most ``MOST`` facts of a kind, chosen by their keys alone, so that order is nothing.

    Channels, dials and bridges are kept from the first on, marks from the last back.
    """
    if len(facts) <= MOST:
        return facts
    kinds: dict[str, list[str]] = {}
    for key in facts:
        kinds.setdefault(key.partition("|")[0], []).append(key)
    for kind, keys in kinds.items():
        if len(keys) > MOST:
            keys.sort(key=_mark_order if kind == "mark" else _channel_order)
            for key in keys[MOST:]:
                del facts[key]
    return facts


def uid_order(unique_id: str) -> tuple[int, int, str]:
    """Channels in the order they were made: a Uniqueid is ``[systemname-]epoch.number``."""
    found = _UNIQUE_ID.search(unique_id)
    return (int(found[1]), int(found[2]), unique_id) if found else (0, 0, unique_id)


def epoch(unique_id: str) -> float | None:
    """The second in which the channel was made, if the Uniqueid is one of Asterisk's own."""
    found = _UNIQUE_ID.search(unique_id)
    return float(found[1]) if found else None


def _channel_order(key: str) -> tuple[tuple[int, int, str], str]:
    return uid_order(key.partition("|")[2]), key


def _mark_order(key: str) -> float:
    return -float(key.split("|", 2)[1])


def by_kind(facts: Mapping[str, Value]) -> dict[str, list[tuple[str, Value]]]:
    """Kind → (names, value) of its facts, in order of the names."""
    kinds: dict[str, list[tuple[str, Value]]] = {}
    for key in sorted(facts):
        kind, _, names = key.partition("|")
        kinds.setdefault(kind, []).append((names, facts[key]))
    return kinds
