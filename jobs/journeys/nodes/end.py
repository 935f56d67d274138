"""``end``: the contact has come to the end of the journey."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from jobs.journeys.decisions import Advance, Decision
from jobs.journeys.facts import Facts
from jobs.journeys.nodes.node import Node


class End(Node):
    """Completes the enrollment."""

    type: ClassVar[str] = "end"

    def edges(self) -> Mapping[str, str]:
        return {}

    def evaluate(self, facts: Facts, now: datetime) -> Decision:
        del facts, now
        return Advance("end")
