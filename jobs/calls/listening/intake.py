"""What PBXs say, folded into batches, spooled, and sent on."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from jobs.calls.ami.framing import Message
from jobs.calls.census import census_of
from jobs.calls.folding import fold
from jobs.calls.listening.sender import Sender
from jobs.calls.listening.spool import Spool, SpoolFullError
from jobs.calls.merge.reading import Reader
from jobs.calls.stream import Entry, Stage

log = structlog.get_logger(__name__)

# Events that may wait to be folded; what a PBX says beyond that is refused, loudly.
MOST_WAITING = 200_000
# Events are gathered for so long before they are folded: one sync of the disk for all of them.
_GATHER_S = 0.05
_TRIM_EVERY_S = 1.0
_REPORT_EVERY_S = 10.0
# Asterisk's records whose channels nobody told are given this long.
_SETTLE_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class Told:
    """An event of a PBX and when it came, or what goes on there at a moment by its own clock."""

    pbx: str
    at: float
    message: Message | None = None
    calls: Sequence[str] = ()


@dataclass
class IntakeFigures:
    """Since the last report: ``lag_s`` is the longest from an event's arrival to its spool."""

    events: int = 0
    entries: int = 0
    lag_s: float = 0.0
    refused: int = 0


class Intake:
    """A thread that folds, spools and sends; ``take`` may be called from any other."""

    def __init__(
        self,
        readers: dict[str, Reader],
        spool: Spool,
        sender: Sender,
        *,
        on_over: Callable[[], None],
        on_death: Callable[[], None],
        report: Callable[[IntakeFigures], None],
    ) -> None:
        """``on_over`` is called when calls ended, ``report`` every ten seconds.

        ``on_death`` is called, in the thread, when it ends by a failure, which ``stop`` raises.
        """
        self._readers = readers
        self._spool = spool
        self._sender = sender
        self._on_over = on_over
        self._on_death = on_death
        self._failure: BaseException | None = None
        self._report = report
        self._waiting: deque[Told] = deque()
        self._news = threading.Event()
        self._over = threading.Event()
        self._latest = 0.0
        self._kept: list[Entry] = []
        self._was_full = False
        self.figures = IntakeFigures()
        self._thread = threading.Thread(target=self._live, name="intake")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Fold and spool what has come, then end.

        Raises:
            BaseException: what the thread had ended by.
        """
        self._over.set()
        self._news.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def take(self, told: Told) -> bool:
        """Take an event in; False if too many wait, or nothing can be kept: it is lost."""
        if len(self._waiting) >= MOST_WAITING or self._was_full:
            self.figures.refused += 1
            return False
        self._waiting.append(told)
        self._news.set()
        return True

    def tell_gone(self, pbx: str) -> bool:
        """Of a PBX that is gone no call goes on, by its clock or ours, whichever is ahead."""
        return self.take(Told(pbx, max(self.arrival(), self._readers[pbx].latest)))

    def arrival(self) -> float:
        """The time for an event that comes now: different for each, and growing."""
        self._latest = max(time.time(), self._latest + 1e-6)
        return round(self._latest, 6)

    def _live(self) -> None:
        try:
            self._run()
        except BaseException as error:  # noqa: BLE001 - raised by who waits for the thread
            self._failure = error
            self._on_death()

    def _run(self) -> None:
        trim_at = settle_at = report_at = time.monotonic()
        while not self._over.is_set() or self._waiting:
            self._news.wait(_TRIM_EVERY_S)
            self._news.clear()
            self._over.wait(_GATHER_S)
            settle = time.monotonic() >= settle_at
            if settle:
                settle_at = time.monotonic() + _SETTLE_EVERY_S
            self.fold_and_send(settle=settle)
            if time.monotonic() >= trim_at:
                self._sender.trim()
                trim_at = time.monotonic() + _TRIM_EVERY_S
            if time.monotonic() >= report_at:
                self._report(self.figures)
                self.figures = IntakeFigures()
                report_at = time.monotonic() + _REPORT_EVERY_S
        self.fold_and_send(settle=True)

    def fold_and_send(self, *, settle: bool = False) -> None:
        """Fold what waits into one batch of the spool, and send all that isn't sent."""
        first_at, entries = None, self._kept
        for _ in range(len(self._waiting)):
            told = self._waiting.popleft()
            first_at = told.at if first_at is None and told.message else first_at
            if told.message is not None:
                self._read(told, told.message)
            else:
                self._readers[told.pbx].keep(told.calls)
                entries += [*fold(told.pbx, self._readers[told.pbx])]
                entries.append(census_of(told.pbx, told.calls, told.at))
        for pbx, reader in self._readers.items():
            if settle:
                reader.settle()
            entries += fold(pbx, reader)
        if entries and not self._keep(entries):
            return
        self._kept = []
        self.figures.entries += len(entries)
        if first_at is not None:
            self.figures.lag_s = max(self.figures.lag_s, time.time() - first_at)
        if self._sender.send() and any(entry.stage == Stage.OVER for entry in entries):
            self._on_over()

    def _read(self, told: Told, message: Message) -> None:
        """An event that can't be read is one event, and costs no other."""
        self.figures.events += 1
        try:
            self._readers[told.pbx].read(message, told.at)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            reason = type(error).__name__  # its text may hold numbers
            log.error("event_unreadable", name=message.event, error=reason)  # noqa: TRY400

    def _keep(self, entries: list[Entry]) -> bool:
        """Spool a batch; while that can't be, it is held and nothing more is taken in."""
        try:
            self._spool.append(entries)
        except (SpoolFullError, OSError) as error:
            if not self._was_full:
                log.error("spool_refuses", error=str(error))  # noqa: TRY400 - its text says it
            self._kept, self._was_full = entries, True
            self._sender.send()
            return False
        if self._was_full:
            log.warning("spool_takes_again", size_bytes=self._spool.size_bytes)
            self._was_full = False
        return True
