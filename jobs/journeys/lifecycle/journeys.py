"""Pausing, resuming and archiving a journey; suspending and resuming a tenant."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from db.engine import Connection, Database
from db.queries.approvals import cancel_journey_requests
from db.queries.journeys import lifecycle as queries
from db.queries.journeys.lifecycle import Journey
from db.queries.journeys.signals import call_key
from jobs.journeys.lifecycle.overdue import Overdue, decide_overdue
from jobs.journeys.lifecycle.settling import CHUNK, Settled, settle
from jobs.journeys.lifecycle.status import change_status
from jobs.journeys.signals import Signal, send_signals
from jobs.runs import DefiniteError


@dataclass(frozen=True)
class StatusChanged:
    """``changed`` False: it had the status already. ``overdue``: steps found late on resuming."""

    status: str
    changed: bool
    held: int
    released: int
    overdue: int = 0
    cancelled: int = 0


def journey_named(database: Database, tenant_id: UUID, key: str) -> Journey:
    """The tenant's journey of that key.

    Raises:
        DefiniteError: there is none.
    """
    with database.transaction() as connection:
        journey = queries.find_journey(connection, tenant_id, key)
    if journey is None:
        raise DefiniteError(f"unknown journey {key!r}")
    return journey


def pause_journey(database: Database, tenant_id: UUID, key: str) -> StatusChanged:
    """Stop a journey: once the status has changed none of its steps is taken up, nothing sent.

    Raises:
        DefiniteError: there is no such journey, or it is archived.
    """
    journey = journey_named(database, tenant_id, key)
    if journey.status == "ARCHIVED":
        raise DefiniteError(f"journey {key!r} is ARCHIVED")
    changed = change_status(database, tenant_id, journey.id, "PAUSED")
    return _result("PAUSED", settle(database, tenant_id, journey.id), changed=changed)


def archive_journey(database: Database, tenant_id: UUID, key: str) -> StatusChanged:
    """Stop a journey and cancel its unsent messages, undialed calls and drafts before people.

    It can still be resumed. Steps that waited for such a call, or for the answer to a webhook, then
    go on as if it had failed; drafts that nobody had decided on are put before people again.

    Raises:
        DefiniteError: there is no such journey.
    """
    journey = journey_named(database, tenant_id, key)
    changed = change_status(database, tenant_id, journey.id, "ARCHIVED")
    cancelled = 0
    for cancel in (queries.cancel_journey_messages, _cancel_calls, cancel_journey_requests):
        while True:
            with database.transaction() as connection:
                count = cancel(connection, tenant_id, journey.id, CHUNK)
            cancelled += count
            if count < CHUNK:
                break
    settled = settle(database, tenant_id, journey.id)
    return _result("ARCHIVED", settled, changed=changed, cancelled=cancelled)


def resume_journey(
    database: Database,
    tenant_id: UUID,
    key: str,
    overdue: Overdue | None = None,
    now: datetime | None = None,
) -> StatusChanged:
    """Let a journey go on, its overdue steps as ``overdue`` says.

    Raises:
        DefiniteError: there is no such journey.
        OverdueError: there are overdue steps, and ``overdue`` is None.
    """
    journey = journey_named(database, tenant_id, key)
    count = 0
    if journey.status != "ACTIVE":
        settle(database, tenant_id, journey.id)
        count = decide_overdue(
            database,
            tenant_id,
            journey.id,
            overdue,
            what=f"journey {key!r}",
            now=now or datetime.now(UTC),
            before=journey.updated_at,
        )
    changed = change_status(database, tenant_id, journey.id, "ACTIVE")
    settled = settle(database, tenant_id, journey.id)
    return _result("ACTIVE", settled, changed=changed, overdue=count)


def suspend_tenant(database: Database, tenant_id: UUID) -> StatusChanged:
    """Stop all of a tenant's work: steps, messages, imports, enrollments."""
    changed = change_status(database, tenant_id, None, "SUSPENDED")
    return _result("SUSPENDED", settle(database, tenant_id, None), changed=changed)


def resume_tenant(
    database: Database,
    tenant_id: UUID,
    overdue: Overdue | None = None,
    now: datetime | None = None,
) -> StatusChanged:
    """Let a tenant go on, the overdue steps of its active journeys as ``overdue`` says.

    Raises:
        OverdueError: there are some, and ``overdue`` is None.
    """
    with database.transaction() as connection:
        suspended_at = queries.find_suspension(connection, tenant_id)
    count = 0
    if suspended_at is not None:
        settle(database, tenant_id, None)
        count = decide_overdue(
            database,
            tenant_id,
            None,
            overdue,
            what="the tenant",
            now=now or datetime.now(UTC),
            before=suspended_at,
        )
    changed = change_status(database, tenant_id, None, "ACTIVE")
    settled = settle(database, tenant_id, None)
    return _result("ACTIVE", settled, changed=changed, overdue=count)


def _cancel_calls(connection: Connection, tenant_id: UUID, journey_id: UUID, size: int) -> int:
    calls = queries.cancel_journey_calls(connection, tenant_id, journey_id, size)
    payload = {"outcome": "failed", "error": "the journey is archived"}
    signals = [
        Signal(tenant_id, contact_id, call_key(execution_id), payload)
        for contact_id, execution_id in calls
    ]
    if signals:
        send_signals(connection, signals)
    return len(calls)


def _result(
    status: str, settled: Settled, *, changed: bool, overdue: int = 0, cancelled: int = 0
) -> StatusChanged:
    return StatusChanged(status, changed, settled.held, settled.released, overdue, cancelled)
