from collections import Counter
from datetime import UTC, datetime
from fractions import Fraction
from hashlib import sha256
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from db.queries.journeys.rows import NodeRow
from jobs.journeys.context import BatchContext, place_nodes
from jobs.journeys.decide import RetryPolicy, decide
from jobs.journeys.decisions import Advance
from jobs.journeys.nodes.split import Split
from tests.jobs.journeys.steps import NOW, STEP, step_of

IDS = [uuid5(UUID(int=0), str(n)) for n in range(10_000)]


def split(*weights, seed=None):
    shares = [{"weight": weight, "next": f"n{n}"} for n, weight in enumerate(weights)]
    return Split(branches=shares, seed=seed)


def branch(node, contact_id, key="node"):
    """The outcome the node's own fact leads to."""
    fact = node.computed(key)["branch"](step_of(contact_id), None, "UTC")
    decision = node.evaluate({"branch": fact}, NOW)
    assert isinstance(decision, Advance)
    assert decision.outcome in node.edges()
    return decision.outcome


def slow_branch(node, contact_id, seed):
    """Walk the branches until their part of all weights is past the hash's part of one."""
    left = Fraction(int(sha256(f"{contact_id}:{seed}".encode()).hexdigest(), 16), 16**64)
    total = sum(share.weight for share in node.branches)
    for n, share in enumerate(node.branches, 1):
        left -= Fraction(share.weight, total)
        if left < 0:
            return f"branch-{n}"
    raise AssertionError(left)


weights = st.lists(st.integers(0, 1_000_000), min_size=2, max_size=8).filter(any)


@given(weights, st.uuids(), st.text(min_size=1, max_size=9) | st.none())
def test_branch_is_the_one_a_slow_walk_comes_to(given_weights, contact_id, seed):
    node = split(*given_weights, seed=seed)
    assert branch(node, contact_id, "key") == slow_branch(node, contact_id, seed or "key")


@pytest.mark.parametrize("given_weights", [(50, 50), (90, 10), (1, 1, 1), (70, 0, 29, 1)])
def test_weights_are_met_within_one_percent_of_ten_thousand_contacts(given_weights):
    """Lots are chance, fixed: at halves one seed of twenty is off by more, as dice would be."""
    node = split(*given_weights)
    counts = {key: Counter(branch(node, one, key) for one in IDS) for key in "abcdefghijkl"}
    total = Counter()
    for n, weight in enumerate(given_weights, 1):
        expected = len(IDS) * weight / sum(given_weights)
        off = [abs(count[f"branch-{n}"] - expected) for count in counts.values()]
        assert sum(error <= len(IDS) / 100 for error in off) >= 10, counts
        total[n] = sum(count[f"branch-{n}"] for count in counts.values())
        assert abs(total[n] / len(counts) - expected) <= len(IDS) / 250, counts
        assert weight or not total[n]


def test_same_contact_goes_the_same_way_in_another_entry_and_with_the_same_seed():
    node, again = split(50, 50), split(50, 50)
    other_entry = STEP._replace(journey_contact_id=9, id=99, attempts=3)
    for contact_id in IDS[:100]:
        fact = again.computed("node")["branch"](
            other_entry._replace(contact_id=contact_id), None, "Asia/Tokyo"
        )
        assert fact == branch(node, contact_id)
    seeded = [branch(split(50, 50, seed="s"), one, key) for one in IDS[:100] for key in "ab"]
    assert seeded[::2] == seeded[1::2]
    unseeded = [branch(split(50, 50), one, key) for one in IDS[:100] for key in "ab"]
    assert unseeded[::2] != unseeded[1::2]


def test_branch_that_grows_keeps_its_contacts():
    before = [branch(split(50, 50), contact_id) for contact_id in IDS]
    after = [branch(split(60, 40), contact_id) for contact_id in IDS]
    moved = Counter(zip(before, after, strict=True))
    assert moved["branch-1", "branch-2"] == 0
    assert 900 < moved["branch-2", "branch-1"] < 1100


def test_thousand_steps_are_decided_as_one_group_a_branch():
    config = split(50, 30, 20).model_dump(mode="json")
    edges = split(50, 30, 20).edges()
    rows = [
        NodeRow(UUID(int=1), UUID(int=3), 1, 1, "split", "split", config, edges, is_start=True),
        *(
            NodeRow(UUID(int=1), UUID(int=3), 1, n + 2, f"n{n}", "end", {}, {}, is_start=False)
            for n in range(3)
        ),
    ]
    placed = place_nodes(rows)
    assert not placed[1].reads_contact
    context = BatchContext(placed, {}, {})
    steps = [STEP._replace(id=n, contact_id=one) for n, one in enumerate(IDS[:1000])]
    policy = RetryPolicy(5, NOW - NOW)
    now = datetime(2026, 3, 2, tzinfo=UTC)
    groups = decide(steps, {}, context, policy, now)
    assert len(groups) == 3
    assert {group.next_node_id for group in groups} == {2, 3, 4}
    assert sum(len(group.steps) for group in groups) == 1000


@pytest.mark.parametrize(
    ("branches", "words"),
    [
        ([{"weight": 1, "next": "x"}], "at least 2"),
        ([{"weight": 0, "next": "x"}, {"weight": 0, "next": "y"}], "weight above 0"),
        ([{"weight": -1, "next": "x"}, {"weight": 1, "next": "y"}], "greater than or equal to 0"),
        ([{"weight": 0.5, "next": "x"}, {"weight": 1, "next": "y"}], "valid integer"),
        ([{"next": "x"}, {"weight": 1, "next": "y"}], "required"),
        ([{"weight": 1, "next": "x", "name": "a"}] * 2, "same name"),
        (
            [{"weight": 1, "next": "x", "name": "branch-2"}, {"weight": 1, "next": "x"}],
            "same name",
        ),
    ],
)
def test_mistakes(branches, words):
    with pytest.raises(ValidationError) as caught:
        Split(branches=branches)
    assert words in str(caught.value)
