"""When and how often a tenant may reach people: hours, quiet hours, limits; pure."""

from jobs.journeys.rules.activity import ContactActivity, judge
from jobs.journeys.rules.execution import (
    DEFAULT_RULES,
    ExecutionRules,
    Outside,
    Resubmission,
    quiet_hours,
)
from jobs.journeys.rules.hours import EVERY_DAY, NeverOpenError, OpeningHours
from jobs.journeys.rules.reach import CLOSED, Allowed, Reach, Skip, Verdict

__all__ = [
    "CLOSED",
    "DEFAULT_RULES",
    "EVERY_DAY",
    "Allowed",
    "ContactActivity",
    "ExecutionRules",
    "NeverOpenError",
    "OpeningHours",
    "Outside",
    "Reach",
    "Resubmission",
    "Skip",
    "Verdict",
    "judge",
    "quiet_hours",
]
