"""The ledger of runs as one would explain it: a list, gone through from its beginning."""

from dataclasses import dataclass

ATTEMPTS = 2
LEASE = 10
BACKOFF = 40


@dataclass
class ModelRun:
    key: str | None
    folds: bool
    args: int
    priority: int
    run_at: int
    created_at: int
    state: str = "queued"
    attempts: int = 0
    started_at: int | None = None
    lease_until: int | None = None
    error: str | None = None

    @property
    def unfinished(self):
        return self.state in ("queued", "running")

    @property
    def open(self):
        """Later calls change it."""
        return self.folds and self.state == "queued" and self.started_at is None


class ModelLedger:
    """Of one tenant and one kind; times in seconds of a clock that stands still meanwhile."""

    def __init__(self):
        self.now = 0
        self.runs = []

    def enqueue(self, args, key, priority, how, period, max_wait):
        """(place of the run, outcome)"""
        if how == "unique":
            for place in reversed(range(len(self.runs))):
                run = self.runs[place]
                recent = period is not None and run.created_at > self.now - period
                if key and run.key == key and not run.folds and (run.unfinished or recent):
                    return place, "existing"
            return self._add(args, key, priority, self.now, folds=False)
        for place, run in enumerate(self.runs):
            if run.key == key and run.open:
                run.args, run.priority = args, max(run.priority, priority)
                if how == "debounce":
                    latest = run.created_at + max_wait if max_wait else self.now + period
                    run.run_at = min(self.now + period, latest)
                return place, "folded"
        run_at = self.now
        if how == "debounce":
            run_at += period
        if how == "throttle":
            starts = [
                run.started_at
                for run in self.runs
                if run.key == key and run.folds and run.started_at is not None
            ]
            run_at = max([run_at, *(start + period for start in starts)])
        return self._add(args, key, priority, run_at, folds=True)

    def _add(self, args, key, priority, run_at, *, folds):
        self.runs.append(ModelRun(key, folds, args, priority, run_at, self.now))
        return len(self.runs) - 1, "created"

    def claim(self):
        """The place of the run that is taken up, or None."""
        self._rescue()
        due = [run for run in self.runs if run.state == "queued" and run.run_at <= self.now]
        if not due:
            return None
        run = min(due, key=lambda run: (-run.priority, run.run_at, self.runs.index(run)))
        run.state, run.error = "running", None
        run.attempts += 1
        run.lease_until = self.now + LEASE
        run.started_at = self.now if run.started_at is None else run.started_at
        return next(place for place, other in enumerate(self.runs) if other is run)

    def _rescue(self):
        for run in self.runs:
            if run.state == "running" and run.lease_until < self.now:
                run.state = "failed" if run.attempts >= ATTEMPTS else "queued"
                run.error = "worker died"

    def succeed(self, place):
        self.runs[place].state = "succeeded"

    def fail(self, place):
        run = self.runs[place]
        run.error = "no luck"
        if run.attempts >= ATTEMPTS:
            run.state = "failed"
        else:
            run.state, run.run_at = "queued", self.now + BACKOFF * 2 ** (run.attempts - 1)

    def release(self, place):
        run = self.runs[place]
        run.state = "queued"
        run.attempts -= 1

    def cancel(self, place):
        if not self.runs[place].unfinished:
            return False
        self.runs[place].state = "cancelled"
        return True

    def retry(self, place):
        run = self.runs[place]
        taken = any(
            other.key == run.key
            and (other.open if run.folds else other.unfinished and not other.folds)
            for other in self.runs
        )
        folded = run.folds and run.started_at is not None
        if run.state not in ("failed", "cancelled") or (run.key and taken and not folded):
            return False
        run.state, run.attempts, run.error, run.run_at = "queued", 0, None, self.now
        return True

    def shown(self):
        return [
            (run.state, run.args, run.attempts, run.priority, run.run_at, run.error)
            for run in self.runs
        ]
