from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from jobs.journeys.nodes.comparison import Comparison, Test

ANY = TypeAdapter(Test)
ORDERED = ["eq", "ne", "lt", "le", "gt", "ge"]
DAY = datetime(2026, 3, 2, tzinfo=UTC)


def holds(fact, op, value=None):
    return Comparison(field="attributes.x", op=op, value=value).holds({"attributes.x": fact})


def signs(fact, value):
    """The ordering operators that hold."""
    return {op for op in ORDERED if holds(fact, op, value)}


EQUAL, LESS, MORE, OTHER = {"eq", "le", "ge"}, {"ne", "lt", "le"}, {"ne", "gt", "ge"}, {"ne"}


@pytest.mark.parametrize(
    ("fact", "value", "expected"),
    [
        (5, 5, EQUAL),
        (5, 5.0, EQUAL),
        ("5", 5, EQUAL),
        (" 5.0 ", 5, EQUAL),
        ("1e1", 9, MORE),
        (".5", 1, LESS),
        ("-3", 2, LESS),
        ("10", 9, MORE),  # as texts it would be less
        ("five", 5, OTHER),
        ("1_000", 1000, OTHER),
        ("nan", 5, OTHER),
        ("inf", 5, OTHER),
        (2**53 + 1, 2**53, MORE),  # as floats they would be equal
        (str(2**53 + 1), 2**53, MORE),
        (10**400, 5, MORE),
        ("9" * 400, 5.5, MORE),
        (DAY, 5, OTHER),
        ([5], 5, OTHER),
        ({"a": 1}, 5, OTHER),
        (None, 5, OTHER),
        ("", 5, OTHER),
        (True, True, EQUAL),
        ("yes", True, EQUAL),
        ("TRUE", True, EQUAL),
        (1, True, EQUAL),
        (False, "no", EQUAL),
        (True, False, MORE),
        ("maybe", True, OTHER),
        (2, True, OTHER),
        ("pro", "pro", EQUAL),
        (" Pro ", "pRO", EQUAL),
        ("STRASSE", "straße", EQUAL),
        ("basic", "pro", LESS),
        (5, "5", EQUAL),
        (["vip"], "vip", OTHER),
        (["vip"], "['vip']", OTHER),
        (["vip"], "zzz", OTHER),
        ({"a": 1}, "zzz", OTHER),
        (DAY, "zzz", OTHER),
        (None, "pro", OTHER),
        ("", "pro", OTHER),
        (DAY, "2026-03-02", EQUAL),
        ("2026-03-02", "2026-03-02", EQUAL),
        ("2026-03-02T00:00:00+00:00", "2026-03-02", EQUAL),
        ("2026-03-02T01:00+01:00", "2026-03-02", EQUAL),
        (DAY, date(2026, 3, 3), LESS),
        (DAY.astimezone(timezone(timedelta(hours=9))), DAY, EQUAL),
        ("2026-03-01", "2026-03-02T10:00", LESS),
        ("soon", "2026-03-02", OTHER),
        (20260302, "2026-03-02", OTHER),
        ("2026-99-99", "2026-99-99", EQUAL),  # no date, so a text
    ],
)
def test_value_says_how_the_fact_is_read(fact, value, expected):
    assert signs(fact, value) == expected


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(),
    st.dates().map(str), st.datetimes(timezones=st.just(UTC)), st.lists(st.text(), max_size=2),
    st.dictionaries(st.text(), st.integers(), max_size=2),
    st.sampled_from(["1", "1.0", "true", "0", "2026-03-02", "-1e999"]),
)  # fmt: skip
VALUES = st.one_of(st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.dates())


@given(SCALARS, VALUES)
def test_two_things_are_equal_or_ordered_or_of_other_types(fact, value):
    assert signs(fact, value) in (EQUAL, LESS, MORE, OTHER)


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False), VALUES)
def test_number_written_as_text_compares_like_the_number(number, value):
    if isinstance(value, int | float) and not isinstance(value, bool):
        assert signs(repr(number), value) == signs(number, value)


@given(SCALARS, st.lists(VALUES, min_size=1, max_size=4))
def test_in_is_equal_to_one(fact, values):
    assert holds(fact, "in", values) == any(holds(fact, "eq", value) for value in values)


@pytest.mark.parametrize(
    ("fact", "op", "value", "expected"),
    [
        ("Pro plus", "contains", "PLUS", True),
        (["VIP", 5], "contains", "vip", True),
        (["VIP", 5], "contains", 5, True),
        (["VIP"], "contains", "vi", False),
        ({"vip": 1}, "contains", "vip", False),
        (DAY, "contains", "2026", False),
        (None, "contains", "", False),
        (5551234, "contains", "123", True),
        ("Pro plus", "starts_with", "pro", True),
        ("Pro plus", "starts_with", "plus", False),
        (["pro"], "starts_with", "[", False),
        (DAY, "starts_with", "2026", False),
        (None, "starts_with", "N", False),
        (5551234, "starts_with", 555, True),
        ("x", "is_set", None, True),
        (0, "is_set", None, True),
        (False, "is_set", None, True),
        ("", "is_set", None, False),
        ([], "is_set", None, False),
        (None, "is_set", None, False),
        (None, "is_not_set", None, True),
        ({}, "is_not_set", None, True),
    ],
)
def test_other_operators(fact, op, value, expected):
    assert holds(fact, op, value) is expected


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"field": "nope", "op": "eq", "value": 1}, "unknown field 'nope'"),
        ({"field": "email", "op": "like", "value": 1}, "'eq', 'ne'"),
        ({"field": "email", "op": "eq"}, "one value"),
        ({"field": "email", "op": "eq", "value": []}, "one value"),
        ({"field": "email", "op": "in", "value": "x"}, "in takes a list"),
        ({"field": "email", "op": "in", "value": []}, "in takes a list"),
        ({"field": "email", "op": "in", "value": [None]}, "list of texts"),
        ({"field": "email", "op": "is_set", "value": 1}, "takes no value"),
        ({"field": "email", "op": "is_set", "values": 1}, "not permitted"),
        ({"all": []}, "at least 1"),
        ({"any": []}, "at least 1"),
        ({"all": [], "field": "email"}, ""),
        ("email", "expected {field, op, value}"),
        ([], "expected {field, op, value}"),
    ],
)
def test_mistakes(raw, words):
    with pytest.raises(ValidationError) as caught:
        ANY.validate_python(raw)
    assert words in str(caught.value)


YES = {"field": "email", "op": "is_set"}
NO = {"field": "email", "op": "is_not_set"}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"all": [YES, YES]}, True),
        ({"all": [YES, NO]}, False),
        ({"any": [NO, YES]}, True),
        ({"any": [NO, NO]}, False),
        ({"all": [YES, {"any": [NO, {"all": [YES]}]}]}, True),
    ],
)
def test_all_and_any(raw, expected):
    test = ANY.validate_python(raw)
    assert test.facts() == {"email"}
    assert test.holds({"email": "a@x.org"}) is expected
