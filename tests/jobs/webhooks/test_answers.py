import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from jobs.webhooks.answers import KEPT_BYTES, Answer, Verdict, judge, readable

NASTY = [
    b'{"a": "\\u0000b"}',
    b'{"a\\u0000": 1}',
    b'"\\ud83d"',
    b'{"\\udc00": ["\\ud83d\\u0000"]}',
    b"1e400",
    b"[1e22, -0.0, 1e-400]",
    b"NaN",
    b'{"a": Infinity}',
    b"1" * 4000,
    b"[" * 1000 + b"]" * 1000,
    b"[" * 5000,
    b'{"a": 1, "a": 2}',
    b"\xff\xfe",
    '{"name": "Zoë ☎"}'.encode(),
    "{}".encode("utf-16"),
    b"",
    b"null",
]


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, Verdict.SUCCESS),
        (204, Verdict.SUCCESS),
        (299, Verdict.SUCCESS),
        (300, Verdict.REFUSED),
        (301, Verdict.REFUSED),
        (302, Verdict.REFUSED),
        (303, Verdict.REFUSED),
        (304, Verdict.REFUSED),
        (400, Verdict.REFUSED),
        (404, Verdict.REFUSED),
        (408, Verdict.FAILED),
        (422, Verdict.REFUSED),
        (425, Verdict.FAILED),
        (429, Verdict.FAILED),
        (500, Verdict.FAILED),
        (503, Verdict.FAILED),
        (599, Verdict.FAILED),
        (600, Verdict.REFUSED),
    ],
)
def test_what_a_status_means(status, verdict):
    error = None if verdict is Verdict.SUCCESS else f"HTTP {status}"
    assert judge(status, b'{"id": 7}') == Answer(verdict, status, {"id": 7}, error)


@given(st.integers(100, 999), st.binary(max_size=200))
def test_every_answer_means_something(status, content):
    assert isinstance(judge(status, content).verdict, Verdict)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(-1e9, 1e9)
        | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
            inner, max_size=3,
        ),
        max_leaves=10,
    )
)  # fmt: skip
def test_an_ordinary_json_answer_is_kept_as_it_is(value):
    assert readable(json.dumps(value).encode()) == value


def test_too_much_is_not_kept():
    longest = b'"' + b"x" * (KEPT_BYTES - 2) + b'"'
    assert readable(longest) == "x" * (KEPT_BYTES - 2)
    assert readable(longest + b" ") is None
    assert readable(b"[" * 20 + b"1" + b"]" * 20) is not None
    assert readable(b"[" * 22 + b"1" + b"]" * 22) is None
    assert readable(b"1e400") is None
    assert readable(b"<html>") is None


def test_what_is_kept_any_database_takes(database):
    with database.transaction() as connection:
        for content in NASTY:
            kept = readable(content)
            ((stored,),) = connection.execute("SELECT %s::jsonb", [Jsonb(kept)]).fetchall()
            assert stored == kept, content
