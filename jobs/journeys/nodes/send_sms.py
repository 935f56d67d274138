"""``send_sms``: queue a text message to the contact."""

from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import Field, field_validator

from jobs.journeys.decisions import Advance, Decision, SendMessage
from jobs.journeys.facts import Facts
from jobs.journeys.nodes.linear import LinearNode
from jobs.journeys.segments import count_segments
from jobs.journeys.templates import render, template_facts


class SendSms(LinearNode):
    """Renders ``body`` and queues it; a contact not to be contacted passes without a message.

    It is sent from one of the tenant's active numbers, chosen by lot so that every one is used:
    with ``sender: sticky`` the same for a contact as long as it is active (one more takes over its
    share of the contacts and moves no others), with ``random`` anew for each message; or from the
    number given. A tenant without numbers sends from
    its ``sms_sender``. The step's result holds the ``segments`` (SMS) that the text takes, and its
    ``encoding``.

    The step is done when the message is queued: deliveries send it, and look at the contact again
    when they do.
    """

    type: ClassVar[str] = "send_sms"
    reaches_contact: ClassVar[bool] = True

    body: str = Field(min_length=1, max_length=1600)
    sender: Annotated[str, Field(pattern=r"^(sticky|random|\+[1-9][0-9]{6,14})$")] = "sticky"

    @field_validator("body")
    @classmethod
    def _renders(cls, body: str) -> str:
        template_facts(body)
        return body

    def inputs(self) -> frozenset[str]:
        return template_facts(self.body) | {"do_not_contact"}

    def evaluate(self, facts: Facts, now: datetime) -> Decision:
        del now
        if facts["do_not_contact"]:
            return Advance("next", "SKIPPED", result={"skipped": "do_not_contact"})
        body = render(self.body, facts).strip()
        if not body:
            raise ValueError("the message is empty for this contact")
        segments = count_segments(body)
        return Advance(
            "next",
            effects=(SendMessage(body, self.sender),),
            result={"segments": segments.count, "encoding": segments.encoding},
        )
