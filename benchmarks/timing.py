"""Rounds in turn, and their medians: what drifts on the machine then drifts for every side."""

import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence


def alternate(sides: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Measure every side once a round, each round beginning with another; side → its figures."""
    names = list(sides)
    figures: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            figures[name].append(sides[name]())
            say(f"round {number + 1}/{rounds} {name}: {figures[name][-1]:,.4g}")
    return figures


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def ratio(values: Sequence[float], others: Sequence[float]) -> float:
    """The median of value to other, round by round: load that comes and goes hits both."""
    return median([value / other for value, other in zip(values, others, strict=True)])


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least ``share`` (0 to 1) of the values don't exceed."""
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered) - 1, -int(-share * len(ordered) // 1) - 1))]


def spread(values: Sequence[float]) -> str:
    return f"{min(values):,.3g} to {max(values):,.3g} in {len(values)}"


def wait_until(holds: Callable[[], object], *, timeout_s: float, what: str) -> None:
    """Look again and again, each 20 ms.

    Raises:
        TimeoutError: it did not come to hold.
    """
    deadline = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {timeout_s:g} s")
        time.sleep(0.02)


def say(text: str) -> None:
    """Tell how far it is, beside the report."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()
