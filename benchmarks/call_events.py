"""Calls of a simulated PBX: bytes to facts to rows, in seconds of one core, and what is written."""

import asyncio
import json
import sys
import time
from contextlib import closing
from zoneinfo import ZoneInfo

from benchmarks.options import Options, run
from benchmarks.reporting import Report, Target
from benchmarks.stack import Servers, benchmark_servers
from benchmarks.timing import median, say, spread
from config.settings import Settings
from db.cache.registry import Caches
from db.engine import Database
from jobs.calls.ami.framing import Framing
from jobs.calls.belonging import Owners
from jobs.calls.flush import flush_calls
from jobs.calls.folding import fold
from jobs.calls.listening.sender import Sender
from jobs.calls.listening.spool import open_spool
from jobs.calls.merge.facts import Facts, join
from jobs.calls.merge.reading import Reader
from jobs.calls.merge.row import project
from jobs.calls.stream import SHARDS, CallStream
from standalone.pbx_calls import Calls, Event, Mix
from workers.call_stream import open_call_stream

_READ_BYTES = 64 * 1024
# As much as a listener gathers in one go at some thousand events a second.
_READS_A_BATCH = 4
_AT_ONCE = 100
_MIX = Mix({"answered": 6, "busy": 2, "no_answer": 2}, ring_s=0.01, talk_s=0.02)


def recorded(calls: int) -> tuple[bytes, int]:
    """The bytes that a PBX sends of so many calls, and how many events they are."""
    sent: list[bytes] = []

    def tell(kind: str, name: str, fields: Event) -> None:
        head = {"Event": name, "Privilege": f"{kind},all", "Timestamp": f"{time.time():.6f}"}
        lines = [f"{key}: {value}\r\n" for key, value in {**head, **fields}.items()]
        sent.append("".join([*lines, "\r\n"]).encode())

    async def ring() -> None:
        pbx = Calls(tell, _MIX)
        for first in range(0, calls, _AT_ONCE):
            numbers = range(first, min(first + _AT_ONCE, calls))
            await asyncio.gather(*(pbx.come_in(f"+1555{n:07d}", "+15550001111") for n in numbers))

    asyncio.run(ring())
    return b"".join(sent), len(sent)


def listen(data: bytes, stream: CallStream, settings: Settings) -> None:
    """What a listener does with the bytes, from their framing to the stream."""
    framing, reader = Framing(), Reader(ZoneInfo("UTC"))
    with closing(open_spool(settings.state_dir / "spool", max_bytes=2**30)) as spool:
        sender = Sender(stream, spool)
        for number, start in enumerate(range(0, len(data), _READ_BYTES), 1):
            for message in framing.feed(data[start : start + _READ_BYTES]):
                reader.read(message, 0.0)
            if number % _READS_A_BATCH == 0 or start + _READ_BYTES >= len(data):
                spool.append(fold("pbx", reader))
                sender.send()
        spool.trim(2**62)


def merge(stream: CallStream) -> int:
    """What a flush does but for the database; returns how many rows there would be."""
    calls: dict[str, Facts] = {}
    for shard in range(SHARDS):
        while held := stream.take(shard)[0]:
            for entry in held:
                join(calls.setdefault(entry.entry.key.unique_id, {}), json.loads(entry.entry.facts))
            stream.forget(shard, [entry.id for entry in held])
    return sum(project(linked, facts) is not None for linked, facts in calls.items())


def rate(servers: Servers, data: bytes, events: int, calls: int) -> float:
    """Events a second of one core, from bytes to what is to be written."""
    settings = servers.settings(f"merge_{time.monotonic_ns()}")
    stream = _stream(settings)
    with closing(stream):
        started = time.process_time()
        listen(data, stream, settings)
        merged = merge(stream)
        elapsed_s = time.process_time() - started
    if merged != calls:
        raise RuntimeError(f"{merged} of {calls} calls came through")
    say(f"{events / elapsed_s:,.0f} events/s of one core")
    return events / elapsed_s


def write(servers: Servers, data: bytes, calls: int) -> float:
    """Calls a second from the stream into rows, of which none may be missing."""
    settings = servers.settings("flush", call_debounce_ms=1, call_debounce_max_ms=1)
    database, stream = Database(settings, min_size=1, max_size=2), _stream(settings)
    with closing(database), closing(stream):
        listen(data, stream, settings)
        started = time.perf_counter()
        flush_calls(database, settings, stream, Owners(300, Caches()))
        elapsed_s = time.perf_counter() - started
        with database.transaction() as connection:
            row = connection.execute(
                "SELECT count(*) FROM call_quarantine WHERE status = 'ENDED'"
            ).fetchone()
    if row != (calls,):
        raise RuntimeError(f"{row} of {calls} calls were written")
    return calls / elapsed_s


def _stream(settings: Settings) -> CallStream:
    stream = open_call_stream(settings)
    if stream is None:
        raise RuntimeError("no Redis is named")
    return stream


def measure(options: Options) -> int:
    """Events a second through listener and merge on one core, and calls a second into rows."""
    calls, rounds = (200, 1) if options.short else (3_000, 5)
    data, events = recorded(calls)
    with benchmark_servers(options) as servers:
        report = Report("call_events", options.short, servers.describe())
        rates = [rate(servers, data, events, calls) for _ in range(rounds)]
        written = write(servers, data, calls)
    report.add(
        f"listener and merge, {events:,} events of {calls:,} calls",
        median(rates),
        "events/s of one core",
        Target(10_000),
        spread(rates),
    )
    report.add("flush into rows", written, "calls/s")
    return report.finish()


if __name__ == "__main__":
    sys.exit(run(measure))
