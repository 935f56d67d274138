"""What answers mean, over everything a server may say."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.deliveries.answers import LONGEST_WAIT_S, Verdict, backoff_s, judge, storable

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
anything = st.one_of(
    st.binary(max_size=200),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode()),
    st.fixed_dictionaries({"id": st.text() | st.integers(), "error": st.text()}).map(
        lambda value: json.dumps(value).encode()
    ),
)


@given(
    st.integers(100, 599), st.dictionaries(st.just("retry-after"), st.text(max_size=40)), anything
)
def test_every_answer_has_one_meaning(status, headers, content):
    answer = judge(status, headers, content, NOW)

    if answer.verdict is Verdict.SENT:
        assert status in {200, 201, 202}
        assert answer.provider_id is not None
    elif answer.verdict is Verdict.REFUSED:
        assert 400 <= status < 500
        assert status not in {401, 402, 403, 404, 405, 407, 408, 409, 425, 429}
    elif answer.verdict is Verdict.DENIED:
        assert status in {301, 307, 308} or 400 < status < 500
    else:
        assert answer.verdict is Verdict.RETRY
    assert answer.verdict is Verdict.SENT or answer.reason.startswith(f"HTTP {status}")
    assert 0 <= answer.wait_s <= LONGEST_WAIT_S
    for text in (answer.provider_id, answer.reason):
        assert text is None or (text.encode() is not None and "\0" not in text)


@pytest.mark.parametrize(
    ("status", "content", "verdict"),
    [
        (202, b'{"id": "m1"}', Verdict.SENT),
        (200, b'{"id": 7}', Verdict.SENT),
        (200, b"<html>welcome to the hotel</html>", Verdict.RETRY),
        (202, b'{"id": ""}', Verdict.RETRY),
        (301, b"", Verdict.DENIED),
        (302, b"", Verdict.RETRY),
        (307, b"", Verdict.DENIED),
        (308, b"", Verdict.DENIED),
        (400, b"", Verdict.REFUSED),
        (401, b'{"id": "m1"}', Verdict.DENIED),
        (402, b"", Verdict.DENIED),
        (403, b"", Verdict.DENIED),
        (404, b"", Verdict.DENIED),
        (405, b"", Verdict.DENIED),
        (407, b"", Verdict.DENIED),
        (410, b"", Verdict.REFUSED),
        (413, b"", Verdict.REFUSED),
        (422, b'{"error": "no such number"}', Verdict.REFUSED),
        (408, b"", Verdict.RETRY),
        (409, b"", Verdict.RETRY),
        (425, b"", Verdict.RETRY),
        (429, b"", Verdict.RETRY),
        (500, b"", Verdict.RETRY),
        (503, b"[" * 100_000, Verdict.RETRY),
    ],
)
def test_known_answers(status, content, verdict):
    assert judge(status, {}, content, NOW).verdict is verdict


@given(st.integers(-(10**6), 10**6))
def test_retry_after_in_seconds_or_as_a_date(seconds):
    as_number = judge(429, {"retry-after": str(seconds)}, b"", NOW)
    date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    as_date = judge(503, {"retry-after": date}, b"", NOW)

    assert as_number.wait_s == as_date.wait_s == min(max(seconds, 0), LONGEST_WAIT_S)


@pytest.mark.parametrize("number", ["+15550001234", "15550001234", "+1 (555) 000-1234"])
def test_numbers_are_masked(number):
    reason = judge(422, {}, json.dumps({"error": f"{number} is blocked"}).encode(), NOW).reason

    assert reason == "HTTP 422: …34 is blocked"


@given(st.text(max_size=500))
def test_foreign_text_is_made_storable(text):
    kept = storable(text)

    kept.encode()
    assert "\0" not in kept
    assert "\n" not in kept
    assert len(kept) <= 200


@given(st.integers(1, 10_000), st.floats(0.01, 60))
def test_backoff_doubles_and_is_bounded(attempts, base_s):
    assert backoff_s(1, base_s) == base_s
    assert backoff_s(attempts, base_s) <= backoff_s(attempts + 1, base_s) <= LONGEST_WAIT_S
