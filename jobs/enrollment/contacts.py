"""Bring contacts into a journey, a chunk at a time, each chunk one statement."""

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any
from uuid import UUID

from config.settings import Settings
from db.counter import uncounted
from db.engine import Connection, Database
from db.queries import enrollment as queries
from db.queries.enrollment import EnrolledChunk, EnrollmentTarget
from db.queries.runs import notify
from jobs.enrollment.arguments import EnrollArguments
from jobs.runs import ClaimedRun, DefiniteError, Kind, checkpoint, chunk


@dataclass(frozen=True)
class Enrolled:
    """How far an enrollment came: the last contact id it looked at, and what became of all."""

    after: UUID | None = None
    success: int = 0
    unknown: int = 0
    do_not_contact: int = 0
    already_enrolled: int = 0
    still_in_journey: int = 0
    duplicate: int = 0

    def and_then(self, done: EnrolledChunk) -> "Enrolled":
        return replace(
            self,
            after=done.last_id or self.after,
            success=self.success + done.enrolled,
            unknown=self.unknown + done.unknown,
            do_not_contact=self.do_not_contact + done.barred,
            already_enrolled=self.already_enrolled
            + (done.picked - done.unknown - done.barred - done.inside - done.enrolled),
            still_in_journey=self.still_in_journey + done.inside,
        )

    @property
    def skipped(self) -> int:
        return self.do_not_contact + self.already_enrolled + self.still_in_journey + self.duplicate

    @property
    def seen(self) -> int:
        return self.success + self.unknown + self.skipped

    def result(self) -> dict[str, Any]:
        reasons = {
            "unknown": self.unknown,
            "do_not_contact": self.do_not_contact,
            "already_enrolled": self.already_enrolled,
            "still_in_journey": self.still_in_journey,
            "duplicate": self.duplicate,
        }
        return {
            "success": self.success,
            "failed": self.unknown,
            "skipped": self.skipped,
            "reasons": {reason: count for reason, count in reasons.items() if count},
        }

    def cursor(self) -> dict[str, Any]:
        return {**asdict(self), "after": self.after and str(self.after)}

    @classmethod
    def resumed(cls, cursor: Mapping[str, Any]) -> "Enrolled":
        return cls(**{**cursor, "after": cursor["after"] and UUID(cursor["after"])})


def enroll_contacts(
    database: Database, settings: Settings, run: ClaimedRun, arguments: EnrollArguments
) -> dict[str, Any]:
    """Enroll each selected contact once; returns ``{success, failed, skipped, reasons}``.

    A contact counted as success is in the journey and has its first step due. Contacts that the
    tenant doesn't have are failed (``unknown``); those that must not be contacted, were in the
    journey before (unless its reentry lets them in again) or were named twice are skipped.

    Raises:
        DefiniteError: the journey or what contacts are picked by is unknown or not active.
    """
    ids = sorted(set(arguments.contact_ids or ()))
    done = (
        Enrolled.resumed(run.cursor)
        if run.cursor
        else Enrolled(duplicate=len(arguments.contact_ids or ()) - len(ids))
    )
    with database.transaction() as connection:
        target = _target(connection, run.tenant_id, arguments)
    while True:
        named = _next_ids(ids, done.after, settings.enroll_chunk_rows)
        if arguments.contact_ids is not None and not named:
            return done.result()
        with chunk(database, run) as connection:
            enrolled = queries.enroll_chunk(
                connection,
                run.tenant_id,
                target.journey_id,  # type: ignore[arg-type]  # _target has looked
                arguments.selection,
                selection_id=target.selection_id,
                contact_ids=named,
                after=done.after,
                size=settings.enroll_chunk_rows,
                source=arguments.entry_source,
                data=arguments.data,
            )
            if not enrolled.active:
                raise DefiniteError(
                    f"journey {arguments.journey!r} was paused, or its tenant suspended, after "
                    f"{done.success} contacts had entered"
                )
            done = done.and_then(enrolled)
            checkpoint(
                connection,
                settings,
                run,
                done.cursor(),
                done=done.seen,
                total=len(ids) + done.duplicate if ids else None,
            )
            with uncounted():
                notify(connection, "journeys")
        if enrolled.picked < settings.enroll_chunk_rows:
            return done.result()


def _target(
    connection: Connection, tenant_id: UUID, arguments: EnrollArguments
) -> EnrollmentTarget:
    target = queries.find_target(
        connection,
        tenant_id,
        arguments.journey,
        campaign=arguments.campaign,
        import_run=arguments.import_run,
    )
    if target.journey_id is None:
        raise DefiniteError(f"unknown journey {arguments.journey!r}")
    if target.tenant_status != "ACTIVE":
        raise DefiniteError(f"the tenant is {target.tenant_status}")
    if target.journey_status != "ACTIVE":
        raise DefiniteError(f"journey {arguments.journey!r} is {target.journey_status}, not ACTIVE")
    if not target.has_start:
        raise DefiniteError(f"journey {arguments.journey!r} has no node to start from")
    if arguments.campaign is not None and target.selection_id is None:
        raise DefiniteError(f"unknown campaign {arguments.campaign!r}")
    if arguments.import_run is not None and target.selection_id is None:
        raise DefiniteError(f"unknown import run {arguments.import_run}")
    return target


def _next_ids(ids: Sequence[UUID], after: UUID | None, size: int) -> Sequence[UUID]:
    start = bisect.bisect_right(ids, after) if after else 0
    return ids[start : start + size]


KIND = Kind("enroll_contacts", "enrollment", EnrollArguments, enroll_contacts, tenant_limit=4)
