"""From the spool to the stream, in order, and back to the start when the stream was lost."""

import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from typing import NamedTuple

import redis
import structlog

from jobs.calls.listening.spool import Batch, Spool
from jobs.calls.stream import CallStream, id_order

log = structlog.get_logger(__name__)

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.1, 2.0


class _Sent(NamedTuple):
    """A batch in the stream: by shard the id of the last of its entries."""

    number: int
    last_ids: Mapping[int, str]


class Sender:
    """Sends what the spool holds, and trims the spool by what was committed.

    An entry that is gone from the stream was committed, unless the stream itself was lost: emptied,
    or its server started anew, whose last second may be missing. A mark beside the stream and the
    server's own name tell; then everything that is spooled is sent once more.
    """

    def __init__(
        self,
        stream: CallStream,
        spool: Spool,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._spool = spool
        self._clock = clock
        self._name = f"{spool.folder.name}-{uuid.uuid4().hex}"
        self._sent: deque[_Sent] = deque()
        self._sent_through = 0
        self._server: str | None = None
        self._retry_at = 0.0
        self._failures = 0

    @property
    def unsent(self) -> int:
        """Batches that are in the spool alone."""
        return sum(1 for _ in self._spool.batches(self._sent_through))

    def send(self) -> bool:
        """Send whatever is spooled and not sent; False while the server is away. Never raises."""
        if self._clock() < self._retry_at:
            return False
        try:
            if self._server is None:
                self._server = self._stream.mark(self._name)
            for batch in list(self._spool.batches(self._sent_through)):
                self._send(batch)
        except redis.RedisError as error:
            self._note_failure(error)
            return False
        if self._failures:
            log.info("stream_back", batches=len(self._spool))
            self._failures = 0
        return True

    def trim(self) -> None:
        """Let go of what was committed; if the stream was lost, send all anew. Never raises."""
        if self._server is None or self._clock() < self._retry_at:
            return
        try:
            before = self._stream.identify(self._name)
            oldest = self._stream.oldest()
            after = self._stream.identify(self._name)
        except redis.RedisError as error:
            self._note_failure(error)
            return
        if not before == after == self._server:
            log.error("stream_lost", sent_again=len(self._spool))
            self._server, self._sent_through = None, 0
            self._sent.clear()
            self.send()
            return
        done = 0
        while self._sent and _is_gone(self._sent[0], oldest):
            done = self._sent.popleft().number
        if done:
            self._spool.trim(done)

    def _send(self, batch: Batch) -> None:
        last_ids = self._stream.send(self._spool.read(batch))
        self._sent.append(_Sent(batch.number, last_ids))
        self._sent_through = batch.number

    def _note_failure(self, error: redis.RedisError) -> None:
        if not self._failures:
            log.error("stream_away", error=str(error), spooled_bytes=self._spool.size_bytes)
        wait_s = min(_FIRST_WAIT_S * 2.0 ** min(self._failures, 10), _LONGEST_WAIT_S)
        self._failures += 1
        self._retry_at = self._clock() + wait_s


def _is_gone(sent: _Sent, oldest: list[str | None]) -> bool:
    for shard, last_id in sent.last_ids.items():
        first = oldest[shard]
        if first is not None and id_order(first) <= id_order(last_id):
            return False
    return True
