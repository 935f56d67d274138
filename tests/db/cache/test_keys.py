from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.cache.keys import cache_key

TENANT = UUID(int=1)


def test_key_reads_by_name_and_arguments():
    key = cache_key("agents", TENANT, "open", limit=20, after=None)
    assert key == f"agents:{TENANT}:open:after==null:limit==20"


def test_order_of_named_arguments_does_not_matter():
    assert cache_key("a", x=1, y=2) == cache_key("a", y=2, x=1)


PARTS = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-3, 3),
        st.floats(0.5, 1.5),
        st.text(st.sampled_from("a1:=*,()~%nul"), max_size=4),
        st.sampled_from([date(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC)]),
    ),
    lambda parts: st.lists(parts, max_size=3).map(tuple),
    max_leaves=4,
)
ARGUMENTS = st.tuples(
    st.sampled_from(["a", "b:"]),
    st.lists(PARTS, max_size=3).map(tuple),
    st.dictionaries(st.sampled_from(["a", "b"]), PARTS, max_size=2),
)


@given(ARGUMENTS, ARGUMENTS)
def test_no_two_alike(one, other):
    keys = [cache_key(name, *args, **kwargs) for name, args, kwargs in (one, other)]
    assert (keys[0] == keys[1]) == (repr(one) == repr(other) or _same(one, other))


def _same(one, other):
    """Equal but for the order of named arguments; True is not 1 here."""
    return (one[0], repr(one[1]), sorted(map(repr, one[2].items()))) == (
        other[0],
        repr(other[1]),
        sorted(map(repr, other[2].items())),
    )


def test_what_has_no_text_is_refused():
    with pytest.raises(TypeError, match="object"):
        cache_key("a", object())
