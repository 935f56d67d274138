from hypothesis import given
from hypothesis import strategies as st

from jobs.imports.duplicates import LastPhones, SeenPhones


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


@given(st.lists(st.integers(12125550000, 12125550030)))
def test_the_last_of_each_number_is_known_on_the_second_way_through(numbers):
    phones = LastPhones()
    for number in numbers:
        phones.count(f"+{number}")
    met = [phones.meet(f"+{number}") for number in numbers]
    assert met == [number not in numbers[at + 1 :] for at, number in enumerate(numbers)]


def test_counts_survive_growth():
    phones = LastPhones()
    numbers = [f"+{12120000000 + 7 * n}" for n in range(5_000)]
    for number in numbers * 3:
        phones.count(number)
    assert not any(map(phones.meet, numbers * 2))
    assert all(map(phones.meet, numbers))
