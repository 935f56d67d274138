"""Calls and appointments of contacts, fetched for the steps whose nodes look at them."""

from collections.abc import Sequence
from uuid import UUID

from db.engine import Connection
from db.queries.journeys.past import load_appointments, load_calls
from db.queries.journeys.rows import StepRow
from jobs.journeys.context import BatchContext


def attach_past(
    connection: Connection, steps: Sequence[StepRow], context: BatchContext
) -> list[StepRow]:
    """The steps, with ``calls`` and ``appointments`` where their node looks at them.

    A statement for each of the two, or none.
    """
    callers = _asking(steps, context, "calls")
    visitors = _asking(steps, context, "appointments")
    if not (callers or visitors):
        return list(steps)
    calls = load_calls(connection, callers) if callers else {}
    appointments = load_appointments(connection, visitors, steps[0].now) if visitors else {}
    return [
        step._replace(
            calls=calls.get((step.tenant_id, step.contact_id)),
            appointments=appointments.get((step.tenant_id, step.contact_id)),
        )
        for step in steps
    ]


def _asking(steps: Sequence[StepRow], context: BatchContext, what: str) -> list[tuple[UUID, UUID]]:
    """The contacts of steps whose node looks at calls, or at appointments."""
    looking = {node_id for node_id, placed in context.nodes.items() if what in placed.past}
    return sorted({(step.tenant_id, step.contact_id) for step in steps if step.node_id in looking})
