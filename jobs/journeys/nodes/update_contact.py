"""``update_contact``: change the contact's fields, attributes and tags."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field, model_validator

from jobs.journeys.decisions import Advance, Decision, UpdateContact
from jobs.journeys.facts import Facts
from jobs.journeys.nodes.linear import LinearNode
from jobs.journeys.templates import render, template_facts

Tag = Annotated[str, Field(min_length=1, max_length=64)]

_COLUMNS = frozenset({"first_name", "last_name", "email", "company", "timezone", "status"})
_ATTRIBUTE = "attributes."


def _settable(name: str) -> str:
    attribute = name.startswith(_ATTRIBUTE) and len(name) > len(_ATTRIBUTE)
    if name not in _COLUMNS and not attribute:
        choices = ", ".join(sorted(_COLUMNS))
        raise ValueError(f"unknown field: choose of {choices} or attributes.NAME")
    return name


def _storable(value: Any) -> Any:
    if not isinstance(value, str | int | float | bool | None):
        raise ValueError("give a text, a number, a boolean or null")  # noqa: TRY004 - pydantic's
    if isinstance(value, str):
        template_facts(value)
    return value


Settable = Annotated[str, AfterValidator(_settable)]
Value = Annotated[Any, AfterValidator(_storable)]


class UpdateContactNode(LinearNode):
    """Sets what ``set`` says (texts may be templates, null clears), adds and removes tags."""

    type: ClassVar[str] = "update_contact"

    set: Mapping[Settable, Value] = Field(default_factory=dict)
    add_tags: tuple[Tag, ...] = ()
    remove_tags: tuple[Tag, ...] = ()

    @model_validator(mode="after")
    def _some_change(self) -> "UpdateContactNode":
        if not (self.set or self.add_tags or self.remove_tags):
            raise ValueError("give set, add_tags or remove_tags")
        if self.set.get("status", "") is None:
            raise ValueError("status can't be cleared")
        return self

    def inputs(self) -> frozenset[str]:
        texts = (value for value in self.set.values() if isinstance(value, str))
        return frozenset().union(*map(template_facts, texts))

    def evaluate(self, facts: Facts, now: datetime) -> Decision:
        del now
        fields: dict[str, Any] = {}
        attributes: dict[str, Any] = {}
        for name, value in self.set.items():
            rendered = render(value, facts) if isinstance(value, str) else value
            if name.startswith(_ATTRIBUTE):
                attributes[name.removeprefix(_ATTRIBUTE)] = rendered
            else:
                fields[name] = rendered if rendered is None else str(rendered)
        change = UpdateContact(fields, attributes, self.add_tags, self.remove_tags)
        return Advance("next", effects=(change,))
