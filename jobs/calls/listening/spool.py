"""The files that make an event durable before anybody else has it.

A spool is a folder of segments, appended to and synced batch by batch, and deleted from the front
once what they hold is committed. One listener has it at a time.
"""

import fcntl
import json
import os
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from db.queries.calls.logs import CallKey
from jobs.calls.stream import Entry, Stage

# A segment is closed at this size; the smaller, the sooner disk is given back.
_SEGMENT_BYTES = 4 * 1024 * 1024
# Listeners that may share a folder of spools.
_MOST_SPOOLS = 64


class SpoolFullError(Exception):
    """The spool is as large as it may be; the text says where and how large."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Where a batch lies: its number, counting from 1, and its bytes in a segment."""

    number: int
    segment: Path
    offset: int
    length: int


class Spool:
    """Use ``open_spool``. Batches are kept until ``trim``; of a torn last one nothing is kept."""

    def __init__(self, folder: Path, lock: BinaryIO, *, max_bytes: int) -> None:
        self.folder = folder
        self._lock = lock
        self._max_bytes = max_bytes
        self._batches: deque[Batch] = deque()
        self._size = 0
        self._next_number = 1
        self._segment: BinaryIO | None = None
        self._segment_path = folder / "none"
        self._load()

    @property
    def size_bytes(self) -> int:
        """Bytes on disk."""
        return self._size

    def __len__(self) -> int:
        return len(self._batches)

    def append(self, entries: Sequence[Entry]) -> Batch:
        """Keep a batch; when this returns, it survives whatever happens to the machine.

        Raises:
            SpoolFullError: there is no room; nothing was kept.
            OSError: the disk takes nothing.
        """
        rows = [[*entry.key, int(entry.stage), entry.facts] for entry in entries]
        line = json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        if self._size + len(line) > self._max_bytes:
            raise SpoolFullError(
                f"the spool {self.folder} holds {self._size} bytes of calls that nobody has "
                f"written down, and may hold {self._max_bytes}"
            )
        number = self._next_number
        segment = self._open_segment(number)
        offset = segment.tell()
        segment.write(line)
        segment.flush()
        os.fdatasync(segment.fileno())
        self._size += len(line)
        self._next_number = number + 1
        batch = Batch(number, self._segment_path, offset, len(line))
        self._batches.append(batch)
        return batch

    def batches(self, after: int = 0) -> Iterator[Batch]:
        """Those kept whose number is above ``after``, in order."""
        return (batch for batch in self._batches if batch.number > after)

    def read(self, batch: Batch) -> list[Entry]:
        """What a batch holds."""
        with batch.segment.open("rb") as file:
            file.seek(batch.offset)
            return _entries(file.read(batch.length))

    def trim(self, through: int) -> None:
        """What batches up to this number hold is committed: segments of no others are deleted."""
        while self._batches and self._batches[0].number <= through:
            done = self._batches.popleft()
            following = self._batches[0].segment if self._batches else None
            if following != done.segment and (following or self._segment_path != done.segment):
                self._delete(done.segment)
        if not self._batches and self._segment is not None:
            self._segment.close()
            self._segment = None
            self._delete(self._segment_path)

    def close(self) -> None:
        if self._segment is not None:
            self._segment.close()
            self._segment = None
        self._lock.close()

    def _delete(self, segment: Path) -> None:
        self._size -= segment.stat().st_size
        segment.unlink()

    def _open_segment(self, number: int) -> BinaryIO:
        if self._segment is not None and self._segment.tell() >= _SEGMENT_BYTES:
            self._segment.close()
            self._segment = None
        if self._segment is None:
            self._segment_path = self.folder / f"{number:012}.jsonl"
            self._segment = _append(self._segment_path)
            folder = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(folder)  # that the file is there must survive as well
            finally:
                os.close(folder)
        return self._segment

    def _load(self) -> None:
        """Find what a listener that is no more has left."""
        for segment in sorted(self.folder.glob("*.jsonl")):
            number, offset = int(segment.stem), 0
            with segment.open("rb") as file:
                for line in file:
                    if line.endswith(b"\n"):
                        self._batches.append(Batch(number, segment, offset, len(line)))
                        self._next_number = number + 1
                    number, offset = number + 1, offset + len(line)
            self._size += segment.stat().st_size
            self._next_number = max(self._next_number, number)
            if not any(batch.segment == segment for batch in self._batches):
                self._delete(segment)


def _append(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab")


def open_spool(folder: Path, *, max_bytes: int) -> Spool:
    """The first spool in ``folder`` that no other listener has.

    Raises:
        OSError: the folder can't be used.
    """
    for number in range(1, _MOST_SPOOLS + 1):
        own = folder / str(number)
        # Who called whom is nobody else's business on this machine.
        own.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = _append(own / "lock")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        return Spool(own, lock, max_bytes=max_bytes)
    raise OSError(f"{folder}: {_MOST_SPOOLS} listeners have a spool there already")


def _entries(line: bytes) -> list[Entry]:
    return [
        Entry(CallKey(pbx, call), Stage(stage), facts)
        for pbx, call, stage, facts in json.loads(line)
    ]
