"""``goal``: the contact has done what the journey is for."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from jobs.journeys.decisions import Advance, Decision
from jobs.journeys.facts import Facts
from jobs.journeys.nodes.node import Node


class Goal(Node):
    """Completes the enrollment like ``end``, counted apart from it by its outcome."""

    type: ClassVar[str] = "goal"

    def edges(self) -> Mapping[str, str]:
        return {}

    def evaluate(self, facts: Facts, now: datetime) -> Decision:
        del facts, now
        return Advance("goal")
