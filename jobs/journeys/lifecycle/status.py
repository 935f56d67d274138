"""Statuses of tenants and journeys, changed past any number of running batches."""

import contextlib
from collections.abc import Iterator
from uuid import UUID

from db.engine import Database
from db.queries.journeys import lifecycle as queries

# Longer than a batch takes; a gate whose maker died holds its tenant up for so long.
_GATE_S = 30.0


@contextlib.contextmanager
def gated(database: Database, tenant_id: UUID) -> Iterator[None]:
    """Keep new batches of the tenant out meanwhile.

    A stream of batches, each sharing the tenant's and the journey's rows before the last has let
    go of them, could otherwise make a change of those rows wait for ever.
    """
    with database.transaction() as connection:
        gate_id = queries.open_gate(connection, tenant_id, _GATE_S)
    try:
        yield
    finally:
        with database.transaction() as connection:
            queries.close_gate(connection, tenant_id, gate_id)


def change_status(
    database: Database, tenant_id: UUID, journey_id: UUID | None, status: str
) -> bool:
    """Give a journey, or with None its tenant, a status; False if it had that already.

    Returns once the batches under way are done: from then on none claims what isn't active.
    """
    with gated(database, tenant_id), database.transaction() as connection:
        return queries.set_status(connection, tenant_id, journey_id, status)
