"""What takes contacts out of a journey wherever they stand: its exit tests and its goal.

They are the journey's, not a version's: those of the file applied last hold for everybody in it.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from jobs.journeys.decisions import EXIT, GOAL, Advance
from jobs.journeys.facts import Facts
from jobs.journeys.nodes.comparison import Test


class Exits(BaseModel):
    """``exit``: tests of which any one takes a contact out; ``goal``: one that completes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    exit: tuple[Test, ...] = ()
    goal: Test | None = None

    def facts(self) -> frozenset[str]:
        """Names of the facts that the tests look at."""
        tests = (*self.exit, *((self.goal,) if self.goal else ()))
        return frozenset().union(*(test.facts() for test in tests))

    def leave(self, facts: Facts) -> Advance | None:
        """How the contact leaves, the goal before any exit; None where it stays."""
        if self.goal is not None and self.goal.holds(facts):
            return Advance(GOAL, "SKIPPED")
        for n, test in enumerate(self.exit, 1):
            if test.holds(facts):
                return Advance(EXIT, "SKIPPED", result={"exit": n})
        return None


def read_exits(raw: Mapping[str, Any] | None) -> Exits | None:
    """What the database keeps of a journey file; None where it names neither."""
    if raw is None:
        return None
    return Exits.model_validate({name: value for name, value in raw.items() if value is not None})
