"""What the demo watches and counts of its own tenants; one statement each."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from psycopg.rows import class_row

from db.engine import Connection
from db.statements import statement


class Progress(NamedTuple):
    """Enrollments by status, steps done, messages; ``late_s``: how long the oldest step is due."""

    contacts: int
    active: int
    completed: int
    failed: int
    steps: int
    messages_waiting: int
    messages_sent: int
    messages_failed: int
    late_s: float


class Batches(NamedTuple):
    """Figures of journey batches: how many, SQL statements of each, the longest lateness."""

    batches: int
    statements_median: int
    statements_max: int
    longest_late_ms: int


class History(NamedTuple):
    """Steps by how they ended; ``duration_s`` from the first tenant's making to the last event."""

    steps_completed: int
    steps_failed: int
    steps_skipped: int
    duration_s: float | None


def next_message_id(connection: Connection) -> UUID:
    """An id below those of all messages that will be made from the next millisecond on."""
    row = connection.execute("SELECT trunkline_uuid7()").fetchone()
    return row[0]  # type: ignore[index,no-any-return]  # a function's SELECT has a row


def measure_progress(connection: Connection, tenant_ids: Sequence[UUID]) -> Progress:
    with connection.cursor(row_factory=class_row(Progress)) as cursor:
        return cursor.execute(  # type: ignore[return-value]  # counts always make a row
            statement("demo/measure_progress"), {"tenant_ids": list(tenant_ids)}
        ).fetchone()


def count_contacts_at_nodes(connection: Connection, tenant_ids: Sequence[UUID]) -> dict[str, int]:
    """Node key → contacts that stand there now."""
    return dict(
        connection.execute(
            statement("demo/count_contacts_at_nodes"), {"tenant_ids": list(tenant_ids)}
        ).fetchall()
    )


def count_rejected_rows(connection: Connection, tenant_ids: Sequence[UUID]) -> dict[str, int]:
    """Reason → rows that imports refused."""
    return dict(
        connection.execute(
            statement("demo/count_rejected_rows"), {"tenant_ids": list(tenant_ids)}
        ).fetchall()
    )


def measure_batches(connection: Connection, tenant_ids: Sequence[UUID]) -> Batches:
    with connection.cursor(row_factory=class_row(Batches)) as cursor:
        return cursor.execute(  # type: ignore[return-value]  # counts always make a row
            statement("demo/measure_batches"), {"tenant_ids": list(tenant_ids)}
        ).fetchone()


def measure_history(connection: Connection, tenant_ids: Sequence[UUID]) -> History:
    with connection.cursor(row_factory=class_row(History)) as cursor:
        return cursor.execute(  # type: ignore[return-value]  # counts always make a row
            statement("demo/measure_history"), {"tenant_ids": list(tenant_ids)}
        ).fetchone()


def list_messages(connection: Connection, tenant_ids: Sequence[UUID]) -> dict[UUID, bool]:
    """Message id → whether it counts as sent."""
    return dict(
        connection.execute(
            statement("demo/list_messages"), {"tenant_ids": list(tenant_ids)}
        ).fetchall()
    )


def find_messages(connection: Connection, ids: Sequence[UUID]) -> set[UUID]:
    """Those of ``ids`` that are messages of any tenant."""
    rows = connection.execute(statement("demo/find_messages"), {"ids": list(ids)}).fetchall()
    return {found for (found,) in rows}
