"""How the demo shows how far it is: live in a terminal, lines in a pipe, nothing for --json."""

import time
from collections import deque
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cli.output import say
from db.queries.demo import Progress

_LINE_EVERY_S = 2.0
_RATE_WINDOW_S = 3.0


@dataclass(frozen=True)
class Snapshot:
    """The state of the demo at one moment. ``imported``: (rows read, rows in all) of each tenant.

    ``contacts``: how many there should be; ``nodes``: node key → contacts that stand there.
    """

    phase: str
    contacts: int
    imported: dict[str, tuple[int, int | None]]
    progress: Progress
    nodes: dict[str, int] = field(default_factory=dict)


class View(Protocol):
    """What the demo tells of itself while it runs."""

    def shown(self) -> AbstractContextManager[object]: ...

    def show(self, snapshot: Snapshot) -> None: ...


class Silence:
    """For --json."""

    def shown(self) -> AbstractContextManager[object]:
        return nullcontext()

    def show(self, snapshot: Snapshot) -> None:
        pass


class Lines:
    """For pipes and logs: a line for each phase, and one every two seconds."""

    def __init__(self) -> None:
        self._phase = ""
        self._last = 0.0
        self._rate = _Rate()

    def shown(self) -> AbstractContextManager[object]:
        return nullcontext()

    def show(self, snapshot: Snapshot) -> None:
        rate = self._rate.after(snapshot.progress.steps)
        if snapshot.phase == self._phase and time.monotonic() < self._last + _LINE_EVERY_S:
            return
        self._phase, self._last = snapshot.phase, time.monotonic()
        p = snapshot.progress
        say(
            f"{snapshot.phase}: {p.contacts:,} contacts, {p.completed:,} through, "
            f"{p.steps:,} steps ({rate:,.0f}/s), {p.messages_sent:,} messages sent, "
            f"{p.messages_waiting:,} waiting, {p.late_s:.1f} s late"
        )


class LiveView:
    """For terminals."""

    def __init__(self) -> None:
        self._live = Live(console=Console(), refresh_per_second=8, transient=True)
        self._rate = _Rate()

    def shown(self) -> AbstractContextManager[object]:
        return self._live

    def show(self, snapshot: Snapshot) -> None:
        p = snapshot.progress
        rate = self._rate.after(p.steps)
        bars = Table.grid(padding=(0, 2))
        for tenant, (read, total) in snapshot.imported.items():
            bars.add_row(f"import {tenant}", _bar(read, total), f"{read:,} rows")
        entered = p.active + p.completed + p.failed
        bars.add_row("in the journey", _bar(entered, snapshot.contacts), f"{entered:,} contacts")
        bars.add_row("through", _bar(p.completed, snapshot.contacts), f"{p.completed:,} contacts")
        messages = p.messages_sent + p.messages_waiting + p.messages_failed
        bars.add_row("sent", _bar(p.messages_sent, messages or None), f"{p.messages_sent:,} SMS")
        nodes = Table.grid(padding=(0, 2))
        for key, contacts in snapshot.nodes.items():
            nodes.add_row(f"  {key}", _bar(contacts, snapshot.contacts), f"{contacts:,}")
        self._live.update(
            Group(
                Text(snapshot.phase, style="bold"),
                bars,
                Text(
                    f"{p.steps:,} steps, {rate:,.0f}/s   lag {p.late_s:.1f} s   "
                    f"messages waiting {p.messages_waiting:,}"
                ),
                Text("contacts per node" if snapshot.nodes else ""),
                nodes,
            )
        )


class _Rate:
    """Steps a second over the last few seconds."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def after(self, steps: int) -> float:
        now = time.monotonic()
        self._seen.append((now, steps))
        while self._seen[0][0] < now - _RATE_WINDOW_S:
            self._seen.popleft()
        since, before = self._seen[0]
        return (steps - before) / (now - since) if now > since else 0.0


def _bar(done: int, total: int | None) -> ProgressBar:
    return ProgressBar(total=total or 1, completed=min(done, total or 0), width=40)
