"""What a tenant lays down about reaching people."""

from dataclasses import dataclass
from datetime import time, timedelta
from typing import Literal

from jobs.journeys.rules.hours import EVERY_DAY, MIDNIGHT, OpeningHours

Outside = Literal["next_opening", "next_business_day", "same_time_next_day", "skip", "pause"]
Resubmission = Literal["skip", "reschedule", "pause", "continue"]


def quiet_hours(starts_at: time, ends_at: time) -> OpeningHours:
    """Quiet hours as the hours between them: every day from ``ends_at`` to ``starts_at``."""
    return OpeningHours(EVERY_DAY, ends_at, starts_at)


_ANY_TIME = OpeningHours(EVERY_DAY, MIDNIGHT, None)
_BY_DAY = quiet_hours(time(21), time(8))


@dataclass(frozen=True, slots=True)
class ExecutionRules:
    """A tenant's rules, in the shape they have in the table ``execution_rules``.

    ``hours`` hold in the tenant's zone. ``audible`` are the hours that quiet hours leave, in the
    zone of the contact; None where there are no quiet hours. ``resubmission`` says what becomes of
    a step whose contact was reached from another journey within ``resubmission_window``. A day of
    ``max_messages_per_day`` is one of the contact's zone.
    """

    hours: OpeningHours = _ANY_TIME
    outside: Outside = "next_opening"
    audible: OpeningHours | None = _BY_DAY
    resubmission: Resubmission = "continue"
    resubmission_window: timedelta = timedelta(hours=24)
    max_messages_per_day: int | None = None
    call_gap: timedelta = timedelta(minutes=5)

    def need_activity(self, *, calls: bool) -> bool:
        """Whether they ask what the contact got lately; ``calls``: of a step that calls."""
        return (
            self.resubmission != "continue"
            or (calls and bool(self.call_gap))
            or (not calls and self.max_messages_per_day is not None)
        )


DEFAULT_RULES = ExecutionRules()
"""Those of a tenant that laid nothing down: any hour but the contact's 21:00 to 08:00."""
