"""The shapes in which rows of journeys travel, in the order of their columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any, Literal, NamedTuple
from uuid import UUID


class LeadRow(NamedTuple):
    """A lead as it is scored; of a long text its beginning."""

    id: UUID
    category: str | None
    text: str
    scraped_at: datetime


@dataclass(frozen=True, slots=True)
class CallFacts:
    """Calls with a contact, both ways; ``last_outcome`` is of the last one that we dialed.

    ``last_disposition`` is Asterisk's; both are None until it is known.
    """

    count: int
    answered: int
    last_at: datetime | None
    last_direction: str | None
    last_disposition: str | None
    last_outcome: str | None
    last_seconds: int | None


@dataclass(frozen=True, slots=True)
class AppointmentFacts:
    """Appointments of a contact; ``status`` is of the next that stands, else of the last."""

    count: int
    next_at: datetime | None
    status: str | None
    last_at: datetime | None
    last_status: str | None


class StepRow(NamedTuple):
    """A claimed step. ``ctid`` is its place, good until the transaction ends.

    ``share`` is how many steps its tenant could have had of the batch; ``results`` what earlier
    nodes of its journey left, by their names, where the step's node looks at any. ``wait_key`` is
    the event it waited for until now. ``lead`` is the contact's latest that nobody has looked at,
    and ``pricing`` what its tenant sells, where the step's node scores leads; so are ``calls`` and
    ``appointments`` there where its node looks at them.
    """

    ctid: str
    tenant_id: UUID
    id: int
    journey_id: UUID
    journey_contact_id: int
    node_id: int
    scheduled_at: datetime
    attempts: int
    entered_at: datetime
    contact_id: UUID
    version: int
    enrolled_at: datetime
    data: dict[str, Any] | None
    now: datetime
    steps: int = 1
    signal: dict[str, Any] | None = None
    share: int = 0
    wait_key: str | None = None
    results: Mapping[str, Mapping[str, Any]] | None = None
    lead: LeadRow | None = None
    pricing: Any = None
    calls: CallFacts | None = None
    appointments: AppointmentFacts | None = None


class Mark(NamedTuple):
    """A place in a tenant's due steps, in their order; what lies before it has been consumed."""

    tenant_id: UUID
    scheduled_at: datetime
    id: int


class ContactRow(NamedTuple):
    """What nodes may look at of a contact."""

    tenant_id: UUID
    id: UUID
    phone_number: str
    first_name: str | None
    last_name: str | None
    email: str | None
    company: str | None
    timezone: str | None
    status: str
    do_not_contact: bool
    tags: list[str]
    attributes: dict[str, Any]


class NodeRow(NamedTuple):
    """A node of one version of a journey; ``exits``: on the start node, the journey's own tests."""

    tenant_id: UUID
    journey_id: UUID
    version: int
    id: int
    key: str
    type: str
    config: dict[str, Any]
    edges: dict[str, str | None]
    is_start: bool
    on_cycle: bool = False
    exits: dict[str, Any] | None = None


class NewNode(NamedTuple):
    """A node as a version brings it."""

    key: str
    type: str
    config: Mapping[str, Any]
    edges: Mapping[str, str]
    on_cycle: bool


class TenantRow(NamedTuple):
    """A tenant's zone and execution rules; ``weekdays`` None: it laid none down.

    ``closes_at`` None is midnight, no quiet hours are two Nones.
    """

    tenant_id: UUID
    timezone: str
    weekdays: list[int] | None
    opens_at: time
    closes_at: time | None
    outside: Literal["next_opening", "next_business_day", "same_time_next_day", "skip", "pause"]
    quiet_starts_at: time | None
    quiet_ends_at: time | None
    resubmission: Literal["skip", "reschedule", "pause", "continue"]
    resubmission_hours: int
    max_messages_per_day: int | None
    call_gap_minutes: int


class ActivityRow(NamedTuple):
    """What a contact got from one journey (None: none); a moment None: no message, no call."""

    tenant_id: UUID
    contact_id: UUID
    journey_id: UUID | None
    messages_today: int
    last_message_at: datetime | None
    last_call_at: datetime | None


class AdvancedGroup(NamedTuple):
    """What steps that end alike share; ``next_node_id`` None ends the enrollment.

    ``next_error`` says why the next step is put off from its beginning, if a rule does so.
    """

    status: str
    outcome: str | None
    result: Mapping[str, Any] | None
    error: str | None
    next_node_id: int | None
    next_at: datetime | None
    next_wait_key: str | None
    next_error: str | None


class QueuedMessage(NamedTuple):
    """A message to be queued; ``group`` is the index of its text.

    ``sendable_until`` is the end of the hours in which it may be sent, None: no end.
    """

    tenant_id: UUID
    contact_id: UUID
    journey_id: UUID
    journey_contact_id: int
    execution_id: int
    group: int
    sendable_until: datetime | None


class QueuedCall(NamedTuple):
    """A call to be queued; ``group`` is the index of its script.

    ``callable_until`` is the end of the hours in which it may be dialed, None: no end.
    """

    tenant_id: UUID
    contact_id: UUID
    journey_id: UUID
    journey_contact_id: int
    execution_id: int
    group: int
    callable_until: datetime | None


class CallScript(NamedTuple):
    """How calls are made: by which number (or ``sticky``, ``random``), and what they lead to."""

    sender: str
    extension: str
    ring_timeout_s: int
    variables: Mapping[str, str]


class ContactChange(NamedTuple):
    """A change to one contact, as update_contacts.sql takes it."""

    tenant_id: UUID
    contact_id: UUID
    fields: Mapping[str, Any]
    attributes: Mapping[str, Any]
    add_tags: Sequence[str]
    remove_tags: Sequence[str]


class BatchLine(NamedTuple):
    """The batch history's figures for one journey."""

    tenant_id: UUID
    journey_id: UUID
    claimed: int
    completed: int
    rescheduled: int
    failed: int
    late_ms: int
    node_counts: Mapping[str, Any] = {}


class NodeFigures(NamedTuple):
    """What became of the contacts that came to a node; ``completed`` is by outcome."""

    version: int
    key: str
    type: str
    entered: int
    waiting: int
    completed: Mapping[str, int]
    skipped: int
    failed: int


class JourneyRow(NamedTuple):
    """A journey as it stands; ``unchanged`` says that its definition is the one asked about.

    ``same_exits``: its goal and exits are.
    """

    id: UUID
    version: int
    status: str
    unchanged: bool
    same_exits: bool
