"""Results of earlier nodes, fetched for the steps whose nodes look at any."""

from collections.abc import Sequence

from db.engine import Connection
from db.queries.journeys.claims import load_results
from db.queries.journeys.rows import StepRow
from jobs.journeys.context import BatchContext


def attach_results(
    connection: Connection, steps: Sequence[StepRow], context: BatchContext, *, real_clock: bool
) -> list[StepRow]:
    """The steps, with ``results`` where their node looks at some; one statement, or none.

    ``real_clock`` says that enrollments were dated by the database's clock, as history is.
    """
    asked = [
        (step, key, step.enrolled_at if real_clock else None)
        for step in steps
        if (placed := context.nodes.get(step.node_id)) is not None
        for key in placed.results_of
    ]
    if not asked:
        return list(steps)
    found = load_results(connection, asked)
    return [
        step._replace(results=found.get((step.tenant_id, step.journey_contact_id)))
        for step in steps
    ]
