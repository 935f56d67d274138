import pytest
from pydantic import ValidationError

from jobs.journeys.decisions import Advance
from jobs.journeys.nodes.condition import Condition


def branch(value, following):
    return {
        "when": {"field": "attributes.plan", "op": "eq", "value": value},
        "next": following,
    }


NODE = Condition(branches=[branch("a", "x"), branch("b", "y"), branch("a", "z")], default="w")


@pytest.mark.parametrize(
    ("plan", "outcome"),
    [("a", "branch-1"), ("b", "branch-2"), ("c", "default"), (None, "default")],
)
def test_first_branch_that_holds(plan, outcome):
    assert NODE.evaluate({"attributes.plan": plan}, None) == Advance(outcome)


def test_every_outcome_has_its_edge():
    assert NODE.edges() == {"branch-1": "x", "branch-2": "y", "branch-3": "z", "default": "w"}
    assert NODE.inputs() == {"attributes.plan"}


@pytest.mark.parametrize(
    "fields",
    [{"branches": []}, {"branches": [branch("a", "x")] * 101}, {"branches": [{"next": "x"}]}, {}],
)
def test_mistakes(fields):
    with pytest.raises(ValidationError):
        Condition(default="x", **fields)
