"""Wall-clock bounds on a machine that has other things to do."""

import math


def quickest(measure, *, within, tries=5):
    """The first figure below ``within``; fails with the best if none of ``tries`` is."""
    best = math.inf
    for _ in range(tries):
        best = min(best, measure())
        if best < within:
            return best
    raise AssertionError(f"{best:.3g} at best, not below {within:g}")
