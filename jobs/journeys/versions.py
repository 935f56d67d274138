"""Bringing a journey file into the database: a changed one makes a new version."""

from dataclasses import dataclass
from uuid import UUID

from db.engine import Connection, Database
from db.queries.journeys.claims import load_tenants
from db.queries.journeys.leaving import note_enrolled
from db.queries.journeys.rows import NewNode
from db.queries.journeys.versions import ensure_campaigns, lock_journey, save_journey, save_nodes
from jobs.journeys.definition import DefinitionError, JourneyDefinition
from jobs.journeys.graph import on_cycles
from jobs.journeys.lifecycle.status import gated
from jobs.journeys.nodes.campaigns import CampaignNode
from jobs.journeys.zones import zone_named


@dataclass(frozen=True)
class AppliedJourney:
    """The journey as it now is. ``changed`` is False where the file held nothing new."""

    id: UUID
    key: str
    version: int
    nodes: int
    changed: bool


def apply_definition(
    database: Database, tenant_id: UUID, definition: JourneyDefinition
) -> AppliedJourney:
    """Make the journey, or its next version; contacts in flight finish on the one they entered.

    Raises:
        DefinitionError: it goes by local times, and the tenant's zone can't be told.
    """
    with gated(database, tenant_id), database.transaction() as connection:
        _check_zone(connection, tenant_id, definition)
        current = lock_journey(connection, tenant_id, definition.key, definition.source)
        count = len(definition.nodes)
        if current is not None and current.unchanged:
            return AppliedJourney(current.id, definition.key, current.version, count, changed=False)
        journey_id, version = save_journey(
            connection,
            tenant_id,
            definition.key,
            definition.name,
            definition.source,
            definition.reentry,
        )
        campaigns = {
            node.campaign for node in definition.nodes.values() if isinstance(node, CampaignNode)
        }
        if campaigns:
            ensure_campaigns(connection, tenant_id, sorted(campaigns))
        edges = {key: list(node.exits().values()) for key, node in definition.nodes.items()}
        cycles = on_cycles(edges)
        save_nodes(
            connection,
            tenant_id,
            journey_id,
            version,
            definition.start,
            [
                NewNode(key, node.type, node.model_dump(mode="json"), node.exits(), key in cycles)
                for key, node in definition.nodes.items()
            ],
        )
        if current is not None and not current.same_exits:
            note_enrolled(connection, tenant_id, journey_id)
    return AppliedJourney(journey_id, definition.key, version, count, changed=True)


def _check_zone(connection: Connection, tenant_id: UUID, definition: JourneyDefinition) -> None:
    """Find out now, and not contact by contact, that the tenant's clocks can't be told."""
    for key, node in definition.nodes.items():
        if node.reaches_contact or "zone" in node.inputs() | node.due_inputs():
            try:
                for tenant in load_tenants(connection, [tenant_id]):
                    zone_named(tenant.timezone)
            except ValueError as error:
                problem = (
                    f"node {key!r} goes by the tenant's clocks, but: {error};"
                    " if it is one, this machine lacks its data (the package tzdata)"
                )
                raise DefinitionError(definition.key, [problem]) from None
            return
