from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from benchmarks.seeding import noon_zone


@pytest.mark.parametrize("hour", range(24))
def test_it_is_noon_there_at_any_hour(hour):
    now = datetime(2026, 3, 29, hour, 30, tzinfo=UTC)
    assert now.astimezone(ZoneInfo(noon_zone(hour))).hour == 12
