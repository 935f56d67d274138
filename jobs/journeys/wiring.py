"""How the nodes of a journey file hang together, told even where some have mistakes.

One mistake shall not look like several: a node with mistakes leads to every node it names, and
an edge that is missing is taken to lead on to the node that follows in the file.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from jobs.journeys.graph import endless_cycles, heads, unreachable

_EDGE_FIELDS = frozenset({"next", "default"})
# What it holds is a document of the file's own, whatever the names in it.
_DOCUMENT_FIELD = "payload"


@dataclass(frozen=True)
class Wires:
    """What leads out of a node: ``targets`` as they are named, ``missing`` edges, may it wait."""

    targets: Sequence[str]
    missing: int = 0
    waits: bool = False


def named_edges(config: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[Any, str]]:
    """(place, node named) of every field of a node's config that is an edge by its name."""
    if isinstance(config, dict):
        for name, value in config.items():
            if name in _EDGE_FIELDS and isinstance(value, str):
                yield (*place, name), value
            elif name != _DOCUMENT_FIELD:
                yield from named_edges(value, (*place, name))
    elif isinstance(config, list):
        for n, value in enumerate(config):
            yield from named_edges(value, (*place, n))


def words(value: Any) -> list[str]:
    """Every text in a node's config."""
    if isinstance(value, dict):
        return [word for item in value.values() for word in words(item)]
    if isinstance(value, list):
        return [word for item in value for word in words(item)]
    return [value] if isinstance(value, str) else []


def wiring_problems(start: str | None, wires: Mapping[str, Wires]) -> list[str]:
    """Nodes that nothing leads to, and cycles without a wait. ``start`` None: not known."""
    problems = []
    if start is not None and start in wires:
        guessed = {key: _guessed(key, wires) for key in wires}
        for head, rest in heads(unreachable(start, guessed), guessed).items():
            after = f", nor to {', '.join(map(repr, rest))} after it" if rest else ""
            problems.append(f"node {head!r}: no path from {start!r} comes here{after}")
    waiting = {key for key, wire in wires.items() if wire.waits}
    problems += [
        f"node {cycle[0]!r}: the cycle {' → '.join([*cycle, cycle[0]])} has no node that waits"
        for cycle in endless_cycles({key: wire.targets for key, wire in wires.items()}, waiting)
    ]
    return problems


def _guessed(key: str, wires: Mapping[str, Wires]) -> list[str]:
    """Where a node leads, with a likely target for each edge that leads nowhere."""
    wire = wires[key]
    targets = [target for target in wire.targets if target in wires]
    missing = wire.missing
    for lost in (target for target in wire.targets if target not in wires):
        close = get_close_matches(lost, wires, 1)
        targets += close
        missing += not close
    order = list(wires)
    following = [other for other in order[order.index(key) + 1 :] if other not in targets]
    return targets + following[:missing]
