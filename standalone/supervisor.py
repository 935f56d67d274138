"""Keeps a set of processes alive: starts them in order, restarts what dies, stops them in order.

One loop in the main thread waits on one pipe: SIGCHLD, SIGINT, SIGTERM and SIGHUP arrive there,
and the end of work done beside it. Between events it sleeps.
"""

import select
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from signal import Signals
from subprocess import Popen
from typing import TypeAlias

import structlog

from standalone.processes import (
    PROBE_INTERVAL_S,
    ChildSpec,
    has_exited,
    kill_group,
    last_lines,
    not_ready,
    rotate_log,
    spawn,
)
from standalone.pulse import Pulse
from standalone.state import StandaloneError
from standalone.wakeups import SideThread, Wakeups

log = structlog.get_logger(__name__)

BACKOFF_S = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0)
"""Waits before the first, second … restart in a row of one child; the last one repeats."""
STEADY_AFTER_S = 30.0
"""A child that lived so long starts over at the first wait."""
_DEATHS_BEFORE_READY = 5

Step: TypeAlias = Callable[[], None]
Stage: TypeAlias = Sequence[ChildSpec] | Step
Pids: TypeAlias = dict[str, int]


@dataclass
class _Child:
    spec: ChildSpec
    process: Popen[bytes] | None = None
    started_at: float = 0
    deaths: int = 0
    restart_at: float | None = None

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.returncode is None


class Supervisor:
    """Runs stages: sets of children started together, and steps that run between them.

    A stage is begun when every child of the one before is ready. Stages are stopped in reverse
    order, the children of one stage together. A signal goes to the child alone, never to its
    process group; what a dead child leaves in its group is killed.
    """

    def __init__(
        self, stages: Sequence[Stage], *, on_change: Callable[[Pids], None] | None = None
    ) -> None:
        """``on_change`` gets {name: pid} once all is ready, and after every restart."""
        self._stages = stages
        self._on_change = on_change
        self._started: list[list[_Child]] = []
        self._stopping = False
        self._ready = False
        self._wakeups = Wakeups()

    def run(self, beside: Callable[[], int] | None = None) -> int:
        """Start all, keep all alive, stop all at SIGINT or SIGTERM; main thread only.

        ``beside`` runs in a thread of its own once all is ready; when it returns, all is stopped.
        Another Ctrl-C while children are being stopped goes on to the harder signal at once.

        Returns:
            0, or what ``beside`` returned.

        Raises:
            StandaloneError: a child did not get ready.
            Exception: what a step or ``beside`` raised; everything is stopped before.
        """
        with self._wakeups:
            try:
                for stage in self._stages:
                    self._begin(stage)
                    if self._wakeups.stop_requests:
                        return 0
                self._ready = True
                self._report()
                with Pulse([child.spec for child in self._children()]).felt():
                    return self._watch(beside)
            finally:
                self._stop_all()

    def _begin(self, stage: Stage) -> None:
        if callable(stage):
            self._run_beside(stage)
            return
        children = [_Child(spec) for spec in stage]
        self._started.append(children)
        for child in children:
            if child.spec.log:
                rotate_log(child.spec.log)
            self._spawn(child)
        for child in children:
            self._await_ready(child)

    def _await_ready(self, child: _Child) -> None:
        deadline = time.monotonic() + child.spec.ready_timeout_s
        while child.spec.is_ready and not self._wakeups.stop_requests:
            if child.alive and child.spec.is_ready():
                return
            if child.deaths >= _DEATHS_BEFORE_READY or time.monotonic() > deadline:
                raise not_ready(child.spec)
            self._turn(PROBE_INTERVAL_S)

    def _watch(self, beside: Callable[[], int] | None) -> int:
        if beside:
            return self._run_beside(beside) or 0
        while not self._wakeups.stop_requests:
            self._turn()
        return 0

    def _run_beside(self, work: Callable[[], int | None]) -> int | None:
        """Run ``work`` in a thread while the children are watched; None if told to stop."""
        thread = SideThread(work, self._wakeups.wake)
        thread.start()
        while not thread.finished and not self._wakeups.stop_requests:
            self._turn()
        return thread.result() if not self._wakeups.stop_requests else None

    def _turn(self, timeout_s: float | None = None) -> None:
        """Wait for an event, at most ``timeout_s``; see who died, restart who is due."""
        due = [child.restart_at for child in self._children() if child.restart_at is not None]
        waits = [max(0, at - time.monotonic()) for at in due]
        if timeout_s is not None:
            waits.append(timeout_s)
        select.select([self._wakeups.descriptor], [], [], min(waits, default=None))
        self._wakeups.drain()
        for child in self._children():
            if child.alive and child.process and has_exited(child.process):
                self._note_death(child)
        restarted = [child for child in self._children() if self._is_due(child)]
        for child in restarted:
            self._spawn(child)
        if restarted and self._ready:
            self._report()

    def _is_due(self, child: _Child) -> bool:
        return (
            not self._stopping
            and child.restart_at is not None
            and child.restart_at <= time.monotonic()
        )

    def _note_death(self, child: _Child) -> None:
        status = child.process.returncode if child.process else None
        if self._stopping:
            log.info("stopped", process=child.spec.name, status=status)
            return
        if time.monotonic() - child.started_at >= STEADY_AFTER_S:
            child.deaths = 0
        wait_s = BACKOFF_S[min(child.deaths, len(BACKOFF_S) - 1)]
        child.deaths += 1
        child.restart_at = time.monotonic() + wait_s
        log.warning(
            "died",
            process=child.spec.name,
            status=status,
            restart_in_s=wait_s,
            last_output=last_lines(child.spec.log, 1),
        )

    def _spawn(self, child: _Child) -> None:
        child.restart_at = None
        child.started_at = time.monotonic()
        try:
            child.process = spawn(child.spec)
        except StandaloneError:
            if not self._ready:
                raise
            log.exception("restart failed", process=child.spec.name)
            self._note_death(child)
            return
        log.info("started", process=child.spec.name, pid=child.process.pid)

    def _report(self) -> None:
        if self._on_change:
            self._on_change(
                {c.spec.name: c.process.pid for c in self._children() if c.process and c.alive}
            )

    def _children(self) -> Iterable[_Child]:
        return [child for stage in self._started for child in stage]

    def _stop_all(self) -> None:
        self._stopping = True
        for child in self._children():
            child.restart_at = None
        while self._started:
            self._stop_stage(self._started[-1])
            self._started.pop()

    def _stop_stage(self, children: Sequence[_Child]) -> None:
        """Tell all at once; go on to a child's next signal when its time is over or we are told."""
        requests = self._wakeups.stop_requests
        ladders = {id(child): list(child.spec.stop_signals) for child in children}
        deadlines = dict.fromkeys(ladders, 0.0)
        while alive := [child for child in children if child.alive]:
            hastened = self._wakeups.stop_requests > requests
            requests = self._wakeups.stop_requests
            for child in alive:
                if hastened or time.monotonic() >= deadlines[id(child)]:
                    deadlines[id(child)] = _next_step(child, ladders[id(child)])
            nearest = min(deadlines[id(child)] for child in alive)
            self._turn(max(0, nearest - time.monotonic()))


def _next_step(child: _Child, ladder: list[tuple[Signals, float]]) -> float:
    """Send the next signal of the ladder, or SIGKILL past its end; returns the deadline."""
    if child.process is None:
        return float("inf")
    if not ladder:
        kill_group(child.process.pid)
        return time.monotonic() + 1
    stop_signal, patience_s = ladder.pop(0)
    child.process.send_signal(stop_signal)
    return time.monotonic() + patience_s
