from hypothesis import given
from hypothesis import strategies as st

from jobs.imports.duplicates import SeenPhones


@given(st.lists(st.integers(10**6, 10**15 - 1) | st.integers(12125550000, 12125550030)))
def test_numbers_met_before_are_known(numbers):
    seen, reference = SeenPhones(), set()
    for number in numbers:
        assert seen.add(f"+{number}") == (number not in reference)
        reference.add(number)
    assert len(seen) == len(reference)


def test_it_grows():
    seen = SeenPhones()
    assert all(seen.add(f"+{12120000000 + 7 * n}") for n in range(20_000))
    assert not any(seen.add(f"+{12120000000 + 7 * n}") for n in range(20_000))
    assert len(seen) == 20_000
