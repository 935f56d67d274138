"""New times for pending steps when what they were computed from has changed.

Steps at nodes that go by local time are evaluated anew, and those that a rule put off are judged by
the rules as they are now, once for all that look alike; three statements a chunk. Queued messages
ask for their hours anew.

Workers go by rules and zones they have cached, and may put a step off by what was: so a change is
noted, by a trigger and whoever made it, and looked at once more when no worker can have it cached.
"""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from itertools import groupby
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from config.settings import Settings
from db.engine import Connection, Database
from db.queries.journeys import retiming as queries
from db.queries.journeys.claims import load_contacts, load_tenants
from db.queries.journeys.lifecycle import Chunk
from db.queries.journeys.rows import StepRow
from jobs.journeys.alike import alike_steps
from jobs.journeys.context import PlacedNode, execution_rules, place_nodes
from jobs.journeys.decisions import Reschedule
from jobs.journeys.gate import Contacts
from jobs.journeys.lifecycle.settling import CHUNK, in_chunks
from jobs.journeys.lifecycle.status import gated
from jobs.journeys.rules import Allowed, ExecutionRules, Reach
from jobs.runs import DefiniteError

_SWEEP_S = 5.0


@dataclass(frozen=True)
class Clocks:
    """What a tenant's steps get their times from: zone, rules, and its nodes by id."""

    zone: str
    rules: ExecutionRules
    nodes: Mapping[int, PlacedNode]

    @cached_property
    def timed(self) -> Collection[int]:
        """Nodes that wait by local time."""
        return [
            placed.id
            for placed in self.nodes.values()
            if placed.node is not None and placed.node.waits and "zone" in placed.node.inputs()
        ]

    @cached_property
    def reaching(self) -> Collection[int]:
        """Nodes whose steps the rules may put off."""
        return [
            placed.id
            for placed in self.nodes.values()
            if placed.node is not None and placed.node.reaches_contact
        ]


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

    To be called after a tenant's zone or rules, or a journey's nodes, have changed.
    """
    clock = now or datetime.now(UTC)
    with database.transaction() as connection:
        clocks = _load_clocks(connection, tenant_id, journey_id)
    changed = in_chunks(database, partial(_retime, tenant_id, clocks, clock))
    if journey_id is None:
        while True:
            with database.transaction() as connection:
                expired = queries.expire_hours(connection, tenant_id, clock, CHUNK)
            if expired < CHUNK:
                break
    return changed


def sweep_rules(connection: Connection, settings: Settings) -> dict[str, Any]:
    """Re-time by changes that no worker can have missed any more, whoever made them.

    In the caller's transaction and for some seconds at most; the next sweep goes on.
    """
    retimed = 0
    deadline = time.monotonic() + _SWEEP_S
    while time.monotonic() < deadline:
        change = queries.next_rule_change(connection, settings.rules_ttl_s)
        if change is None:
            break
        now = datetime.now(UTC)
        clocks = _load_clocks(connection, change.tenant_id, None)
        after: int | None = change.retimed_to
        while after is not None and time.monotonic() < deadline:
            chunk = _retime(change.tenant_id, clocks, now, connection, after, CHUNK)
            retimed += chunk.changed
            after = None if chunk.rows < CHUNK else chunk.last
        if after is not None:
            queries.keep_rule_change(connection, change, after)
        elif queries.expire_hours(connection, change.tenant_id, now, CHUNK) < CHUNK:
            queries.forget_rule_changes(connection, change)
    return {"retimed": retimed}


def _load_clocks(connection: Connection, tenant_id: UUID, journey_id: UUID | None) -> Clocks:
    rows = queries.list_nodes(connection, tenant_id, journey_id)
    [tenant] = load_tenants(connection, [tenant_id])
    return Clocks(
        tenant.timezone,
        execution_rules(tenant),
        {
            node_id: node
            for _, version in groupby(rows, key=lambda row: (row.journey_id, row.version))
            for node_id, node in place_nodes(list(version)).items()
        },
    )


def _retime(
    tenant_id: UUID,
    clocks: Clocks,
    now: datetime,
    connection: Connection,
    after: int,
    size: int,
) -> Chunk:
    steps = queries.pick_timed_steps(
        connection, tenant_id, list(clocks.timed), list(clocks.reaching),
        now=now, after=after, size=size,
    )  # fmt: skip
    if not steps:
        return Chunk(0, None, 0)
    keys = {(step.tenant_id, step.contact_id) for step in steps}
    contacts = load_contacts(connection, list(keys))
    moved = queries.retime_steps(connection, new_times(steps, clocks, contacts, now))
    return Chunk(len(steps), steps[-1].journey_contact_id, moved)


def new_times(
    steps: list[StepRow], clocks: Clocks, contacts: Contacts, now: datetime
) -> list[tuple[StepRow, datetime]]:
    """When each step is worth looking at, by zone and rules as they are; pure.

    A step of which that can't be told is looked at now, and fails itself.
    """
    times: list[tuple[StepRow, datetime]] = []
    by_node: dict[int, list[StepRow]] = {}
    timed = set(clocks.timed)
    for step in steps:
        if step.node_id in timed:
            by_node.setdefault(step.node_id, []).append(step)
    for node_id, standing in by_node.items():
        placed = clocks.nodes[node_id]
        for facts, alike in alike_steps(standing, placed.readers, contacts, clocks.zone):
            try:
                decision = placed.node.evaluate(facts, now) if placed.node else None
            except Exception:  # noqa: BLE001 - whatever it raised; the batch tells
                decision = None
            # One that would ask for something first hasn't begun to wait.
            waits = isinstance(decision, Reschedule) and not decision.effects
            at = decision.at if isinstance(decision, Reschedule) and waits else now
            # What is due already keeps its place in the line.
            times += [(step, min(step.scheduled_at, now) if at <= now else at) for step in alike]
    reopenings: dict[tuple[str, datetime], datetime] = {}
    for step in steps:
        if step.node_id not in timed:
            contact = contacts.get((step.tenant_id, step.contact_id))
            zone = (contact and contact.timezone) or clocks.zone
            # Most rules look at the moment alone; a business day after is counted from the first.
            counted = clocks.rules.outside in {"next_business_day", "same_time_next_day"}
            key = (zone, min(step.entered_at, now) if counted else now)
            if key not in reopenings:
                reopenings[key] = _reopening(clocks, *key, now)
            times.append((step, reopenings[key]))
    return times


def _reopening(clocks: Clocks, zone: str, first: datetime, now: datetime) -> datetime:
    """When contacts of a zone may be reached by a step that was due ``first``; ``now`` at least."""
    try:
        reach = Reach.of(clocks.rules, clocks.zone, zone)
        verdict = reach.verdict(first)
        if isinstance(verdict, Reschedule) and verdict.at > now:
            return verdict.at
        return reach.next_allowed(now) if isinstance(verdict, Reschedule | Allowed) else now
    except ValueError:
        return now
