from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from jobs.calls.merge.zones import local_epoch

BERLIN = ZoneInfo("Europe/Berlin")


def test_a_local_time_is_read_in_its_zone():
    assert local_epoch("2026-11-22 02:46:01", BERLIN, 0) == 1795311961.0
    assert local_epoch("2026-11-22 01:46:01", ZoneInfo("UTC"), 0) == 1795311961.0


def test_of_an_hour_that_comes_twice_the_nearer_is_meant():
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC).timestamp()
    assert local_epoch("2026-10-25 02:30:00", BERLIN, first + 60) == first
    assert local_epoch("2026-10-25 02:30:00", BERLIN, first + 3000) == first + 3600


def test_what_is_no_time_is_none():
    assert local_epoch("", BERLIN, 0) is None
    assert local_epoch("soon", BERLIN, 0) is None
