"""From what a reader read to entries of the stream: one a call, however many its events were."""

from collections.abc import Mapping

from db.queries.calls.logs import CallKey
from jobs.calls.merge.facts import Facts, bound
from jobs.calls.merge.reading import Reader
from jobs.calls.stream import Entry, Stage, entry_of


def fold(pbx: str, reader: Reader) -> list[Entry]:
    """Take what was read of the calls of one PBX since the last time."""
    return [
        entry_of(CallKey(pbx, linked), _stage(linked, facts, reader), bound(facts))
        for linked, facts in reader.take().items()
    ]


def _stage(linked: str, facts: Mapping[str, object] | Facts, reader: Reader) -> Stage:
    if reader.is_over(linked):
        return Stage.OVER
    return Stage.ANSWERED if f"up|{linked}" in facts else Stage.GOES_ON
