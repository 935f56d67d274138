"""What a batch does about webhooks: it writes down the calls that steps ask for."""

from collections.abc import Sequence
from datetime import datetime

from db.engine import Connection
from db.queries import webhooks as queries
from db.queries.webhooks import AskedCall
from jobs.journeys.asked import asked
from jobs.journeys.decide import Decided
from jobs.journeys.decisions import CallWebhook


def apply(connection: Connection, decided: Sequence[Decided], now: datetime) -> None:
    """One statement, if any step asks."""
    calls: list[AskedCall] = []
    groups: dict[int, tuple[int, CallWebhook]] = {}
    for step, _, effect in asked(decided, CallWebhook):
        number, _ = groups.setdefault(id(effect), (len(groups), effect))
        calls.append(
            AskedCall(
                step.tenant_id,
                step.contact_id,
                step.journey_id,
                step.journey_contact_id,
                step.id,
                step.node_id,
                number,
            )
        )
    if calls:
        documents = [(effect.url, effect.document) for _, effect in groups.values()]
        queries.ask_calls(connection, calls, documents, now)
