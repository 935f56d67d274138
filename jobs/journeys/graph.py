"""What can be wrong with a journey as a graph; pure."""

from collections.abc import Collection, Mapping, Sequence

Edges = Mapping[str, Collection[str]]


def unreachable(start: str, edges: Edges) -> list[str]:
    """Nodes that no path from ``start`` comes to, in order. ``edges``: node → its next nodes."""
    seen = reached(start, edges)
    return [node for node in edges if node not in seen]


def reached(start: str, edges: Edges) -> set[str]:
    """``start`` and all nodes that paths from it come to."""
    seen = {start}
    open_nodes = [start]
    while open_nodes:
        fresh = set(edges.get(open_nodes.pop(), ())) - seen
        seen |= fresh
        open_nodes.extend(fresh)
    return seen


def on_cycles(edges: Edges) -> set[str]:
    """Nodes to which some path leads back."""
    return {
        node for node, targets in edges.items() if any(node in reached(t, edges) for t in targets)
    }


def heads(nodes: Sequence[str], edges: Edges) -> dict[str, list[str]]:
    """The fewest of ``nodes`` whose paths come to all of them, each with those it comes to.

    ``nodes`` are cut off from all others: no edge from outside leads to them.
    """
    reach = {node: reached(node, edges) for node in nodes}
    found: dict[str, list[str]] = {}
    left = dict.fromkeys(nodes)
    for node in nodes:
        first = all(other in reach[node] for other in nodes if node in reach[other])
        if first and node in left:
            found[node] = [other for other in left if other in reach[node] and other != node]
            left = {other: None for other in left if other not in reach[node]}
    return found


def endless_cycles(edges: Edges, waiting: Collection[str]) -> list[list[str]]:
    """Cycles in which no node waits: a contact would run round them for ever.

    They share no node, and every other such cycle shares one with them. Each starts at its first
    node in order of ``edges``.
    """
    cycles: list[list[str]] = []
    # Nodes of a cycle already found are left out like those that wait.
    busy = {node: targets for node, targets in edges.items() if node not in waiting}
    for node in edges:
        cycle = _path_back(node, busy) if node in busy else []
        if cycle:
            cycles.append(cycle)
            for member in cycle:
                del busy[member]
    return cycles


def _path_back(node: str, edges: Edges) -> list[str]:
    """Shortest path from a node back to itself, by breadth-first search; empty if there is none."""
    before: dict[str, str] = {}
    wave = [node]
    while wave:
        following = []
        for at in wave:
            for target in edges[at]:
                if target == node:
                    return _trace(node, at, before)
                if target in edges and target not in before:
                    before[target] = at
                    following.append(target)
        wave = following
    return []


def _trace(start: str, last: str, before: Mapping[str, str]) -> list[str]:
    path = [last]
    while path[-1] != start:
        path.append(before[path[-1]])
    return path[::-1]
