"""``webhook``: another service is called, and the contact goes on by what it answers."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from db.queries.webhooks import WAIT_KEY
from jobs.journeys.decisions import Advance, CallWebhook, Decision, Fail, Reschedule
from jobs.journeys.facts import FactReader, Facts, is_fact
from jobs.journeys.nodes.node import Node, NodeKey
from jobs.journeys.templates import render, render_url, template_facts

GIVE_UP = timedelta(days=1)
"""A step that has asked and got no answer for so long (nobody calls, say) has failed."""

_ADDRESS = re.compile(r"(?P<host>https?://[^/?#{}\\@\s]+)(?P<rest>([/?][^#]*)?)", re.IGNORECASE)
_UNSAFE = re.compile(r"[\s\\\x00-\x1f]|(?<=/)\.\.?(?=[/?]|$)")
_LONGEST_URL = 4000
_DEEPEST = 10


def _callable(url: str) -> str:
    parts = _ADDRESS.fullmatch(url)
    if parts is None:
        raise ValueError(
            "expected http:// or https://, a host that is written out, and a path that may hold "
            "{{ fields }}; no user, no #fragment"
        )
    try:
        address = urlsplit(parts["host"])
        named = bool(address.hostname) and address.port != 0
    except ValueError:
        named = False
    if not named:
        raise ValueError(f"{parts['host']!r} names no host and port")
    template_facts(parts["rest"])
    return url


def _sendable(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    for text in _texts(payload, _DEEPEST):
        template_facts(text)
    return payload


def _known(name: str) -> str:
    if not is_fact(name) or name == "signal":
        raise ValueError(f"unknown field {name!r}")
    return name


class Webhook(Node):
    """Posts JSON to ``url``, signed with the tenant's secret, and waits for the answer.

    The document holds ``fields`` (fields as conditions know them, typed), ``payload`` (values of
    one's own; texts may be templates), and the ids: ``id`` (the same for every try), ``journey``,
    ``node``, ``contact_id``, ``enrollment_id`` and ``execution_id``. In the address, path and query
    may be templates; what they hold of a contact is percent-encoded.

    2xx leads to ``next`` (outcome ``success``), a definite no (4xx, a redirect, an address not to
    be called) to ``refused``, and what stays without success after three tries to ``failed``. An
    outcome without a branch fails the step. Its result holds ``status``, ``answer`` (of a JSON one
    of up to 16 KiB), ``attempts`` and ``error``: a condition may ask for
    ``results.NODE.answer.NAME``.
    """

    type: ClassVar[str] = "webhook"

    url: Annotated[str, Field(min_length=1, max_length=2000), AfterValidator(_callable)]
    fields: tuple[Annotated[str, AfterValidator(_known)], ...] = (
        "phone_number",
        "first_name",
        "last_name",
        "email",
        "company",
        "timezone",
        "status",
        "tags",
    )
    payload: Annotated[Mapping[str, Any], AfterValidator(_sendable)] = Field(default_factory=dict)
    next: NodeKey
    refused: NodeKey | None = None
    failed: NodeKey | None = None

    def edges(self) -> Mapping[str, str]:
        branches = {"success": self.next, "refused": self.refused, "failed": self.failed}
        return {outcome: key for outcome, key in branches.items() if key}

    def computed(self, key: str) -> Mapping[str, FactReader]:
        del key
        return {"asked": lambda step, _contact, _zone: step.wait_key == WAIT_KEY}

    def inputs(self) -> frozenset[str]:
        texts = (self._parts()[1], *_texts(self.payload, _DEEPEST))
        return frozenset({"signal", "asked", *self.fields}).union(*map(template_facts, texts))

    def evaluate(self, facts: Facts, now: datetime) -> Decision:
        if facts["signal"] is not None:
            return self._left(facts["signal"])
        if facts["asked"]:
            return self._left({"outcome": "failed", "error": "no answer within a day"})
        host, rest = self._parts()
        url = host + render_url(rest, facts)
        if _UNSAFE.search(url.partition("?")[0]) or len(url) > _LONGEST_URL:
            raise ValueError("the address is none for this contact")
        document: dict[str, Any] = {"fields": {name: _plain(facts[name]) for name in self.fields}}
        if self.payload:
            document["payload"] = _filled(self.payload, facts)
        return Reschedule(now + GIVE_UP, wait_key=WAIT_KEY, effects=(CallWebhook(url, document),))

    def _parts(self) -> tuple[str, str]:
        """The host with what leads to it, and the template of path and query."""
        parts = _ADDRESS.fullmatch(self.url)
        return (parts["host"], parts["rest"]) if parts else (self.url, "")

    def _left(self, answer: Mapping[str, Any]) -> Decision:
        outcome = str(answer["outcome"])
        result = {name: value for name, value in answer.items() if name != "outcome"}
        if outcome in self.edges():
            return Advance(outcome, result=result)
        return Fail(f"webhook {outcome}: {answer.get('error')}")


def _texts(value: Any, deeper: int) -> Iterator[str]:
    """Every text in a payload.

    Raises:
        ValueError: it is nested too deeply.
    """
    if deeper < 0:
        raise ValueError("nested too deeply")
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item, deeper - 1)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, deeper - 1)
    elif isinstance(value, str):
        yield value


def _filled(value: Any, facts: Facts) -> Any:
    """A payload with its templates rendered."""
    if isinstance(value, Mapping):
        return {name: _filled(item, facts) for name, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, facts) for item in value]
    return render(value, facts) if isinstance(value, str) else value


def _plain(fact: Any) -> Any:
    """A fact as JSON has it: times as ISO texts."""
    return fact.isoformat() if isinstance(fact, datetime) else fact
