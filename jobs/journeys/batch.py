"""One batch: claim due steps, decide each, apply all; one transaction, a few statements."""

import contextlib
import time
import uuid
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from config.settings import Settings
from db.counter import count_statements, uncounted
from db.engine import Connection, Database
from db.queries.journeys.claims import (
    claim_steps,
    load_activity,
    load_contacts,
    load_recent_executions,
)
from db.queries.journeys.effects import record_batch
from db.queries.journeys.leaving import note_contacts
from db.queries.journeys.rows import StepRow
from jobs.journeys.apply import apply
from jobs.journeys.asked import asked
from jobs.journeys.context import BatchContext, ContextLoader
from jobs.journeys.decide import DecidedGroup, RetryPolicy, decide
from jobs.journeys.decisions import CallWebhook, SendMessage
from jobs.journeys.figures import batch_lines
from jobs.journeys.gate import ContactKey, Gate
from jobs.journeys.leads import LeadLoader
from jobs.journeys.leaving import left_watched
from jobs.journeys.marks import LowWaterMarks
from jobs.journeys.past import attach_past
from jobs.journeys.results import attach_results
from jobs.journeys.rules import ContactActivity, NeverOpenError

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class BatchOutcome:
    """What a batch did. ``more_due`` says that another batch will find work at once."""

    claimed: int = 0
    completed: int = 0
    rescheduled: int = 0
    failed: int = 0
    messages: int = 0
    webhooks: int = 0
    more_due: bool = False
    statements: int = 0


class StepRunner:
    """Runs batches; one for each process, shared by its threads."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._batch_size = settings.batch_size
        self._loader = ContextLoader(settings, database.caches)
        self._leads = LeadLoader(settings.pricing_ttl_s, database.caches)
        self._marks = LowWaterMarks()
        self._max_steps = settings.enrollment_max_steps
        self._retry = RetryPolicy(
            settings.step_max_attempts, timedelta(seconds=settings.step_backoff_s)
        )

    def run_batch(self, now: datetime | None = None) -> BatchOutcome:
        """Take up to ``batch_size`` due steps as far as they go.

        Killed at any moment, nothing of it has happened, and the steps are free at once.

        Args:
            now: the clock (aware); None for the database's.

        Raises:
            psycopg.Error: the batch was rolled back; its steps stay due.
        """
        started = time.perf_counter()
        with count_statements() as count, self._database.transaction() as connection:
            steps = claim_steps(connection, self._batch_size, now, self._marks.current())
            self._marks.advance(steps)
            if not steps:
                return BatchOutcome(statements=count.statements)
            clock = steps[0].now
            context = self._loader.load(connection, steps)
            steps = attach_results(connection, steps, context, real_clock=now is None)
            steps = self._leads.attach(connection, steps, context)
            steps = attach_past(connection, steps, context)
            keys = _contacts_read(steps, context)
            contacts = load_contacts(connection, keys) if keys else {}
            cycling = [step for step in steps if _on_cycle(step, context)]
            recent = load_recent_executions(connection, cycling, clock) if cycling else {}
            activity = _load_activity(connection, steps, Gate(contacts, context, clock), clock)
            groups = decide(
                steps, contacts, context, self._retry, clock, recent, self._max_steps, activity
            )
            applied = apply(connection, groups, clock)
            watched = left_watched(applied.steps, context, clock)
            if watched:
                note_contacts(connection, watched)
            lines = batch_lines(applied.steps, clock)
            with uncounted():
                record_batch(
                    connection,
                    uuid.uuid4(),
                    lines,
                    split=applied.split,
                    statements=count.statements,
                    started_at=clock,
                )
        outcome = BatchOutcome(
            claimed=len(steps),
            completed=sum(line.completed for line in lines),
            rescheduled=sum(line.rescheduled for line in lines),
            failed=sum(line.failed for line in lines),
            messages=sum(1 for _ in asked(applied.steps, SendMessage)),
            webhooks=sum(1 for _ in asked(applied.steps, CallWebhook)),
            more_due=len(steps) >= self._batch_size or _more_due(steps, groups, clock),
            statements=count.statements,
        )
        log.info(
            "batch_done",
            claimed=outcome.claimed,
            completed=outcome.completed,
            rescheduled=outcome.rescheduled,
            failed=outcome.failed,
            statements=count.statements,
            slow_statements=count.slow,
            rows=count.rows,
            duration_ms=round((time.perf_counter() - started) * 1000),
        )
        return outcome

    def next_hours(
        self, connection: Connection, keys: Collection[tuple[UUID, str | None]], now: datetime
    ) -> dict[tuple[UUID, str | None], tuple[datetime, datetime | None]]:
        """From when and until when (None: no end) contacts may next be reached.

        Keys are (tenant_id, zone of contacts, None: their tenant's); one without such a time, or
        whose zone is none, is left out. At most one statement.
        """
        hours = {}
        for key, reach in self._loader.reach(connection, keys).items():
            with contextlib.suppress(NeverOpenError):
                allowed = reach.next_allowed(now)
                hours[key] = (allowed, reach.allowed_until(allowed))
        return hours


def _contacts_read(steps: Sequence[StepRow], context: BatchContext) -> list[tuple[UUID, UUID]]:
    reading = {node_id for node_id, placed in context.nodes.items() if placed.reads_contact}
    return list({(step.tenant_id, step.contact_id) for step in steps if step.node_id in reading})


def _more_due(steps: Sequence[StepRow], groups: Sequence[DecidedGroup], clock: datetime) -> bool:
    """Whether a tenant got all that it could have had, or a next step is due at once."""
    got = Counter(step.tenant_id for step in steps)
    return any(got[step.tenant_id] >= step.share for step in steps) or any(
        group.next_at is not None and group.next_at <= clock for group in groups
    )


def _on_cycle(step: StepRow, context: BatchContext) -> bool:
    placed = context.nodes.get(step.node_id)
    return placed is not None and placed.on_cycle


def _load_activity(
    connection: Connection, steps: Sequence[StepRow], gate: Gate, now: datetime
) -> dict[ContactKey, ContactActivity]:
    """What contacts got lately, where a tenant's rules ask for it: else nothing is read."""
    wanted = gate.activity_wanted(steps)
    found: dict[ContactKey, ContactActivity] = {}
    for row in load_activity(connection, wanted, now) if wanted else ():
        seen = found.setdefault((row.tenant_id, row.contact_id), ContactActivity())
        seen.messages_today += row.messages_today
        moments = [at for at in (row.last_message_at, row.last_call_at) if at is not None]
        if moments:
            seen.reached[row.journey_id] = max(moments)
        if row.last_call_at is not None:
            seen.called_at = max(seen.called_at or row.last_call_at, row.last_call_at)
    return found
