"""Against brute force over all simple cycles and paths of small graphs."""

from hypothesis import given
from hypothesis import strategies as st

from jobs.journeys.graph import endless_cycles, heads, unreachable

NAMES = "abcdef"


@st.composite
def graphs(draw):
    names = NAMES[: draw(st.integers(1, len(NAMES)))]
    targets = st.lists(st.sampled_from(names + "?"), unique=True, max_size=4)
    return {name: draw(targets) for name in draw(st.permutations(names))}


def simple_paths(start, edges):
    """Every path from ``start`` that visits no node twice, longest prefix included."""
    paths = [[start]]
    for path in paths:
        paths += [[*path, to] for to in edges.get(path[-1], ()) if to not in path]
    return paths


def simple_cycles(edges):
    return [
        path
        for start in edges
        for path in simple_paths(start, edges)
        if start in edges.get(path[-1], ())
    ]


@given(graphs())
def test_unreachable_is_what_no_simple_path_ends_in(edges):
    start = next(iter(edges))
    ends = {path[-1] for path in simple_paths(start, edges)}
    assert unreachable(start, edges) == [node for node in edges if node not in ends]


@given(graphs(), st.sets(st.sampled_from(NAMES)))
def test_endless_cycles_cover_every_cycle_without_a_wait(edges, waiting):
    endless = [cycle for cycle in simple_cycles(edges) if not waiting & set(cycle)]
    found = endless_cycles(edges, waiting)
    order = list(edges)

    for cycle in found:
        assert cycle in endless
        assert cycle[0] == min(cycle, key=order.index)
    members = [node for cycle in found for node in cycle]
    assert len(members) == len(set(members))
    assert all(set(members) & set(cycle) for cycle in endless)


@given(graphs())
def test_heads_are_the_fewest_nodes_that_lead_to_all_cut_off(edges):
    cut_off = unreachable(next(iter(edges)), edges)
    found = heads(cut_off, edges)
    told = [node for head, rest in found.items() for node in (head, *rest)]
    assert sorted(told) == sorted(cut_off)
    for head in found:
        ends = {path[-1] for other in found if other != head for path in simple_paths(other, edges)}
        assert head not in ends


def test_long_chain_and_large_ring_need_no_recursion():
    ring = {str(n): [str((n + 1) % 5000)] for n in range(5000)}
    assert endless_cycles(ring, ()) == [[str(n) for n in range(5000)]]
    assert unreachable("0", ring) == []
