"""``enroll``: the contact enters another journey, and goes on in this one."""

from datetime import datetime
from typing import ClassVar

from jobs.journeys.decisions import Advance, Decision, EnterJourney
from jobs.journeys.facts import Facts
from jobs.journeys.nodes.linear import LinearNode
from jobs.journeys.nodes.node import NodeKey


class Enroll(LinearNode):
    """Enters the contact into ``journey``, as that one's reentry allows.

    One who may not enter (again), or is not to be contacted, just goes on. A journey that is
    unknown or not active fails the step.
    """

    type: ClassVar[str] = "enroll"

    journey: NodeKey

    def evaluate(self, facts: Facts, now: datetime) -> Decision:
        del facts, now
        return Advance("next", effects=(EnterJourney(self.journey),))
