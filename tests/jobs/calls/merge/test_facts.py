from hypothesis import given
from hypothesis import strategies as st

from jobs.calls.merge.facts import LATEST, MOST, bound, by_kind, epoch, join, uid_order

KINDS = ["leg", "up", "hangup", "at", "out", "in", "mark"]
MOMENTS = st.integers(0, 9).map(float)


@st.composite
def facts(draw):
    found = {}
    for _ in range(draw(st.integers(0, 12))):
        kind = draw(st.sampled_from(KINDS))
        uid = f"17953119{draw(st.integers(50, 53))}.{draw(st.integers(0, 3))}"
        moment = draw(MOMENTS)
        key = f"mark|{moment:.6f}|{uid}" if kind == "mark" else f"{kind}|{uid}"
        found[key] = [moment] if kind == "mark" else [moment, draw(st.sampled_from("ab"))]
    return found


@given(facts(), facts(), facts())
def test_joining_knows_no_order_no_groups_and_no_repetition(a, b, c):
    together = join(join(dict(a), b), c)
    assert join(join(dict(c), b), a) == together
    assert join(dict(a), join(dict(b), c)) == together
    assert join(dict(together), b) == together


@given(st.permutations(range(2 * MOST)), st.integers(1, 2 * MOST))
def test_a_bounded_call_keeps_the_same_facts_in_any_order(order, batch):
    every = {}
    for number in range(2 * MOST):
        every[f"up|1795311959.{number}"] = [float(number)]
        every[f"mark|{number:.6f}|x"] = [float(number)]
    keys = [key for number in order for key in list(every)[2 * number : 2 * number + 2]]
    joined = {}
    for start in range(0, len(keys), batch):
        join(joined, {key: every[key] for key in keys[start : start + batch]})
    assert joined == bound(dict(every))
    assert {key for key in joined if key.startswith("up")} == {
        f"up|1795311959.{number}" for number in range(MOST)
    }
    assert f"mark|{2 * MOST - 1:.6f}|x" in joined
    assert len(joined) == 2 * MOST


def test_the_earlier_value_wins_but_for_a_few_kinds():
    assert join({"up|1.0": [2.0]}, {"up|1.0": [1.0]}) == {"up|1.0": [1.0]}
    assert "at" in LATEST
    assert join({"at|1.0": [2.0, "x"]}, {"at|1.0": [1.0, "y"]}) == {"at|1.0": [2.0, "x"]}


def test_uniqueids_have_an_order_and_an_epoch():
    uids = ["1795311959.10", "pbx-a-1795311959.2", "1795311958.30", "named-by-us"]
    assert sorted(uids, key=uid_order) == [uids[3], uids[2], uids[1], uids[0]]
    assert epoch("pbx-a-1795311959.2") == 1795311959.0
    assert epoch("named-by-us") is None


def test_facts_by_kind():
    found = by_kind({"up|b": [2.0], "up|a": [1.0], "last|": [3.0]})
    assert found == {"up": [("a", [1.0]), ("b", [2.0])], "last": [("", [3.0])]}
