"""Take an import back: what it created and nothing has touched since."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from json import dumps
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from config.settings import Settings
from db.engine import Connection, Database
from db.queries import imports, undoing
from db.queries.imports import RefusedRow
from db.queries.undoing import Created, ImportToUndo
from jobs.imports.contacts import CONTACTS
from jobs.imports.dids import DIDS
from jobs.runs import ClaimedRun, DefiniteError, Kind, checkpoint, chunk, enqueue

_LOWEST = UUID(int=0)
_UNENDED = frozenset({"queued", "running"})
_TABLES = {CONTACTS.name: "contacts", DIDS.name: "dids"}


class UndoArguments(BaseModel):
    """Arguments of the kind ``undo_import``; ``run`` is the import's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: UUID


@dataclass
class _Place:
    """How far it came: through what was created, then through the campaign."""

    removed: int
    left_campaign: int
    reasons: Counter[str]
    created_at: datetime
    created: UUID | None
    member: UUID | None

    @property
    def kept(self) -> int:
        return self.reasons.total()

    def as_json(self) -> dict[str, Any]:
        return {
            "removed": self.removed,
            "left_campaign": self.left_campaign,
            "reasons": dict(self.reasons),
            "created_at": self.created_at.isoformat(),
            "created": self.created and str(self.created),
            "member": self.member and str(self.member),
            # Of the list of what stays, as of an import's errors.
            "header": ["phone_number"],
            "delimiter": ",",
            "lines": False,
        }

    @classmethod
    def from_json(cls, saved: Any) -> "_Place":
        return cls(
            saved["removed"],
            saved["left_campaign"],
            Counter(saved["reasons"]),
            datetime.fromisoformat(saved["created_at"]),
            saved["created"] and UUID(saved["created"]),
            saved["member"] and UUID(saved["member"]),
        )


def undo_import(
    database: Database, settings: Settings, run: ClaimedRun, arguments: UndoArguments
) -> dict[str, Any]:
    """Remove what an import created, as far as nothing has touched it since.

    Returns ``{removed, left_campaign, kept, reasons, unrestored}``, counts all of them.
    Contacts and numbers that were changed, enrolled, messaged, called or otherwise used since are
    kept and put on this run's error list with the reason. Contacts that were there before the
    import and that it put into its campaign leave it. What it changed in them, ``unrestored`` of
    them, stays.

    Raises:
        DefiniteError: there is no such import, or it has not ended.
    """
    with database.transaction() as connection:
        undone = _find(connection, run.tenant_id, arguments.run)
        references = undoing.find_references(connection, _TABLES[undone.kind])
    work = _Undo(database, settings, run, arguments.run, undone, references)
    place = work.do()
    return {
        "removed": place.removed,
        "left_campaign": place.left_campaign,
        "kept": place.kept,
        "reasons": dict(place.reasons),
        "unrestored": (undone.tally or {}).get("updated", 0),
    }


def _find(connection: Connection, tenant_id: UUID, run_id: UUID) -> ImportToUndo:
    undone = undoing.find_import(connection, tenant_id, run_id)
    if undone is None or undone.kind not in _TABLES:
        raise DefiniteError(f"there is no import {run_id}")
    if undone.state in _UNENDED:
        raise DefiniteError(f"import {run_id} has not ended: wait for it, or cancel it")
    return undone


@dataclass(frozen=True)
class _Undo:
    database: Database
    settings: Settings
    run: ClaimedRun
    import_id: UUID
    undone: ImportToUndo
    references: Sequence[tuple[str, str]]

    def do(self) -> _Place:
        saved = self.run.cursor
        place = (
            _Place.from_json(saved)
            if saved
            else _Place(0, 0, Counter(), self.undone.created_at, _LOWEST, _LOWEST)
        )
        while place.created is not None:
            self._chunk(place, self._remove)
        while place.member is not None:
            self._chunk(place, self._leave)
        return place

    def _chunk(self, place: _Place, do: Any) -> None:
        with chunk(self.database, self.run) as connection:
            kept = do(connection, place)
            if kept:
                first = place.kept
                imports.refuse_rows(
                    connection,
                    self.run.tenant_id,
                    self.run.id,
                    [
                        RefusedRow(number, reason, dumps([name]))
                        for number, (name, reason) in enumerate(kept, first + 1)
                    ],
                )
                place.reasons.update(reason for _, reason in kept)
            created = (self.undone.tally or {}).get("created", 0)
            done = place.removed + place.kept + place.left_campaign
            checkpoint(
                connection,
                self.settings,
                self.run,
                place.as_json(),
                done=done,
                total=max(created, done),
            )

    def _remove(self, connection: Connection, place: _Place) -> list[tuple[str, str]]:
        table = _TABLES[self.undone.kind]
        tenant_id, run_id = self.run.tenant_id, self.import_id
        picked = undoing.lock_created(
            connection,
            table,
            tenant_id,
            run_id,
            after=Created(place.created_at, place.created or _LOWEST),
            size=self.settings.import_chunk_rows,
        )
        if not picked:
            place.created = None
            return []
        remove = undoing.remove_contacts if table == "contacts" else undoing.remove_dids
        judged = remove(connection, tenant_id, run_id, [row.id for row in picked], self.references)
        last = max(picked) if table == "contacts" else picked[-1]
        place.created_at, place.created = last
        kept = [(row.name, row.reason) for row in judged if row.reason is not None]
        place.removed += len(judged) - len(kept)
        return kept

    def _leave(self, connection: Connection, place: _Place) -> list[tuple[str, str]]:
        campaign = self.undone.campaign
        members = (
            undoing.leave_campaign(
                connection,
                self.run.tenant_id,
                self.import_id,
                campaign,
                after=place.member or _LOWEST,
                size=self.settings.import_chunk_rows,
            )
            if campaign
            else []
        )
        if not members:
            place.member = None
            return []
        place.member = members[-1].contact_id
        place.left_campaign += sum(not member.used for member in members)
        return [
            (member.phone_number, "was reached in its campaign")
            for member in members
            if member.used and member.was_there
        ]


def start_undo(connection: Connection, tenant_id: UUID, import_id: UUID) -> UUID:
    """Enqueue it, in the caller's transaction; returns the run's id, whoever enqueued it first.

    Raises:
        DefiniteError: there is no such import, or it has not ended.
    """
    _find(connection, tenant_id, import_id)
    arguments = UndoArguments(run=import_id).model_dump(mode="json")
    return enqueue(connection, tenant_id, UNDO, arguments, unique_key=str(import_id))


UNDO = Kind("undo_import", "imports", UndoArguments, undo_import, tenant_limit=4)
