"""The words journey files may use of a contact, and where each value comes from.

=====================  ==========================================================
``first_name`` …       a column of the contact
``attributes.NAME``    an attribute of the contact
``data.NAME``          what the contact was enrolled with
``results.NODE.NAME``  what a node last left in this enrollment: a field of its result,
                       such as ``segments``, or its ``outcome``; ``answer.NAME`` is a part of one
``calls.NAME``         of the calls with the contact, in and out: their ``count``, how many
                       were ``answered``, and of the last one ``last_at``,
                       ``last_direction``, ``last_disposition`` (``ANSWERED``,
                       ``NO ANSWER``, ``BUSY``, ``FAILED``) and ``last_seconds``;
                       ``last_outcome`` of the last one that was made
``appointments.NAME``  of its appointments: their ``count``, when the next one is
                       (``next_at``), its ``status`` or, without one, that of the last
                       one, and of that ``last_at`` and ``last_status``
``zone``               IANA zone: the contact's, else the tenant's, else UTC
``enrolled_at``        when the contact entered the journey (aware datetime)
``entered_at``         when it came to the node (aware datetime)
=====================  ==========================================================
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from db.queries.journeys.rows import AppointmentFacts, CallFacts, ContactRow, StepRow

Facts = Mapping[str, Any]
FactReader = Callable[[StepRow, ContactRow | None, str], Any]

CONTACT_COLUMNS = (
    "phone_number",
    "first_name",
    "last_name",
    "email",
    "company",
    "timezone",
    "status",
    "do_not_contact",
    "tags",
)
_STEP_FACTS: dict[str, FactReader] = {
    "enrolled_at": lambda step, _contact, _zone: step.enrolled_at,
    "entered_at": lambda step, _contact, _zone: step.entered_at,
    "signal": lambda step, _contact, _zone: step.signal,
}
_NESTED = ("attributes.", "data.")


_PAST = {
    root: frozenset(field.name for field in fields(shape))
    for root, shape in (("calls", CallFacts), ("appointments", AppointmentFacts))
}

_RESULT = re.compile(r"results\.([A-Za-z0-9][\w-]*)\.(.+)", re.DOTALL)


def result_node(name: str) -> str | None:
    """The node whose result the word names; None where it names something else."""
    found = _RESULT.fullmatch(name)
    return found[1] if found else None


def past_of(name: str) -> str | None:
    """``calls`` or ``appointments``, where the word names something of theirs."""
    root, _, field = name.partition(".")
    return root if field in _PAST.get(root, ()) else None


def is_fact(name: str) -> bool:
    """Whether journey files may use the word."""
    return (
        name in CONTACT_COLUMNS
        or name in _STEP_FACTS
        or name == "zone"
        or result_node(name) is not None
        or past_of(name) is not None
        or any(name.startswith(prefix) and len(name) > len(prefix) for prefix in _NESTED)
    )


def needs_contact(name: str) -> bool:
    """Whether the value has to be read from the contact's row."""
    if past_of(name) or name in _STEP_FACTS:
        return False
    return not name.startswith(("data.", "results."))


def _zone(_step: StepRow, contact: ContactRow | None, zone: str) -> str:
    return (contact and contact.timezone) or zone


def fact_reader(name: str) -> FactReader:
    """A function (step, contact, the tenant's zone) → value of the fact, None where it has none.

    Raises:
        KeyError: there is no such fact.
    """
    if name in _STEP_FACTS or name == "zone":
        return _STEP_FACTS.get(name, _zone)
    if name.startswith("data."):
        key = name.removeprefix("data.")
        return lambda step, _contact, _zone: None if step.data is None else step.data.get(key)
    if name.startswith("attributes."):
        key = name.removeprefix("attributes.")
        return lambda _step, contact, _zone: contact and contact.attributes.get(key)
    if name in CONTACT_COLUMNS:
        return lambda _step, contact, _zone: contact and getattr(contact, name)
    if found := _RESULT.fullmatch(name):
        node, field = found.groups()
        return lambda step, _contact, _zone: _part((step.results or {}).get(node, {}), field)
    if root := past_of(name):
        field = name.removeprefix(f"{root}.")
        return lambda step, _contact, _zone: getattr(getattr(step, root), field, None)
    raise KeyError(name)


def _part(result: Mapping[str, Any], name: str) -> Any:
    """A field of a node's result, by dots one of what it holds; None where there is none."""
    found: Any = result
    for word in (name,) if name in result else name.split("."):
        found = found.get(word) if isinstance(found, Mapping) else None
    return found
