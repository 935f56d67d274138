"""Feels the pulse of servers that run: one that is frozen doesn't die, so nothing restarts it."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence

import structlog

from standalone.processes import ChildSpec

log = structlog.get_logger(__name__)

INTERVAL_S = 10.0
_SILENT_LOOKS = 2


class Pulse:
    """Asks each child that can be asked (``is_ready``), and says so when it stops answering."""

    def __init__(self, children: Sequence[ChildSpec]) -> None:
        self._questions: dict[str, Callable[[], bool]] = {
            child.name: child.is_ready for child in children if child.is_ready
        }
        self._silent = dict.fromkeys(self._questions, 0)

    def feel(self) -> None:
        """Ask all once; a warning at the second silence in a row of one, a line when it is over."""
        for name, answers in self._questions.items():
            if answers():
                if self._silent[name] >= _SILENT_LOOKS:
                    log.warning("answers again", process=name)
                self._silent[name] = 0
                continue
            self._silent[name] += 1
            if self._silent[name] == _SILENT_LOOKS:
                log.warning("does not answer", process=name, note="work waits; nothing is lost")

    @contextlib.contextmanager
    def felt(self, interval_s: float = INTERVAL_S) -> Iterator[None]:
        """``feel`` every ``interval_s`` seconds, in a thread that ends with the block."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(interval_s):
                self.feel()

        thread = threading.Thread(target=watch, name="pulse", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()  # not joined: a question to a frozen server takes seconds
