"""Taking contacts out of journeys, pausing them there, and never messaging them again."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from db.engine import Connection, Database
from db.queries.journeys import overdue as overdue_queries
from db.queries.journeys import removal as queries
from db.queries.journeys.removal import LockedEnrollments, Removed
from jobs.journeys.lifecycle.overdue import Overdue, OverdueError, apply_overdue

CHUNK = 5_000
_LOOKS = 100

T = TypeVar("T")


@dataclass(frozen=True)
class ContactsResumed:
    """Enrollments that go on, and how many of their steps were late."""

    enrollments: int
    overdue: int


def remove_contacts(
    database: Database,
    tenant_id: UUID,
    contact_ids: Sequence[UUID],
    journey_id: UUID | None = None,
    *,
    reason: str = "removed",
    status: str = "REMOVED",
) -> Removed:
    """End contacts' enrollments in a journey, or with None in all; each chunk one transaction.

    A step that a batch holds is waited for: its message is then cancelled with the others. When
    this returns the contacts have no step pending there, no message and no call queued.
    """

    def remove(connection: Connection, chunk: Sequence[UUID]) -> Removed:
        locked = lock_steps(connection, tenant_id, chunk, journey_id)
        return queries.remove_enrollments(
            connection, tenant_id, locked.ids, chunk, journey_id, status=status, reason=reason
        )

    done = list(_each_chunk(database, contact_ids, remove))
    return Removed(*map(sum, zip(*done, strict=True))) if done else Removed(0, 0, 0, 0)


def forbid_contacts(database: Database, tenant_id: UUID, contact_ids: Sequence[UUID]) -> Removed:
    """Set do-not-contact: from its commit on nobody messages them, and all journeys end for them.

    The flag is committed first, so that whatever enrolls or queues later sees it.
    """
    for _ in _each_chunk(
        database,
        contact_ids,
        lambda connection, chunk: queries.forbid_contacts(
            connection, tenant_id, chunk, forbidden=True
        ),
    ):
        pass
    return remove_contacts(database, tenant_id, contact_ids, reason="do not contact")


def allow_contacts(database: Database, tenant_id: UUID, contact_ids: Sequence[UUID]) -> int:
    """Lift do-not-contact; returns how many had it. What was ended stays ended."""
    return sum(
        _each_chunk(
            database,
            contact_ids,
            lambda connection, chunk: queries.forbid_contacts(
                connection, tenant_id, chunk, forbidden=False
            ),
        )
    )


def pause_contacts(
    database: Database, tenant_id: UUID, contact_ids: Sequence[UUID], journey_id: UUID | None = None
) -> int:
    """Pause contacts in a journey, or with None in all; returns the number of enrollments."""

    def pause(connection: Connection, chunk: Sequence[UUID]) -> int:
        locked = lock_steps(connection, tenant_id, chunk, journey_id)
        return queries.pause_enrollments(connection, tenant_id, locked.ids)

    return sum(_each_chunk(database, contact_ids, pause))


def resume_contacts(
    database: Database,
    tenant_id: UUID,
    contact_ids: Sequence[UUID],
    journey_id: UUID | None = None,
    overdue: Overdue | None = None,
    now: datetime | None = None,
) -> ContactsResumed:
    """Let paused contacts go on, their overdue steps as ``overdue`` says; spread by chunk.

    Raises:
        OverdueError: there are overdue steps, and ``overdue`` is None.
    """
    clock = now or datetime.now(UTC)

    def resume(connection: Connection, chunk: Sequence[UUID]) -> tuple[int, int]:
        locked = lock_steps(connection, tenant_id, chunk, journey_id)
        late = overdue_queries.count_overdue_enrollments(connection, tenant_id, locked.ids, clock)
        if late and overdue is None:
            raise OverdueError("what was paused", late)
        if late and overdue is not None and overdue.way != "run":
            picked = overdue_queries.picked_by_enrollment(tenant_id, locked.ids, clock)
            apply_overdue(connection, overdue, picked, done=0, total=late)
        return queries.resume_enrollments(connection, tenant_id, locked.ids), late

    done = list(_each_chunk(database, contact_ids, resume))
    return ContactsResumed(sum(n for n, _ in done), sum(late for _, late in done))


def lock_steps(
    connection: Connection, tenant_id: UUID, contact_ids: Sequence[UUID], journey_id: UUID | None
) -> LockedEnrollments:
    """Lock every pending step of contacts' enrollments: nothing moves them until the commit.

    One statement, and one more for each time that a batch finished a step of theirs meanwhile.
    """
    for _ in range(_LOOKS):
        locked = queries.lock_enrollment_steps(connection, tenant_id, contact_ids, journey_id)
        if locked.all_locked:
            return locked
    raise RuntimeError(f"after {_LOOKS} looks the contacts' steps still move")


def _each_chunk(
    database: Database,
    contact_ids: Sequence[UUID],
    work: Callable[[Connection, Sequence[UUID]], T],
) -> Iterator[T]:
    ids = sorted(set(contact_ids))
    for start in range(0, len(ids), CHUNK):
        with database.transaction() as connection:
            done = work(connection, ids[start : start + CHUNK])
        yield done
