"""A contact and a step of its, as batches read them, for tests that need no database."""

from datetime import UTC, datetime
from uuid import UUID

from db.queries.journeys.rows import AppointmentFacts, CallFacts, ContactRow, StepRow

NOW = datetime(2026, 3, 2, tzinfo=UTC)
CONTACT = ContactRow(
    UUID(int=1), UUID(int=2), "+15550000000", "Ada", "L", "a@x.org", "X", "Asia/Tokyo", "NEW",
    do_not_contact=True, tags=["vip"], attributes={"plan": "pro"},
)  # fmt: skip
STEP = StepRow(
    ctid="(0,1)",
    tenant_id=UUID(int=1),
    id=1,
    journey_id=UUID(int=3),
    journey_contact_id=1,
    node_id=1,
    scheduled_at=NOW,
    attempts=0,
    entered_at=NOW,
    contact_id=UUID(int=2),
    version=1,
    enrolled_at=NOW.replace(day=1),
    data={"code": 7},
    now=NOW,
    calls=CallFacts(3, 1, NOW, "outbound", "BUSY", "busy", 0),
    appointments=AppointmentFacts(2, NOW, "CONFIRMED", None, None),
    results={
        "hello": {"outcome": "next", "segments": 2},
        "hook": {
            "status": 200,
            "answer": {"score": 9, "deep": {"er": [1]}},
            "dotted.name": "whole",
        },
    },
)


def step_of(contact_id):
    """The step as another contact's."""
    return STEP._replace(contact_id=contact_id)
