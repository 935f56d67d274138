from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from jobs.journeys.nodes.limited_wait import NEVER
from jobs.journeys.nodes.wait_for import WaitFor

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_lengths_add_up():
    node = WaitFor(event="x", next="a", timeout="b", minutes=0.5, hours=2, days=1)
    assert node.length == timedelta(days=1, hours=2, seconds=30)
    assert node.over_at(NOW) == NOW + node.length
    assert WaitFor(event="x", next="a").over_at(NOW) == NEVER


@pytest.mark.parametrize("days", [3661, 1e300])
def test_too_long(days):
    with pytest.raises(ValidationError, match="up to 10 years") as error:
        WaitFor(event="x", next="a", timeout="b", days=days)
    assert error.value.error_count() == 1
