"""What wakes the supervisor's loop: signals and the end of a thread, all through one pipe."""

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any, Self

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_CHUNK = 4096


class Wakeups:
    """While entered (main thread only), signals make ``descriptor`` readable.

    Python writes a byte to the pipe the moment a signal arrives, so none is missed between a look
    at the children and the wait for the next event.
    """

    def __init__(self) -> None:
        self.stop_requests = 0
        """How often SIGINT, SIGTERM or SIGHUP came."""
        self.descriptor = -1
        self._write_end = -1
        self._replaced: dict[int, Any] = {}
        self._replaced_descriptor = -1

    def __enter__(self) -> Self:
        self.descriptor, self._write_end = os.pipe()
        for end in (self.descriptor, self._write_end):
            os.set_blocking(end, False)
        self._replaced_descriptor = signal.set_wakeup_fd(self._write_end, warn_on_full_buffer=False)
        for stop_signal in _STOP_SIGNALS:
            if stop_signal == signal.SIGHUP and signal.getsignal(stop_signal) == signal.SIG_IGN:
                continue  # started by nohup
            self._replaced[stop_signal] = signal.signal(stop_signal, self._count)
        self._replaced[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._replaced.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        signal.set_wakeup_fd(self._replaced_descriptor)
        read_end, write_end = self.descriptor, self._write_end
        self.descriptor = self._write_end = -1
        os.close(read_end)
        os.close(write_end)

    def wake(self) -> None:
        """Wake the loop from another thread; nothing happens if the loop is over."""
        if self._write_end >= 0:
            with suppress(OSError):  # it ended this very moment
                os.write(self._write_end, b"\0")

    def drain(self) -> None:
        try:
            while os.read(self.descriptor, _CHUNK):
                pass
        except BlockingIOError:
            pass

    def _count(self, _number: int, _frame: FrameType | None) -> None:
        self.stop_requests += 1


class SideThread(threading.Thread):
    """Work beside the loop: calls ``done`` at its end; `result` gives or raises the outcome."""

    def __init__(self, work: Callable[[], int | None], done: Callable[[], None]) -> None:
        super().__init__(name="beside", daemon=True)
        self._work = work
        self._done = done
        self._result: int | None = None
        self._error: BaseException | None = None
        self.finished = False
        """True before ``done`` is called; ``is_alive()`` may lag behind it."""

    def run(self) -> None:
        try:
            self._result = self._work()
        except BaseException as error:  # noqa: BLE001 - raised again by `result`
            self._error = error
        finally:
            self.finished = True
            self._done()

    def result(self) -> int | None:
        self.join()
        if self._error is not None:
            raise self._error
        return self._result
