import hashlib
import hmac
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from jobs.webhooks.signatures import signature


def test_a_receiver_checks_it_as_the_readme_says():
    header = signature("opensesame", b'{"a": 1}', datetime(2026, 3, 2, tzinfo=UTC))

    moment, given_hex = (part.split("=", 1)[1] for part in header.split(","))
    expected = hmac.new(b"opensesame", f'{moment}.{{"a": 1}}'.encode(), hashlib.sha256)
    assert moment == "1772409600"
    assert given_hex == expected.hexdigest()


@given(st.binary(), st.binary(), st.text(min_size=1), st.datetimes(timezones=st.just(UTC)))
def test_another_body_has_another_signature(body, other, secret, now):
    same = signature(secret, body, now) == signature(secret, other, now)
    assert same is (body == other)
