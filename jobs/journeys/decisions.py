"""What an evaluator may decide for a step, and what it may ask to be done to the world."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class SendMessage:
    """Queue an SMS to the contact; ``body`` is the rendered text.

    ``sender`` is a number (E.164), or how one of the tenant's is chosen: ``sticky``, ``random``.
    """

    body: str
    sender: str = "sticky"


@dataclass(frozen=True, slots=True)
class UpdateContact:
    """Change the contact: columns and attributes set (null clears), tags added and removed."""

    fields: Mapping[str, Any] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()

    def then(self, later: "UpdateContact") -> "UpdateContact":
        """Both changes as one, ``later`` winning; for a contact twice in a batch."""
        return UpdateContact(
            {**self.fields, **later.fields},
            {**self.attributes, **later.attributes},
            (
                *(tag for tag in self.add_tags if tag not in later.remove_tags),
                *later.add_tags,
            ),
            (
                *(tag for tag in self.remove_tags if tag not in later.add_tags),
                *later.remove_tags,
            ),
        )


@dataclass(frozen=True, slots=True)
class ChangeCampaign:
    """Add the contact to the campaign of that name, or take it out."""

    campaign: str
    belongs: bool


@dataclass(frozen=True, slots=True)
class EnterJourney:
    """Enroll the contact in the journey of that key."""

    journey: str


@dataclass(frozen=True, slots=True)
class PlaceCall:
    """Queue a call to the contact, unless the step has one.

    ``sender`` is as in ``SendMessage``; ``extension`` is where the dialplan takes a call that was
    answered, ``variables`` are what the channel is given.
    """

    sender: str
    extension: str
    ring_timeout_s: int
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RequestApproval:
    """Put a drafted reply before a person, ``assigned_to`` or anybody; the highest priority first.

    ``expires_at`` is when it is taken back again; None: never.
    """

    body: str
    priority: int = 0
    assigned_to: str | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ScoreLead:
    """Give the contact's lead its score (0–100), and a status where it was NEW."""

    score: int
    status: str


@dataclass(frozen=True, slots=True)
class CallWebhook:
    """Post ``document`` (JSON, with the ids of the step added) to ``url``."""

    url: str
    document: Mapping[str, Any]


Effect = (
    SendMessage
    | UpdateContact
    | ChangeCampaign
    | EnterJourney
    | PlaceCall
    | RequestApproval
    | ScoreLead
    | CallWebhook
)


@dataclass(frozen=True, slots=True)
class Advance:
    """The step is done; the contact leaves by the edge named ``outcome``."""

    outcome: str
    status: Literal["COMPLETED", "SKIPPED"] = "COMPLETED"
    effects: tuple[Effect, ...] = ()
    result: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Reschedule:
    """The step waits until ``at``, or for an event until then.

    ``failed`` says that a try was spent on it, ``wait_key`` names the event; one that ends in a
    colon goes on with the step's id, for what no other step is to be told. ``effects`` are done at
    once: of a step that asks for something and waits for the answer.
    """

    at: datetime
    reason: str | None = None
    failed: bool = False
    wait_key: str | None = None
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True, slots=True)
class Hold:
    """The step waits for no time of its own: the enrollment is paused until it is resumed."""

    reason: str


@dataclass(frozen=True, slots=True)
class Fail:
    """The step is over and the enrollment with it."""

    reason: str


EXIT = "journey exit"
GOAL = "journey goal"
"""Outcomes of a step whose contact leaves the journey by a test of the journey's own; no node can
have an outcome of that name."""

Decision = Advance | Reschedule | Hold | Fail
