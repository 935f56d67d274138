"""Since when what others have loaded may be believed, by tenant."""

import threading
from collections.abc import Mapping
from uuid import UUID

Scope = UUID | None
"""A tenant; None: everything."""

_MOST = 1_000


class Floors:
    """A process believes what was loaded after the last change that it knows of; for any thread.

    Times are those of one clock that all processes read (Redis's, in µs). A change is noted without
    asking for the time: the first time that is told afterwards lies after it and becomes the floor,
    so that the note costs nothing and can't fail.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # Whoever starts has missed what happened before.
        self._pending: dict[Scope, object] = {None: object()}
        self._floors: dict[Scope, int] = {}
        self._latest = 0

    def mark(self, scope: Scope) -> None:
        """Something changed: what was loaded until now isn't believed any more."""
        with self._lock:
            if scope is None or len(self._pending) + len(self._floors) > _MOST:
                self._pending = {None: object()}
                self._floors = {scope: at for scope, at in self._floors.items() if scope is None}
            else:
                self._pending[scope] = object()

    def unsettled(self) -> Mapping[Scope, object]:
        """Changes noted until now, to be settled by a time that is asked for after this."""
        with self._lock:
            return dict(self._pending)

    def settle(self, noted: Mapping[Scope, object], at: int) -> None:
        """``at`` was told after these were noted. A clock that was set back is not followed."""
        with self._lock:
            self._latest = max(self._latest, at)
            for scope, note in noted.items():
                if self._pending.get(scope) is note:
                    del self._pending[scope]
                    self._floors[scope] = self._latest

    def holds(self, scope: Scope, at: int) -> bool:
        """Whether what was loaded from ``at`` on is still to be believed."""
        with self._lock:
            return not (self._pending.keys() & {None, scope}) and at >= max(
                self._floors.get(None, 0), self._floors.get(scope, 0)
            )
