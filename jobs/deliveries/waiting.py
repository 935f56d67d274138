"""The messages of a run whose send has not begun."""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One SMS; ``id`` is the idempotency key of every try. Its text doesn't show in reprs."""

    id: UUID
    to: str = field(repr=False)
    sender: str | None
    body: str = field(repr=False)


class WaitingSends:
    """Taken one by one by whoever sends, withdrawn by whoever looks; threads may share it."""

    def __init__(self, messages: Sequence[Outgoing]) -> None:
        self._messages = OrderedDict((m.id, (index, m)) for index, m in enumerate(messages))
        self._lock = threading.Lock()

    def take(self) -> tuple[int, Outgoing] | None:
        """The next message and its place among those given; None if there is none."""
        with self._lock:
            if not self._messages:
                return None
            return self._messages.popitem(last=False)[1]

    def ids(self) -> list[UUID]:
        with self._lock:
            return list(self._messages)

    def withdraw(self, ids: Iterable[UUID]) -> int:
        """Take messages out unsent; returns how many had not been taken yet."""
        with self._lock:
            return sum(self._messages.pop(id_, None) is not None for id_ in ids)
