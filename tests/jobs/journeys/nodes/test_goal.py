from datetime import UTC, datetime

from jobs.journeys.decisions import Advance
from jobs.journeys.nodes.goal import Goal


def test_goal_ends_the_journey_with_an_outcome_of_its_own():
    assert Goal().edges() == {}
    assert Goal().evaluate({}, datetime(2026, 1, 1, tzinfo=UTC)) == Advance("goal")
