"""New times for pending steps when what they were computed from has changed.

Steps at nodes that go by local time are evaluated anew, once for all that look alike; steps that
a rule put off are made due, and the next batch lets the rules decide. Three statements a chunk.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from itertools import groupby
from uuid import UUID
from zoneinfo import available_timezones

from db.engine import Connection, Database
from db.queries.journeys import retiming as queries
from db.queries.journeys.claims import load_contacts, load_tenants
from db.queries.journeys.lifecycle import Chunk
from db.queries.journeys.rows import StepRow
from jobs.journeys.context import PlacedNode, place_nodes
from jobs.journeys.decide import alike_steps
from jobs.journeys.decisions import Reschedule
from jobs.journeys.gate import Contacts
from jobs.journeys.lifecycle.settling import in_chunks
from jobs.journeys.lifecycle.status import gated
from jobs.runs import DefiniteError


def change_timezone(
    database: Database, tenant_id: UUID, timezone: str, now: datetime | None = None
) -> int:
    """Give a tenant another zone and re-time its steps; returns how many have another time.

    Contacts with a zone of their own keep their times.

    Raises:
        DefiniteError: there is no such zone.
    """
    if timezone not in available_timezones():
        raise DefiniteError(
            f"unknown timezone {timezone!r}: an IANA zone such as America/New_York is wanted"
        )
    with gated(database, tenant_id), database.transaction() as connection:
        changed = queries.set_timezone(connection, tenant_id, timezone)
    return retime(database, tenant_id, None, now) if changed else 0


def retime(
    database: Database, tenant_id: UUID, journey_id: UUID | None, now: datetime | None = None
) -> int:
    """Re-time the pending steps of a journey, or with None of a tenant; returns how many changed.

    To be called after a tenant's zone or hours, or a journey's nodes, have changed.
    """
    clock = now or datetime.now(UTC)
    with database.transaction() as connection:
        rows = queries.list_nodes(connection, tenant_id, journey_id)
        zone = load_tenants(connection, [tenant_id])[0].timezone
    placed = {
        node_id: node
        for _, version in groupby(rows, key=lambda row: (row.journey_id, row.version))
        for node_id, node in place_nodes(list(version)).items()
    }
    timed = {
        node_id: node
        for node_id, node in placed.items()
        if node.node is not None and node.node.waits and "zone" in node.node.inputs()
    }
    changed = 0
    if timed:
        changed += in_chunks(database, partial(_retime, tenant_id, timed, zone, clock))
    return changed + in_chunks(
        database, partial(_recheck, tenant_id, journey_id, list(timed), clock)
    )


def _retime(
    tenant_id: UUID,
    timed: Mapping[int, PlacedNode],
    zone: str,
    now: datetime,
    connection: Connection,
    after: int,
    size: int,
) -> Chunk:
    steps = queries.pick_timed_steps(
        connection, tenant_id, list(timed), now=now, after=after, size=size
    )
    if not steps:
        return Chunk(0, None, 0)
    keys = {(step.tenant_id, step.contact_id) for step in steps}
    contacts = load_contacts(connection, list(keys))
    moved = queries.retime_steps(connection, new_times(steps, timed, contacts, zone, now))
    return Chunk(len(steps), steps[-1].journey_contact_id, moved)


def new_times(
    steps: list[StepRow],
    timed: Mapping[int, PlacedNode],
    contacts: Contacts,
    zone: str,
    now: datetime,
) -> list[tuple[StepRow, datetime]]:
    """When each step's node, asked now, would let its contact through; pure.

    A step whose node can't say is looked at now, and fails itself.
    """
    times: list[tuple[StepRow, datetime]] = []
    by_node: dict[int, list[StepRow]] = {}
    for step in steps:
        by_node.setdefault(step.node_id, []).append(step)
    for node_id, standing in by_node.items():
        placed = timed[node_id]
        for facts, alike in alike_steps(standing, placed.readers, contacts, zone):
            try:
                decision = placed.node.evaluate(facts, now) if placed.node else None
            except Exception:  # noqa: BLE001 - whatever it raised; the batch tells
                decision = None
            # One that would ask for something first hasn't begun to wait.
            waits = isinstance(decision, Reschedule) and not decision.effects
            at = decision.at if isinstance(decision, Reschedule) and waits else now
            # What is due already keeps its place in the line.
            times += [(step, min(step.scheduled_at, now) if at <= now else at) for step in alike]
    return times


def _recheck(
    tenant_id: UUID,
    journey_id: UUID | None,
    node_ids: list[int],
    now: datetime,
    connection: Connection,
    after: int,
    size: int,
) -> Chunk:
    return queries.recheck_steps(
        connection, tenant_id, journey_id, node_ids, now=now, after=after, size=size
    )
