import pytest

from benchmarks.timing import alternate, median, percentile, ratio, wait_until


def test_every_side_is_measured_once_a_round_and_begins_one_in_turn():
    order = []

    def side(name):
        return lambda: order.append(name) or float(len(order))

    figures = alternate({"a": side("a"), "b": side("b")}, 3)
    assert order == ["a", "b", "b", "a", "a", "b"]
    assert figures == {"a": [1, 4, 5], "b": [2, 3, 6]}
    assert median(figures["a"]) == 4


@pytest.mark.parametrize(
    ("share", "expected"), [(0.99, 99), (1, 100), (0.5, 50), (0.01, 1), (0, 1)]
)
def test_a_percentile_is_the_smallest_value_not_exceeded_by_the_share(share, expected):
    assert percentile(list(range(100, 0, -1)), share) == expected


def test_a_ratio_is_taken_round_by_round():
    assert ratio([10, 1, 8], [20, 2, 2]) == 0.5


def test_waiting_ends_with_an_error():
    with pytest.raises(TimeoutError, match="pigs fly: not within 0 s"):
        wait_until(lambda: False, timeout_s=0, what="pigs fly")
