"""What every node type is: a pydantic model of its config with two pure functions over facts."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from jobs.journeys.decisions import Decision
from jobs.journeys.facts import FactReader, Facts


def node_name(value: Any) -> Any:
    """A node's name as text, where the file has it as a bare number."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


NodeKey = Annotated[
    str,
    BeforeValidator(node_name),
    Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][\w-]*$"),
]


FAILURE = "failure"
"""The outcome of a step that failed for good."""


class Node(BaseModel, ABC):
    """A node of a journey: its config as the journey file has it, checked.

    Evaluators are pure: the same facts and the same ``now`` give the same decision. That is what
    lets a batch evaluate once for all contacts that look alike in the facts a node names.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: ClassVar[str]
    waits: ClassVar[bool] = False
    """A contact stays here for a time, so a cycle through it is no endless loop."""
    reaches_contact: ClassVar[bool] = False
    """It messages or calls a person: the tenant's rules hold."""
    calls: ClassVar[bool] = False
    """Of one that reaches contacts: by a call, not by a message."""
    reads_lead: ClassVar[bool] = False
    """It looks at the contact's latest lead, and at what the tenant sells."""
    skip_outcome: ClassVar[str] = "next"
    """Of one that reaches contacts: the edge of those whom a rule has passed over."""

    on_failure: NodeKey | None = None
    """Where a contact goes whose step fails for good; None ends its journey as failed."""

    def exits(self) -> Mapping[str, str]:
        """All edges, the one of failed steps included."""
        return {**self.edges(), **({FAILURE: self.on_failure} if self.on_failure else {})}

    def wait_key(self) -> str | None:
        """The event that a contact waits for here, if it does."""
        return None

    @abstractmethod
    def edges(self) -> Mapping[str, str]:
        """Outcome → key of the next node; empty where the journey ends."""

    def inputs(self) -> frozenset[str]:
        """Names of the facts that ``evaluate`` looks at."""
        return frozenset()

    def computed(self, key: str) -> Mapping[str, FactReader]:
        """Facts of the node's own, by name, each worked out from a step.

        ``inputs`` and ``due_inputs`` may name them; what they need of the contact's row is named
        by ``computed_from``. ``key`` is the node's name in its journey. The fewer values such a
        fact has, the fewer groups a batch is evaluated in.
        """
        del key
        return {}

    def computed_from(self) -> frozenset[str]:
        """Names of facts that the computed ones are worked out from."""
        return frozenset()

    @abstractmethod
    def evaluate(self, facts: Facts, now: datetime) -> Decision:
        """What becomes of a step that is due. What it raises fails the step with that reason."""

    def due_inputs(self) -> frozenset[str]:
        """Names of the facts that ``due_at`` looks at."""
        return frozenset()

    def due_at(self, facts: Facts, now: datetime) -> datetime:
        """When the step of a contact that comes here at ``now`` is worth looking at.

        ``evaluate`` asks again when that time has come, so this only saves looking too early.
        """
        del facts
        return now
