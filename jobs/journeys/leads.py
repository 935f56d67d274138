"""Leads that a batch scores: fetched with what their tenants sell, and written back."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from uuid import UUID

from db.cache.registry import Caches
from db.engine import Connection
from db.queries import leads as queries
from db.queries.journeys.rows import StepRow
from db.queries.leads import ScoredLead, ServiceRow
from jobs.journeys.asked import asked
from jobs.journeys.context import BatchContext
from jobs.journeys.decide import Decided
from jobs.journeys.decisions import ScoreLead
from jobs.journeys.scoring import Pricing, Service

_CACHED_TENANTS = 2_000
_NOTHING_SOLD = Pricing()


class LeadLoader:
    """Fetches leads, and prices through this process's cache: nothing is asked when it is warm."""

    def __init__(self, pricing_ttl_s: float, caches: Caches) -> None:
        self._pricing = caches.make(
            "service_pricing",
            _pricing,
            maxsize=_CACHED_TENANTS,
            ttl_s=pricing_ttl_s,
            tables=("services",),
            tenant_of=_itself,
            rows=list[ServiceRow],
        )

    def attach(
        self, connection: Connection, steps: Sequence[StepRow], context: BatchContext
    ) -> list[StepRow]:
        """The steps, with ``lead`` and ``pricing`` where their node looks at them.

        No statement where none does; else one for the leads, and one for prices that aren't cached.
        """
        looking = {
            node_id
            for node_id, placed in context.nodes.items()
            if placed.node is not None and placed.node.reads_lead
        }
        asking = [step for step in steps if step.node_id in looking]
        if not asking:
            return list(steps)
        keys = sorted({(step.tenant_id, step.contact_id) for step in asking})
        leads = queries.load_leads(connection, keys)
        pricing = self._pricing.get_many(
            {tenant_id for tenant_id, _ in keys}, lambda ids: _load_services(connection, ids)
        )
        return [
            step._replace(
                lead=leads.get((step.tenant_id, step.contact_id)),
                pricing=pricing[step.tenant_id] or _NOTHING_SOLD,
            )
            if step.node_id in looking
            else step
            for step in steps
        ]


def apply(connection: Connection, decided: Sequence[Decided], now: datetime) -> None:
    """Write the scores of leads; one statement, none where nothing was scored."""
    scores = scored(decided)
    if scores:
        queries.score_leads(connection, scores, now)


def scored(decided: Sequence[Decided]) -> list[ScoredLead]:
    """Each lead once: where several journeys score it, the one due last stands."""
    last: dict[tuple[UUID, UUID], ScoredLead] = {}
    for step, _, effect in sorted(
        asked(decided, ScoreLead), key=lambda asking: asking[0].scheduled_at
    ):
        if step.lead is not None:
            key = (step.tenant_id, step.lead.id)
            last[key] = ScoredLead(*key, effect.score, effect.status)
    return list(last.values())


def _load_services(
    connection: Connection, tenant_ids: Sequence[UUID]
) -> dict[UUID, list[ServiceRow]]:
    rows = queries.load_services(connection, tenant_ids)
    return {
        tenant_id: list(services)
        for tenant_id, services in groupby(rows, key=lambda row: row.tenant_id)
    }


def _pricing(rows: Sequence[ServiceRow]) -> Pricing:
    return Pricing(Service(*row[1:]) for row in rows)


def _itself(tenant_id: UUID) -> UUID:
    return tenant_id
