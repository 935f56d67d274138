"""``split``: a weighted share of the contacts down each branch."""

from bisect import bisect_right
from collections.abc import Mapping
from datetime import datetime
from itertools import accumulate
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from db.queries.journeys.rows import ContactRow, StepRow
from jobs.journeys.decisions import Advance, Decision
from jobs.journeys.facts import FactReader, Facts
from jobs.journeys.lots import draw
from jobs.journeys.nodes.node import Node, NodeKey

_BRANCH = "branch"


class Share(BaseModel):
    """``{weight: 70, next: NODE}``, with a ``name`` for the outcome if it shall have one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weight: int = Field(ge=0, le=1_000_000)
    next: NodeKey
    name: NodeKey | None = None


class Split(Node):
    """Sends each contact down a branch by lot; outcomes are the branches' names, or ``branch-1`` ….

    A contact's lot rests on the contact and the ``seed`` alone, so it goes the same way again on
    a retry, a second entry or in another journey with that seed. Without a seed the node's name is
    it. A branch that grows keeps its contacts and takes over some of the next one's.
    """

    type: ClassVar[str] = "split"

    branches: Annotated[tuple[Share, ...], Field(min_length=2, max_length=100)]
    seed: str | None = Field(None, min_length=1, max_length=200)

    @model_validator(mode="after")
    def _adds_up(self) -> "Split":
        if not any(branch.weight for branch in self.branches):
            raise ValueError("give at least one branch a weight above 0")
        if len(self.edges()) < len(self.branches):
            raise ValueError("two branches have the same name")
        return self

    def edges(self) -> Mapping[str, str]:
        return {
            branch.name or f"branch-{n}": branch.next for n, branch in enumerate(self.branches, 1)
        }

    def inputs(self) -> frozenset[str]:
        return frozenset({_BRANCH})

    def computed(self, key: str) -> Mapping[str, FactReader]:
        # The outcome itself is the fact, so that a batch is evaluated once for each branch.
        outcomes = list(self.edges())
        ends = list(accumulate(branch.weight for branch in self.branches))
        seed = key if self.seed is None else self.seed

        def branch(step: StepRow, _contact: ContactRow | None, _zone: str) -> str:
            return outcomes[bisect_right(ends, draw(step.contact_id, seed, ends[-1]))]

        return {_BRANCH: branch}

    def evaluate(self, facts: Facts, now: datetime) -> Decision:
        del now
        return Advance(facts[_BRANCH])
