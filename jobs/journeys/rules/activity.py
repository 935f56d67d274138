"""What a contact got lately, and what a tenant's rules make of it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from jobs.journeys.decisions import Hold, Reschedule
from jobs.journeys.rules.hours import NeverOpenError
from jobs.journeys.rules.reach import LOOK_AGAIN, Allowed, Reach, Skip, Verdict

BUSY = "another step of the contact is under way"
_BUSY_WAIT = timedelta(seconds=1)


@dataclass(slots=True)
class ContactActivity:
    """Messages on the contact's day; when each journey (None: none) last reached it; its last call.

    What waits to be sent counts as sent. Steps that a batch lets through are noted as it goes, so
    that those of the same contact after them see them.
    """

    messages_today: int = 0
    reached: dict[UUID | None, datetime] = field(default_factory=dict)
    called_at: datetime | None = None

    def note(self, journey_id: UUID, now: datetime, *, calls: bool) -> None:
        self.reached[journey_id] = now
        if calls:
            self.called_at = now
        else:
            self.messages_today += 1

    def copy(self) -> "ContactActivity":
        return ContactActivity(self.messages_today, dict(self.reached), self.called_at)


def judge(
    reach: Reach, seen: ContactActivity | None, journey_id: UUID, now: datetime, *, calls: bool
) -> Verdict:
    """What becomes of a step that the clock allows.

    Args:
        reach: the tenant's rules for contacts of this zone.
        seen: None where another batch has the contact in its hands.
        journey_id: the step's own.
        now: the moment of execution, aware.
        calls: the step calls; else it sends a message.
    """
    if seen is None:
        return Reschedule(now + _BUSY_WAIT, BUSY)
    rules = reach.rules
    waits: list[tuple[datetime, str]] = []
    elsewhere = max(
        (at for key, at in seen.reached.items() if key not in {journey_id, None}), default=None
    )
    if elsewhere is not None and now < elsewhere + rules.resubmission_window:
        reason = "reached from another journey lately"
        match rules.resubmission:
            case "skip":
                return Skip(reason)
            case "pause":
                return Hold(reason)
            case "reschedule":
                waits.append((elsewhere + rules.resubmission_window, reason))
    most = rules.max_messages_per_day
    if not calls and most is not None and seen.messages_today >= most:
        waits.append((reach.day_of(now)[1], f"the contact had its messages of the day: {most}"))
    if calls and seen.called_at is not None and now < seen.called_at + rules.call_gap:
        waits.append((seen.called_at + rules.call_gap, "called a moment ago"))
    if not waits:
        seen.note(journey_id, now, calls=calls)
        return Allowed(reach.allowed_until(now))
    at, reason = max(waits)
    try:
        return Reschedule(reach.next_allowed(at), reason)
    except NeverOpenError as error:
        return Reschedule(now + LOOK_AGAIN, str(error))
