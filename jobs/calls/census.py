"""What a PBX says goes on there, and what is made of calls that it doesn't name.

A census is an entry of the stream like any other, without a call. It is looked at only when all
that was told before it has been written.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from db.engine import Connection
from db.queries.calls.logs import CallKey, find_open_calls
from jobs.calls.stream import CallStream, Entry, Stage, entry_of


def census_of(pbx: str, linked_ids: Sequence[str], at: float) -> Entry:
    """An entry that says which calls a PBX had at ``at`` (epoch seconds, by its own clock)."""
    return entry_of(CallKey(pbx, ""), Stage.GOES_ON, {"calls": sorted(linked_ids), "at": at})


def lose_calls(
    connection: Connection, stream: CallStream, pbx: str, census: Mapping[str, Any]
) -> int:
    """Close the calls that began before and aren't named, by news of each; returns how many."""
    named, at = census.get("calls"), census.get("at")
    if not isinstance(named, list) or not isinstance(at, float | int):
        return 0
    missing = find_open_calls(connection, pbx, [str(linked) for linked in named], float(at))
    stream.send([lost_call(CallKey(pbx, linked), float(at)) for linked in missing])
    return len(missing)


def lost_call(key: CallKey, at: float) -> Entry:
    """News that a call is over, though nobody saw it end."""
    return entry_of(key, Stage.OVER, {"lost|": [at]})
