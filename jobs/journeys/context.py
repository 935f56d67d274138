"""What a batch needs to know besides its steps: nodes, zones, rules; cached between batches."""

import contextlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from config.settings import Settings
from db.cache.registry import Caches
from db.engine import Connection
from db.queries.journeys import claims
from db.queries.journeys.rows import NodeRow, StepRow, TenantRow
from jobs.journeys.exits import Exits, read_exits
from jobs.journeys.facts import FactReader, fact_reader, needs_contact, past_of, result_node
from jobs.journeys.nodes.node import Node
from jobs.journeys.nodes.registry import NODE_TYPES
from jobs.journeys.rules import (
    DEFAULT_RULES,
    ExecutionRules,
    OpeningHours,
    Reach,
    quiet_hours,
)

_CACHED_VERSIONS = 2_000
_CACHED_TENANTS = 20_000

VersionKey = tuple[UUID, UUID, int]
"""(tenant_id, journey_id, version)"""
Reaches = Mapping[tuple[UUID, str | None], Reach]


@dataclass(frozen=True, slots=True)
class PlacedNode:
    """A node in its place: ready to evaluate, its edges leading to ids.

    ``readers`` and ``due_readers`` fetch the facts that ``evaluate`` and ``due_at`` look at.
    ``problem`` says why a stored node can't be used (an older release's type, say). An edge to
    None ends the journey. ``exits`` are the journey's own, the same for all its nodes.
    ``results_of`` are the nodes whose results are looked at; ``watched`` says that the exits look
    at this one's. ``past`` says whether calls or appointments are looked at.
    """

    id: int
    key: str
    node: Node | None
    next_ids: Mapping[str, int | None]
    readers: tuple[tuple[str, FactReader], ...]
    due_readers: tuple[tuple[str, FactReader], ...]
    reads_contact: bool
    on_cycle: bool = False
    exits: Exits | None = None
    exit_readers: tuple[tuple[str, FactReader], ...] = ()
    results_of: frozenset[str] = frozenset()
    watched: bool = False
    past: frozenset[str] = frozenset()
    problem: str | None = None


@dataclass(frozen=True)
class BatchContext:
    """Nodes by id, zone and rules by tenant; all that a batch's steps stand in."""

    nodes: Mapping[int, PlacedNode]
    zones: Mapping[UUID, str]
    rules: Mapping[UUID, ExecutionRules]


class ContextLoader:
    """Loads contexts through this process's caches: nothing is asked when all is warm.

    Statuses are never cached: the claim joins them.
    """

    def __init__(self, settings: Settings, caches: Caches) -> None:
        self._versions = caches.make(
            "journey_nodes",
            place_nodes,
            maxsize=_CACHED_VERSIONS,
            ttl_s=settings.node_ttl_s,
            tables=("journey_nodes", "journeys"),
            tenant_of=_tenant_of_version,
            rows=list[NodeRow],
        )
        self._tenants = caches.make(
            "tenants",
            _zone_and_rules,
            maxsize=_CACHED_TENANTS,
            ttl_s=min(settings.tenant_ttl_s, settings.rules_ttl_s),
            tables=("tenants", "execution_rules"),
            tenant_of=_itself,
            rows=TenantRow,
        )

    def load(self, connection: Connection, steps: Sequence[StepRow]) -> BatchContext:
        """The context of these steps, in at most two statements."""
        # One step of each node's is enough to ask with; numbers are compared faster than ids.
        placed = {(step.node_id, step.version): step for step in steps}.values()
        versions = self._versions.get_many(
            {(step.tenant_id, step.journey_id, step.version) for step in placed},
            lambda keys: claims.load_nodes(connection, keys),
        )
        tenant_ids = {step.tenant_id for step in placed}
        tenants = self._tenants_of(connection, tenant_ids)
        return BatchContext(
            {
                node_id: node
                for nodes in versions.values()
                for node_id, node in (nodes or {}).items()
            },
            {tenant_id: zone for tenant_id, (zone, _) in tenants.items()},
            {tenant_id: rules for tenant_id, (_, rules) in tenants.items()},
        )

    def reach(self, connection: Connection, keys: Collection[tuple[UUID, str | None]]) -> Reaches:
        """Rules by (tenant_id, zone of contacts or None where they have none of their own).

        A zone that isn't known, or whose data is missing, is left out.
        """
        tenants = self._tenants_of(connection, {tenant_id for tenant_id, _ in keys})
        found: dict[tuple[UUID, str | None], Reach] = {}
        for key in keys:
            zone, rules = tenants.get(key[0], ("UTC", DEFAULT_RULES))
            with contextlib.suppress(ValueError):
                found[key] = Reach.of(rules, zone, key[1] or zone)
        return found

    def _tenants_of(
        self, connection: Connection, tenant_ids: Collection[UUID]
    ) -> dict[UUID, tuple[str, ExecutionRules]]:
        """Zone and rules, of tenants that are there."""
        loaded = self._tenants.get_many(
            tenant_ids,
            lambda ids: {row.tenant_id: row for row in claims.load_tenants(connection, ids)},
        )
        return {tenant_id: found for tenant_id, found in loaded.items() if found is not None}


