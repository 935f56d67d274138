"""What becomes of a call whose unique_key a run of the same tenant and kind has.

One family: the key is locked by the database, so that of any number of callers at once each is
answered as if they had come one after the other.
"""

from dataclasses import dataclass
from typing import NamedTuple


class Rule(NamedTuple):
    """As the door for SQL takes it."""

    how: str
    period_s: float | None = None
    max_wait_s: float | None = None


@dataclass(frozen=True)
class Unique:
    """The run that is there is the answer, until it has ended.

    With ``period_s``, also until so long after it was created, however it ended.
    """

    period_s: float | None = None

    @property
    def rule(self) -> Rule:
        return Rule("unique", self.period_s)


@dataclass(frozen=True)
class Throttle:
    """One start in ``period_s``, the first at once.

    What comes after it becomes one run at the period's end, with the arguments of the last.
    """

    period_s: float

    @property
    def rule(self) -> Rule:
        return Rule("throttle", self.period_s)


@dataclass(frozen=True)
class Debounce:
    """One run, with the arguments of the last call, ``wait_s`` after it.

    But no later than ``max_wait_s`` after the first.
    """

    wait_s: float
    max_wait_s: float | None = None

    @property
    def rule(self) -> Rule:
        return Rule("debounce", self.wait_s, self.max_wait_s)


@dataclass(frozen=True)
class KeepLast:
    """A run that has not begun keeps its place and takes the arguments of the last."""

    @property
    def rule(self) -> Rule:
        return Rule("keep_last")


KeyRule = Unique | Throttle | Debounce | KeepLast
UNIQUE = Unique()
