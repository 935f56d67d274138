"""``condition``: the first branch whose test holds, else the default."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from jobs.journeys.decisions import Advance, Decision
from jobs.journeys.facts import Facts
from jobs.journeys.nodes.comparison import Test
from jobs.journeys.nodes.node import Node, NodeKey

DEFAULT = "default"


class Branch(BaseModel):
    """``{when: TEST, next: NODE}``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    when: Test
    next: NodeKey


class Condition(Node):
    """Sends each contact down one branch; outcomes are ``branch-1`` … in order, and ``default``."""

    type: ClassVar[str] = "condition"

    branches: Annotated[tuple[Branch, ...], Field(min_length=1, max_length=100)]
    default: NodeKey

    def edges(self) -> Mapping[str, str]:
        numbered = {f"branch-{n}": branch.next for n, branch in enumerate(self.branches, 1)}
        return {**numbered, DEFAULT: self.default}

    def inputs(self) -> frozenset[str]:
        return frozenset().union(*(branch.when.facts() for branch in self.branches))

    def evaluate(self, facts: Facts, now: datetime) -> Decision:
        del now
        for n, branch in enumerate(self.branches, 1):
            if branch.when.holds(facts):
                return Advance(f"branch-{n}")
        return Advance(DEFAULT)
