"""A recording sent down the same way as what a PBX says."""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from db.queries.calls.logs import CallKey
from jobs.calls.ami.framing import Framing, Message
from jobs.calls.census import lost_call
from jobs.calls.folding import fold
from jobs.calls.merge.facts import epoch
from jobs.calls.merge.reading import Reader
from jobs.calls.stream import CallStream

_READ_BYTES = 256 * 1024
_BATCH_EVENTS = 1000


class ReplayError(Exception):
    """The file can't be read; the text says which and why."""


@dataclass
class Replayed:
    """What a recording held: ``broken`` messages were cut off, ``too_long`` ones passed over."""

    events: int = 0
    calls: int = 0
    broken: int = 0
    too_long: int = 0


class RecordedClock:
    """Times for events that bring none, the same each time a recording is read.

    A channel's Uniqueid names the second in which it was made.
    """

    def __init__(self) -> None:
        self._now = 0.0

    def tell(self, message: Message) -> float:
        made = epoch(message.fields.get("Uniqueid", "")) if message.event == "Newchannel" else None
        self._now = round(max(self._now + 1e-6, made or 0.0), 6)
        return self._now


def replay(path: Path, stream: CallStream, *, pbx: str, zone: ZoneInfo) -> Replayed:
    """Send a recording (raw bytes, or those in .gz); calls that go on at its end are closed.

    Raises:
        ReplayError: the file can't be read.
        redis.RedisError: the stream can't be reached.
    """
    told = Replayed()
    seen: set[CallKey] = set()
    framing, reader, clock = Framing(), Reader(zone), RecordedClock()

    def send() -> None:
        entries = fold(pbx, reader)
        seen.update(entry.key for entry in entries)
        stream.send(entries)

    for data in _pieces(path):
        for message in framing.feed(data):
            reader.read(message, clock.tell(message))
            told.events += message.event is not None
            if told.events % _BATCH_EVENTS == 0:
                send()
    framing.finish()
    if not told.events:
        raise ReplayError(f"{path}: no manager events in it")
    reader.settle()
    send()
    # Of some that this recording saw end, others saw channels that it didn't.
    stream.send([lost_call(key, reader.latest) for key in sorted(seen)])
    told.calls, told.broken = len(seen), framing.dropped.broken
    told.too_long = framing.dropped.too_long
    return told


def _pieces(path: Path) -> Iterator[bytes]:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            while piece := file.read(_READ_BYTES):
                yield piece
    except (OSError, EOFError, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ReplayError(f"{path}: {reason}") from None
