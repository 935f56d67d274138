"""Processes: waiting for their end, by event and bounded, and finding their children."""

import os
import select
import time
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

PATIENCE_S = 20


def wait_gone(pids: Iterable[int], patience_s: float = PATIENCE_S) -> None:
    """Wait until every process is over; fails naming those that are not."""
    with ExitStack() as opened:
        waiting = {}
        poll = select.poll()
        for pid in pids:
            try:
                descriptor = os.pidfd_open(pid)
            except ProcessLookupError:
                continue
            opened.callback(os.close, descriptor)
            waiting[descriptor] = pid
            poll.register(descriptor, select.POLLIN)
        deadline = time.monotonic() + patience_s
        while waiting:
            left_ms = (deadline - time.monotonic()) * 1000
            assert left_ms > 0, f"still alive: {[describe(pid) for pid in waiting.values()]}"
            for descriptor, _ in poll.poll(left_ms):
                poll.unregister(descriptor)
                del waiting[descriptor]


def child_pids(pid: int) -> list[int]:
    """The direct children of a process (Linux): a worker master's worker process, for one."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return found


def descendants(pid: int) -> list[int]:
    """Every process below ``pid``, however deep."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += [int(child), *descendants(int(child))]
    return found


def describe(pid: int) -> str:
    try:
        return f"{pid} {Path(f'/proc/{pid}/cmdline').read_bytes().replace(bytes(1), b' ')!r}"
    except OSError:
        return str(pid)