def place_nodes(rows: Sequence[NodeRow]) -> dict[int, PlacedNode]:
    """The nodes of one version by id, each with its edges resolved to ids."""
    ids = {row.key: row.id for row in rows}
    exits, unusable = _exits(rows)
    if unusable:
        return {row.id: _place(row, None, {}, ids, unusable, None) for row in rows}
    nodes: dict[str, Node] = {}
    problems: dict[str, str] = {}
    for row in rows:
        try:
            nodes[row.key] = NODE_TYPES[row.type].model_validate(row.config)
        except (KeyError, ValueError) as error:
            problems[row.key] = f"node {row.key!r} can't be used: {' '.join(str(error).split())}"
        lost = [key for key in row.edges.values() if key is not None and key not in ids]
        if lost:
            problems[row.key] = f"node {row.key!r} leads to {lost[0]!r}, which is not there"
            nodes.pop(row.key, None)
    return {
        row.id: _place(row, nodes.get(row.key), nodes, ids, problems.get(row.key), exits)
        for row in rows
    }


def _exits(rows: Sequence[NodeRow]) -> tuple[Exits | None, str | None]:
    """The journey's goal and exits; or why they can't be used, where others have written them."""
    try:
        return next((read_exits(row.exits) for row in rows if row.is_start), None), None
    except ValueError as error:
        return None, f"the journey's goal or exits can't be used: {' '.join(str(error).split())}"


def _place(
    row: NodeRow,
    node: Node | None,
    nodes: Mapping[str, Node],
    ids: Mapping[str, int],
    problem: str | None,
    exits: Exits | None,
) -> PlacedNode:
    if node is None:
        return PlacedNode(row.id, row.key, None, {}, (), (), reads_contact=False, problem=problem)
    own = node.computed(row.key)
    exit_facts = exits.facts() if exits else frozenset()
    readers = _readers(node.inputs(), own)
    due_readers = _readers(node.due_inputs(), own)
    # A step's facts also serve to find out when the next node's step will be due.
    following = {
        name
        for key in row.edges.values()
        if key is not None and key in nodes
        for name in nodes[key].due_inputs() - nodes[key].computed(key).keys()
    }
    return PlacedNode(
        row.id,
        row.key,
        node,
        {outcome: None if key is None else ids[key] for outcome, key in row.edges.items()},
        readers,
        due_readers,
        reads_contact=any(
            map(
                needs_contact,
                (node.inputs() - own.keys()) | node.computed_from() | following | exit_facts,
            )
        ),
        on_cycle=row.on_cycle,
        exits=exits,
        exit_readers=_readers(exit_facts, {}),
        results_of=frozenset(filter(None, map(result_node, node.inputs() | exit_facts))),
        watched=row.key in set(map(result_node, exit_facts)),
        past=frozenset(filter(None, map(past_of, node.inputs() | exit_facts))),
    )


def _readers(
    names: frozenset[str], own: Mapping[str, FactReader]
) -> tuple[tuple[str, FactReader], ...]:
    return tuple((name, own.get(name) or fact_reader(name)) for name in sorted(names))


def execution_rules(row: TenantRow) -> ExecutionRules:
    """A tenant's row as rules."""
    if row.weekdays is None:
        return DEFAULT_RULES
    starts_at, ends_at = row.quiet_starts_at, row.quiet_ends_at
    return ExecutionRules(
        OpeningHours(frozenset(row.weekdays), row.opens_at, row.closes_at),
        row.outside,
        None if starts_at is None or ends_at is None else quiet_hours(starts_at, ends_at),
        row.resubmission,
        timedelta(hours=row.resubmission_hours),
        row.max_messages_per_day,
        timedelta(minutes=row.call_gap_minutes),
    )


def _zone_and_rules(row: TenantRow) -> tuple[str, ExecutionRules]:
    return row.timezone, execution_rules(row)


def _tenant_of_version(key: VersionKey) -> UUID:
    return key[0]


def _itself(tenant_id: UUID) -> UUID:
    return tenant_id
