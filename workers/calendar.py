"""What happens at fixed times, and which of those times have come."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from apscheduler.triggers.cron import CronTrigger

from jobs.imports.kept import sweep_files
from jobs.journeys.lifecycle.retiming import sweep_rules
from jobs.journeys.lifecycle.settling import sweep
from jobs.maintenance.firings import Work
from jobs.maintenance.partitions import extend_partitions
from jobs.runs.pruning import prune_runs
from workers.call_stream import claim_owned_calls
from workers.kinds import KINDS

# Looked back through, one after the other, for an entry's latest time: each holds at most some
# hundred fire times of an entry that has none in the one before.
_LOOKS_BACK = (
    timedelta(minutes=2),
    timedelta(hours=2),
    timedelta(days=2),
    timedelta(days=62),
    timedelta(days=366 * 5),
)


@dataclass(frozen=True)
class CalendarEntry:
    """``cron``: five fields, read in ``timezone``; ``work``: what a worker then does."""

    name: str
    cron: str
    work: Work
    timezone: str = "UTC"

    def latest(self, now: datetime) -> datetime | None:
        """The last time ≤ ``now`` (aware) it should fire; None if it has none in five years."""
        trigger = CronTrigger.from_crontab(self.cron, timezone=self.timezone)
        for back in _LOOKS_BACK:
            latest: datetime | None = None
            fire_at = trigger.get_next_fire_time(None, now - back)
            while fire_at is not None and fire_at <= now:
                latest = fire_at
                fire_at = trigger.get_next_fire_time(fire_at, fire_at)
            if latest is not None:
                return latest
        return None


ENTRIES = (
    CalendarEntry("extend_partitions", "17 3 * * *", extend_partitions),
    CalendarEntry("retime_steps", "*/5 * * * *", sweep_rules),
    CalendarEntry("settle_steps", "*/5 * * * *", sweep),
    CalendarEntry("claim_calls", "*/10 * * * *", claim_owned_calls),
    CalendarEntry("prune_runs", "*/5 * * * *", partial(prune_runs, kinds=KINDS.values())),
    CalendarEntry("sweep_files", "41 * * * *", sweep_files),
)
WORKS = {entry.name: entry.work for entry in ENTRIES}


def due_firings(
    entries: Iterable[CalendarEntry], last_fired: Mapping[str, datetime], now: datetime
) -> list[tuple[str, datetime]]:
    """(name, fire time) of every entry that should have fired since it last did; pure.

    Of several missed times the last alone is caught up; an entry that never fired is given its
    last one, so that a new stack doesn't wait for the morning.
    """
    firings = []
    for entry in entries:
        latest = entry.latest(now)
        if latest is None:
            continue
        before = last_fired.get(entry.name)
        if before is None or before < latest:
            firings.append((entry.name, latest))
    return firings
