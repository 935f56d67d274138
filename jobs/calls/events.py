"""Events that other services send, in batches of the shape in which a PBX tells them."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from db.engine import Database
from db.queries.calls import logs
from jobs.calls.ami.framing import Message
from jobs.calls.belonging import Owners
from jobs.calls.debounce import pending_calls
from jobs.calls.folding import fold
from jobs.calls.merge.reading import Reader
from jobs.calls.stream import HeldEntry, shard_of
from jobs.calls.writing import write_calls


class EventsError(ValueError):
    """The batch as a whole can't be read; the text says why."""


@dataclass
class TakenEvents:
    """Calls that a batch told of, and what of it can't be read, by place from 0."""

    calls: int = 0
    refused: dict[int, str] = field(default_factory=dict)


def take_events(
    database: Database,
    owners: Owners,
    pbx: str,
    events: Sequence[Any],
    *,
    timezone: str = "UTC",
) -> TakenEvents:
    """Write the calls that events tell of; when this returns they are committed.

    An event is an object of texts by the keys of Asterisk's manager (``Event``, ``Uniqueid``,
    ``Linkedid``, …), of a repeated key a list. One without ``Timestamp`` counts as told now. They
    may come in any order, again, and beside a listener's. Four statements for any number.

    Raises:
        EventsError: ``timezone`` is none, or ``pbx`` is empty.
    """
    try:
        reader = Reader(ZoneInfo(timezone))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise EventsError(f"{timezone!r} is no time zone") from None
    if not pbx:
        raise EventsError("it is not said which PBX the events are of")
    taken, now = TakenEvents(), time.time()
    for place, event in enumerate(events):
        try:
            reader.read(_message(event), round(now + place / 1e6, 6))
        except EventsError as error:
            taken.refused[place] = str(error)
    reader.settle()
    entries = fold(_clean(pbx), reader)
    if entries:
        held = [HeldEntry("0-0", 0, entry) for entry in entries]
        with database.transaction() as connection:
            logs.lock_shards(connection, sorted({shard_of(entry.key) for entry in entries}))
            write_calls(connection, owners, pending_calls(held, window_ms=0, longest_ms=0))
    taken.calls = len(entries)
    return taken


def _message(event: Any) -> Message:
    if not isinstance(event, Mapping) or not isinstance(event.get("Event"), str):
        raise EventsError("it is not an object with an Event")
    fields: dict[str, str] = {}
    repeated: dict[str, list[str]] = {}
    for key, value in event.items():
        values = value if isinstance(value, list) else [value]
        if not values or not all(isinstance(text, str) for text in values):
            raise EventsError(f"{key}: it is neither a text nor a list of texts")
        fields[_clean(key)] = _clean(values[0])
        if len(values) > 1:
            repeated[_clean(key)] = [_clean(text) for text in values]
    return Message(fields, repeated)


def _clean(text: str) -> str:
    """Without what no column of Postgres takes: NULs, and halves of characters."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()
