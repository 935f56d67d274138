"""The way of calls' facts to the workers: Redis Streams, one a shard.

Keys, each with the stack's prefix: ``calls:facts:SHARD``, a stream whose entries have fields
``pbx``, ``call`` (Linkedid), ``stage`` and ``facts`` (JSON). An entry is deleted when what it
holds has been committed, so what a stream holds is what is to be done. By
``calls:facts:mark:NAME`` a listener tells that the streams are those it wrote to.
"""

import json
import uuid
import zlib
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

import redis

from db.queries.calls.logs import CallKey

SHARDS = 2
# Entries of one shard that are looked at together.
MOST_ENTRIES = 5000
# A listener's mark outlives it by this.
_MARK_S = 86_400
_GROUP = "flush"
# One flush has a shard at a time, so that all may be the same consumer.
_CONSUMER = "worker"


class Stage(IntEnum):
    """How far an entry brings its call."""

    GOES_ON = 0
    ANSWERED = 1
    OVER = 2


class Entry(NamedTuple):
    """News of one call: ``facts`` as JSON."""

    key: CallKey
    stage: Stage
    facts: str


class HeldEntry(NamedTuple):
    """An entry of a shard; ``at_ms`` is when it was sent, by the server's clock."""

    id: str
    at_ms: int
    entry: Entry


class CallStream:
    """The streams of a stack."""

    def __init__(self, client: "redis.Redis", namespace: str) -> None:
        self._client = client
        self._prefix = f"{namespace}:calls:facts"

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def send(self, entries: Sequence[Entry]) -> dict[int, str]:
        """Append entries in one round trip; returns each shard's last id.

        Raises:
            redis.RedisError: the server is away; none, some or all were appended.
        """
        if not entries:
            return {}
        pipeline = self._client.pipeline(transaction=False)
        for key, stage, facts in entries:
            fields: dict[Any, Any] = {
                "pbx": key.pbx,
                "call": key.unique_id,
                "stage": int(stage),
                "facts": facts,
            }
            pipeline.xadd(self._stream(shard_of(key)), fields)
        ids = pipeline.execute()
        return {shard_of(entry.key): _text(id_) for entry, id_ in zip(entries, ids, strict=True)}

    def mark(self, name: str) -> str:
        """Leave a mark that is lost with the streams; returns what ``identify`` says now."""
        self._client.set(self._mark(name), 1)
        return self.identify(name)

    def identify(self, name: str) -> str:
        """The run of the server, if the mark is there; else something else each time."""
        pipeline = self._client.pipeline(transaction=False)
        pipeline.info("server")
        pipeline.expire(self._mark(name), _MARK_S)
        info, marked = pipeline.execute()
        return str(info["run_id"]) if marked else uuid.uuid4().hex

    def lengths(self) -> list[int]:
        """Entries of each shard that are not committed yet."""
        pipeline = self._client.pipeline(transaction=False)
        for shard in range(SHARDS):
            pipeline.xlen(self._stream(shard))
        return [int(length) for length in pipeline.execute()]

    def oldest(self) -> list[str | None]:
        """Of each shard the id of its oldest entry; None: it is empty."""
        pipeline = self._client.pipeline(transaction=True)
        for shard in range(SHARDS):
            pipeline.xrange(self._stream(shard), count=1)
        return [_text(entries[0][0]) if entries else None for entries in pipeline.execute()]

    def take(self, shard: int) -> tuple[list[HeldEntry], int]:
        """What a shard holds, first what a flush that is no more had taken; and the time in ms.

        Only who has the shard's lock may take from it.
        """
        stream = self._stream(shard)
        try:
            taken = self._take(stream)
        except redis.ResponseError as error:
            if not str(error).startswith("NOGROUP"):
                raise
            self._client.xgroup_create(stream, _GROUP, id="0", mkstream=True)
            taken = self._take(stream)
        seconds, microseconds = self._client.time()
        return taken, int(seconds) * 1000 + int(microseconds) // 1000

    def forget(self, shard: int, ids: Sequence[str]) -> None:
        """What these entries held is committed."""
        if ids:
            pipeline = self._client.pipeline(transaction=True)
            pipeline.xack(self._stream(shard), _GROUP, *ids)
            pipeline.xdel(self._stream(shard), *ids)
            pipeline.execute()

    def _take(self, stream: str) -> list[HeldEntry]:
        held: list[HeldEntry] = []
        start = "0-0"
        while True:
            answer: Any = self._client.xautoclaim(
                stream, _GROUP, _CONSUMER, min_idle_time=0, start_id=start, count=MOST_ENTRIES
            )
            start = _text(answer[0])
            held += [_held(id_, fields) for id_, fields in answer[1] if fields]
            if start == "0-0" or len(held) >= MOST_ENTRIES:
                break
        room = MOST_ENTRIES - len(held)
        if room > 0:
            news: Any = self._client.xreadgroup(_GROUP, _CONSUMER, {stream: ">"}, count=room)
            held += [_held(id_, fields) for _, entries in news or () for id_, fields in entries]
        return held

    def _mark(self, name: str) -> str:
        return f"{self._prefix}:mark:{name}"

    def _stream(self, shard: int) -> str:
        return f"{self._prefix}:{shard}"


def shard_of(key: CallKey) -> int:
    """The shard that all news of a call goes through."""
    return zlib.crc32(f"{key.pbx} {key.unique_id}".encode()) % SHARDS


def entry_of(key: CallKey, stage: Stage, facts: Mapping[str, Any]) -> Entry:
    """An entry that holds these facts."""
    return Entry(key, stage, json.dumps(facts, ensure_ascii=False, separators=(",", ":")))


def id_order(id_: str) -> tuple[int, int]:
    """The ids of entries in the order in which they were appended."""
    milliseconds, _, number = id_.partition("-")
    return int(milliseconds), int(number)


def _held(id_: Any, fields: Mapping[Any, Any]) -> HeldEntry:
    told = {_text(name): _text(value) for name, value in fields.items()}
    stage = told.get("stage", "")
    entry = Entry(
        CallKey(told.get("pbx", ""), told.get("call", "")),
        Stage(int(stage)) if stage in {"0", "1", "2"} else Stage.OVER,
        told.get("facts", ""),
    )
    return HeldEntry(_text(id_), id_order(_text(id_))[0], entry)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
