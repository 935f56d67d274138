"""Statements that bring contacts into journeys."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from db.engine import Connection
from db.statements import statement

_LOWEST = UUID(int=0)

Selection = Literal["contact_ids", "campaign", "import_run", "everyone"]


class EnrollmentTarget(NamedTuple):
    """What an enrollment is about.

    ``journey_id`` is None where the journey is unknown, ``selection_id`` where the campaign or the
    import is, or where contacts are not picked by one.
    """

    journey_id: UUID | None
    journey_status: str | None
    tenant_status: str
    has_start: bool
    selection_id: UUID | None


class EnrolledChunk(NamedTuple):
    """What became of one chunk's contacts; the rest of ``picked`` were in the journey already.

    ``active`` False: tenant or journey isn't, and nobody entered. ``last_id`` is None only of an
    empty chunk. ``barred``: do not contact. ``inside``: in the journey now, and it doesn't take
    them twice at once.
    """

    active: bool
    picked: int
    unknown: int
    barred: int
    inside: int
    enrolled: int
    last_id: UUID | None


def find_target(
    connection: Connection,
    tenant_id: UUID,
    journey: str,
    *,
    campaign: str | None,
    import_run: UUID | None,
) -> EnrollmentTarget:
    with connection.cursor(row_factory=class_row(EnrollmentTarget)) as cursor:
        row = cursor.execute(
            statement("enrollment/find_target"),
            {
                "tenant_id": tenant_id,
                "journey": journey,
                "campaign": campaign,
                "import_run": import_run,
            },
        ).fetchone()
    if row is None:
        raise LookupError(f"no tenant {tenant_id}")
    return row


def enroll_chunk(
    connection: Connection,
    tenant_id: UUID,
    journey_id: UUID,
    selection: Selection,
    *,
    selection_id: UUID | None = None,
    contact_ids: Sequence[UUID] = (),
    after: UUID | None = None,
    size: int,
    source: str,
    data: Mapping[str, Any],
) -> EnrolledChunk:
    """Pick the next contacts, enter those who may enter, make their first steps due.

    ``contact_ids`` is the whole chunk where they are what is picked by; otherwise the chunk is the
    ``size`` contacts with the lowest ids above ``after``, or of all.
    """
    picked = statement(f"enrollment/pick_{selection}")
    with connection.cursor(row_factory=class_row(EnrolledChunk)) as cursor:
        return cursor.execute(  # type: ignore[return-value]  # counts always make a row
            picked + statement("enrollment/enroll_picked"),
            {
                "tenant_id": tenant_id,
                "journey_id": journey_id,
                "selection_id": selection_id,
                "contact_ids": list(contact_ids),
                "after": after or _LOWEST,
                "size": size,
                "source": source,
                "data": Jsonb(data),
            },
        ).fetchone()
