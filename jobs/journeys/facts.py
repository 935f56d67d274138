"""The words journey files may use of a contact, and where each value comes from.

=====================  ==========================================================
``first_name`` …       a column of the contact
``attributes.NAME``    an attribute of the contact
``data.NAME``          what the contact was enrolled with
``results.NODE.NAME``  what a node last left in this enrollment: a field of its result,
                       such as ``segments``, or its ``outcome``
``zone``               IANA zone: the contact's, else the tenant's, else UTC
``enrolled_at``        when the contact entered the journey (aware datetime)
``entered_at``         when it came to the node (aware datetime)
=====================  ==========================================================
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from db.queries.journeys.rows import ContactRow, StepRow

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


_RESULT = re.compile(r"results\.([A-Za-z0-9][\w-]*)\.(.+)", re.DOTALL)


def result_node(name: str) -> str | None:
    """The node whose result the word names; None where it names something else."""
    found = _RESULT.fullmatch(name)
    return found[1] if found else None


def is_fact(name: str) -> bool:
    """Whether journey files may use the word."""
    return (
        name in CONTACT_COLUMNS
        or name in _STEP_FACTS
        or name == "zone"
        or result_node(name) is not None
        or any(name.startswith(prefix) and len(name) > len(prefix) for prefix in _NESTED)
    )


def needs_contact(name: str) -> bool:
    """Whether the value has to be read from the contact's row."""
    return name not in _STEP_FACTS and not name.startswith(("data.", "results."))


def fact_reader(name: str) -> FactReader:
    """A function (step, contact, the tenant's zone) → value of the fact, None where it has none.

    Raises:
        KeyError: there is no such fact.
    """
    if name in _STEP_FACTS:
        return _STEP_FACTS[name]
    if name == "zone":
        return lambda _step, contact, zone: (contact and contact.timezone) or zone
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
        return lambda step, _contact, _zone: (step.results or {}).get(node, {}).get(field)
    raise KeyError(name)
