"""Contacts that changed leave the journeys whose goal or exits they meet now, wherever they stand.

A batch looks at goal and exits before each step; without this, whoever waits for a month would
leave a month later. A trigger notes the changes of contacts, whoever makes them, where the tenant
has such journeys, and those of their calls and appointments where the tests look at them; a step
whose result they look at, and a file that changes them, note theirs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

import structlog

from config.settings import Settings
from db.cache.registry import Caches
from db.counter import count_statements, uncounted
from db.engine import Connection, Database
from db.queries.journeys.claims import load_contacts
from db.queries.journeys.effects import record_batch
from db.queries.journeys.leaving import lock_exit_steps, take_changed_contacts
from db.queries.journeys.rows import StepRow
from jobs.journeys.apply import Applied, apply
from jobs.journeys.context import BatchContext, ContextLoader
from jobs.journeys.decide import Decided, leavers
from jobs.journeys.figures import batch_lines
from jobs.journeys.gate import ContactKey
from jobs.journeys.past import attach_past
from jobs.journeys.results import attach_results

log = structlog.get_logger(__name__)

_LOOKS = 100


@dataclass(frozen=True)
class LeavingOutcome:
    """``noted`` changes were looked at, ``left`` enrollments ended. ``more`` are noted."""

    noted: int = 0
    left: int = 0
    more: bool = False


def run_leaving(
    database: Database, settings: Settings, now: datetime | None = None
) -> LeavingOutcome:
    """Look at up to ``batch_size`` noted changes; end the enrollments of those who meet a test.

    One transaction: killed at any moment, nothing has happened and the changes are noted still. A
    step that a batch holds is waited for. Paused enrollments end as well: nothing is sent.

    Args:
        database: where the journeys are.
        settings: sizes.
        now: the clock (aware); None for the database's.

    Raises:
        psycopg.Error: it was rolled back.
    """
    with count_statements() as count, database.transaction() as connection:
        noted = take_changed_contacts(connection, settings.batch_size)
        if not noted:
            return LeavingOutcome()
        contacts = sorted({(change.tenant_id, change.contact_id) for change in noted})
        steps = _lock(connection, contacts, now)
        applied = _end(connection, settings, steps, real_clock=now is None) if steps else Applied()
        if applied.steps:
            with uncounted():
                record_batch(
                    connection,
                    uuid4(),
                    batch_lines(applied.steps, steps[0].now),
                    split=applied.split,
                    statements=count.statements,
                    started_at=steps[0].now,
                )
    left = len(applied.steps)
    if left:
        log.info("contacts_left", noted=len(noted), left=left, statements=count.statements)
    got: dict[UUID, int] = {}
    for change in noted:
        got[change.tenant_id] = got.get(change.tenant_id, 0) + 1
    return LeavingOutcome(len(noted), left, max(got.values()) >= noted[0].share)


def left_watched(
    decided: Sequence[Decided], context: BatchContext, now: datetime
) -> list[ContactKey]:
    """The contacts who left a result that their journey's exits look at, and wait now."""
    return list(
        {
            (step.tenant_id, step.contact_id)
            for step, group in decided
            if group.next_at is not None
            and group.next_at > now
            and (placed := context.nodes.get(step.node_id)) is not None
            and placed.watched
        }
    )


def _lock(
    connection: Connection, contacts: Sequence[tuple[UUID, UUID]], now: datetime | None
) -> list[StepRow]:
    """One statement, and one more for each time that a batch finished a step meanwhile."""
    for _ in range(_LOOKS):
        steps, all_locked = lock_exit_steps(connection, contacts, now)
        if all_locked:
            return steps
    raise RuntimeError(f"after {_LOOKS} looks the contacts' steps still move")


def _end(
    connection: Connection, settings: Settings, steps: Sequence[StepRow], *, real_clock: bool
) -> Applied:
    # Loaded anew: nodes that a worker has cached may have the goal and exits of an older file.
    context = ContextLoader(settings, Caches()).load(connection, steps)
    steps = attach_results(connection, steps, context, real_clock=real_clock)
    steps = attach_past(connection, steps, context)
    reading = {node_id for node_id, placed in context.nodes.items() if placed.reads_contact}
    keys = {(step.tenant_id, step.contact_id) for step in steps if step.node_id in reading}
    contacts = load_contacts(connection, list(keys)) if keys else {}
    groups = list(leavers(steps, contacts, context))
    return apply(connection, groups, steps[0].now) if groups else Applied()
