"""Recordings of a real Asterisk, and what it wrote of the same calls itself."""

import gzip
import json
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from jobs.calls.ami.framing import Framing, Message
from jobs.calls.merge.facts import join
from jobs.calls.merge.reading import Reader
from jobs.calls.merge.row import project

RECORDINGS = Path(__file__).parent / "recordings"


@cache
def recorded_bytes(name):
    return gzip.decompress((RECORDINGS / f"{name}.raw.gz").read_bytes())


@cache
def messages(*names):
    """Messages of recordings, one after the other."""
    found = []
    for name in names:
        framing = Framing()
        found += framing.feed(recorded_bytes(name))
        framing.finish()
    return tuple(found)


@cache
def written(name):
    """Linkedid → what Asterisk wrote of the call."""
    text = gzip.decompress((RECORDINGS / f"{name}.calls.json.gz").read_bytes())
    return {call["linkedid"]: call for call in json.loads(text)}


def arriving(told):
    """Messages with the times they arrived at, as a listener has them."""
    return [(message, 1_000_000_000 + place / 1000) for place, message in enumerate(told)]


def read(told, *, batch=10**9, zone="UTC"):
    """The facts of all calls in (message, arrival) pairs, read in batches: by Linkedid."""
    reader, store = Reader(ZoneInfo(zone)), {}

    def flush():
        for linked, facts in reader.take().items():
            join(store.setdefault(linked, {}), facts)

    for place, (message, at) in enumerate(told):
        reader.read(message, at)
        if place % batch == batch - 1:
            flush()
    reader.settle()
    flush()
    return store


def rows(told, **how):
    """The rows of all calls in (message, arrival) pairs: by Linkedid."""
    projected = {linked: project(linked, facts) for linked, facts in read(told, **how).items()}
    return {linked: row for linked, row in projected.items() if row}


def without(told, *keys):
    """Messages without some of their fields."""
    return [Message({k: v for k, v in m.fields.items() if k not in keys}, m.repeated) for m in told]


def disagreements(row, call, *, unique_id=str):
    """In what a row differs from Asterisk's own records of the call: field → (ours, its own)."""
    if row is None:
        return {"row": (None, call)}
    found = {}

    def compare(field, ours, own, slack=0):
        same = ours == own if None in {ours, own} or not slack else abs(ours - own) <= slack
        if not same:
            found[field] = (ours, own)

    compare("status", (row.status, row.unknown_end), ("ENDED", False))
    if call["caller"]:
        compare("from_number", row.from_number, call["caller"])
    if call["exten"] != "s":
        compare("dialed", row.dialed, call["exten"])
    cdrs = call["cdrs"]
    if not cdrs:
        compare("answered", row.disposition in {"NO ANSWER", "BUSY", "FAILED"}, True)
        return found
    own = [cdr for cdr in cdrs if unique_id(cdr["uniqueid"]) == row.linked_id] or cdrs
    answered = [cdr for cdr in cdrs if cdr["disposition"] == "ANSWERED"]
    last = max(own, key=lambda cdr: cdr["sequence"])
    compare("disposition", row.disposition, "ANSWERED" if answered else last["disposition"])
    compare("started_at", row.started_at, min(cdr["start"] for cdr in cdrs), 1)
    compare("answered_at", row.answered_at, min((c["answer"] for c in answered), default=None), 1)
    compare("ended_at", row.ended_at, max(cdr["end"] for cdr in cdrs), 1)
    compare("billable_seconds", row.billable_seconds, sum(cdr["billsec"] for cdr in own), 1)
    return found
