"""``make_call``: call the contact and go on by what became of the call."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import Field, field_validator

from db.queries.journeys.signals import CALL_KEY
from jobs.journeys.decisions import Advance, Decision, PlaceCall, Reschedule
from jobs.journeys.facts import Facts
from jobs.journeys.nodes.limited_wait import NEVER
from jobs.journeys.nodes.node import Node, NodeKey
from jobs.journeys.templates import render, template_facts

OUTCOMES = ("answered", "no_answer", "busy", "failed", "machine", "transferred", "none")
_LONGEST_VARIABLE = 500

VariableName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]


class MakeCall(Node):
    """Queues a call and waits for its outcome; a contact not to be contacted passes without one.

    The contact leaves by the edge of the outcome, else by ``next``: ``answered``, ``no_answer``,
    ``busy``, ``failed`` (it could not be dialed), ``machine``, ``transferred``, or ``none`` where
    nothing was heard of the call within five minutes of dialing. The tenant's limit of calls at
    once may keep it queued for as long as it takes; the rules hold again when it is dialed.

    The number shown is chosen as ``send_sms`` chooses its ``sender``. Once answered the call goes
    to ``extension`` of the dialplan, with ``variables`` (templates, as message bodies are) set on
    its channel. The step's result holds the ``outcome``, the ``call_id`` and, of a call that was
    answered, its ``billable_seconds``.
    """

    type: ClassVar[str] = "make_call"
    reaches_contact: ClassVar[bool] = True
    calls: ClassVar[bool] = True

    next: NodeKey
    answered: NodeKey | None = None
    no_answer: NodeKey | None = None
    busy: NodeKey | None = None
    failed: NodeKey | None = None
    machine: NodeKey | None = None
    transferred: NodeKey | None = None
    none: NodeKey | None = None
    sender: Annotated[str, Field(pattern=r"^(sticky|random|\+[1-9][0-9]{6,14})$")] = "sticky"
    extension: Annotated[str, Field(pattern=r"^[A-Za-z0-9*#_-]{1,32}$")] = "s"
    ring_seconds: int = Field(30, ge=5, le=300)
    variables: dict[VariableName, str] = Field(default_factory=dict, max_length=20)

    @field_validator("variables")
    @classmethod
    def _render(cls, variables: dict[str, str]) -> dict[str, str]:
        for template in variables.values():
            template_facts(template)
        return variables

    def edges(self) -> Mapping[str, str]:
        outcomes = {outcome: getattr(self, outcome) or self.next for outcome in OUTCOMES}
        return {"next": self.next, **outcomes}

    def inputs(self) -> frozenset[str]:
        used = (template_facts(template) for template in self.variables.values())
        return frozenset({"signal", "do_not_contact"}).union(*used)

    def evaluate(self, facts: Facts, now: datetime) -> Decision:
        del now
        signal = facts["signal"]
        if signal is not None:
            outcome = signal.get("outcome")
            return Advance(outcome if outcome in OUTCOMES else "failed", result=signal)
        if facts["do_not_contact"]:
            return Advance("next", "SKIPPED", result={"skipped": "do_not_contact"})
        variables = {name: _value(name, text, facts) for name, text in self.variables.items()}
        call = PlaceCall(self.sender, self.extension, self.ring_seconds, variables)
        # Those who dial see to it that every call has an outcome.
        return Reschedule(NEVER, wait_key=CALL_KEY, effects=(call,))


def _value(name: str, template: str, facts: Facts) -> str:
    """A variable's value: one line, as the PBX takes it."""
    value = " ".join(render(template, facts).split())
    if len(value) > _LONGEST_VARIABLE:
        raise ValueError(f"variable {name}: longer than {_LONGEST_VARIABLE} characters")
    return value
