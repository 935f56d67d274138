"""What the decisions of a batch ask to be done, as the rows that statements take."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from db.queries.journeys.rows import CallScript, ContactChange, QueuedCall, QueuedMessage, StepRow
from jobs.journeys.decide import Decided, DecidedGroup
from jobs.journeys.decisions import (
    Advance,
    ChangeCampaign,
    EnterJourney,
    PlaceCall,
    Reschedule,
    SendMessage,
    UpdateContact,
)

E = TypeVar("E")


def asked(decided: Sequence[Decided], kind: type[E]) -> Iterator[tuple[StepRow, DecidedGroup, E]]:
    """Every effect of a kind, with the step that asks for it and its group."""
    for step, group in decided:
        if isinstance(group.decision, Advance | Reschedule):
            for effect in group.decision.effects:
                if isinstance(effect, kind):
                    yield step, group, effect


def messages(
    decided: Sequence[Decided],
) -> tuple[list[QueuedMessage], list[tuple[str, str]]]:
    """Messages, and their texts (body, sender) by group."""
    queued: list[QueuedMessage] = []
    numbers: dict[int, int] = {}
    texts: list[tuple[str, str]] = []
    for step, group, effect in asked(decided, SendMessage):
        if id(effect) not in numbers:
            numbers[id(effect)] = len(texts)
            texts.append((effect.body, effect.sender))
        queued.append(
            QueuedMessage(
                step.tenant_id,
                step.contact_id,
                step.journey_id,
                step.journey_contact_id,
                step.id,
                numbers[id(effect)],
                group.sendable_until,
            )
        )
    return queued, texts


def calls(decided: Sequence[Decided]) -> tuple[list[QueuedCall], list[CallScript]]:
    """Calls, and what those of one decision have in common, by group."""
    queued: list[QueuedCall] = []
    numbers: dict[int, int] = {}
    scripts: list[CallScript] = []
    for step, group, effect in asked(decided, PlaceCall):
        if id(effect) not in numbers:
            numbers[id(effect)] = len(scripts)
            scripts.append(
                CallScript(effect.sender, effect.extension, effect.ring_timeout_s, effect.variables)
            )
        queued.append(
            QueuedCall(
                step.tenant_id,
                step.contact_id,
                step.journey_id,
                step.journey_contact_id,
                step.id,
                numbers[id(effect)],
                group.sendable_until,
            )
        )
    return queued, scripts


def wait_key(step: StepRow, put_off: Reschedule) -> str | None:
    """The event that the step waits for, if it does; another try waits for what the last did."""
    if put_off.failed:
        return step.wait_key
    key = put_off.wait_key
    return f"{key}{step.id}" if key is not None and key.endswith(":") else key


def contact_changes(decided: Sequence[Decided]) -> list[ContactChange]:
    """Each contact once: what several journeys ask of it is merged in order of time."""
    merged: dict[tuple[UUID, UUID], UpdateContact] = {}
    for step, _, effect in sorted(asked(decided, UpdateContact), key=_due):
        key = (step.tenant_id, step.contact_id)
        merged[key] = merged[key].then(effect) if key in merged else effect
    return [
        ContactChange(*key, change.fields, change.attributes, change.add_tags, change.remove_tags)
        for key, change in merged.items()
    ]


def campaign_changes(decided: Sequence[Decided], *, belongs: bool) -> list[tuple[UUID, UUID, str]]:
    """(tenant_id, contact_id, campaign) of those who join, or leave.

    Of several changes to one membership in a batch, the one due last stands.
    """
    last: dict[tuple[UUID, UUID, str], bool] = {}
    for step, _, effect in sorted(asked(decided, ChangeCampaign), key=_due):
        last[step.tenant_id, step.contact_id, effect.campaign] = effect.belongs
    return [membership for membership, joins in last.items() if joins == belongs]


def entries(decided: Sequence[Decided]) -> list[tuple[UUID, UUID, str]]:
    """(tenant_id, contact_id, key of the journey) of those who enter another journey."""
    return [
        (step.tenant_id, step.contact_id, effect.journey)
        for step, _, effect in asked(decided, EnterJourney)
    ]


def _due(asking: tuple[StepRow, DecidedGroup, object]) -> datetime:
    return asking[0].scheduled_at
