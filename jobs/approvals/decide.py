"""What people say of drafted replies: as many as there are, in three statements."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from db.counter import uncounted
from db.engine import Connection
from db.queries import approvals as queries
from db.queries.approvals import DecidedRow, DecisionRow, wait_key
from db.queries.journeys.signals import Signal, signal_steps
from db.queries.runs import notify
from jobs.runs import DefiniteError

_STATUSES = {"approve": "APPROVED", "edit": "EDITED", "reject": "REJECTED"}
_LONGEST_TEXT = 1600
_LONGEST_NAME = 200


@dataclass(frozen=True)
class ApprovalDecision:
    """``by`` is who decides; ``text`` is what shall be sent instead, of an edit alone."""

    tenant_id: UUID
    approval_id: UUID
    action: Literal["approve", "edit", "reject"]
    by: str
    text: str | None = None


@dataclass(frozen=True)
class DecidedApproval:
    """How a request stands after a decision.

    ``changed`` False: it had been decided before (``status``, by whom and when), or there is none
    (``status`` None). ``decided_by`` None: nobody decided, it expired or was cancelled.
    """

    approval_id: UUID
    changed: bool
    status: str | None
    decided_by: str | None = None
    decided_at: datetime | None = None


def decide_approvals(
    connection: Connection, decisions: Sequence[ApprovalDecision], now: datetime | None = None
) -> list[DecidedApproval]:
    """Approve, edit and reject in the caller's transaction; the steps that wait for it are due.

    Of several decisions on one request the first stands, here as between people. Three statements
    for any number; the commit wakes the scheduler.

    Args:
        connection: in a transaction.
        decisions: of any tenants.
        now: the clock (aware); None for the database's.

    Returns:
        How each decision's request stands now, in their order.

    Raises:
        DefiniteError: a decision can't be one (no name, no text, too long); nothing is decided.
    """
    first: dict[tuple[UUID, UUID], DecisionRow] = {}
    for number, decision in enumerate(decisions, 1):
        row = _checked(number, decision)
        first.setdefault((row.tenant_id, row.id), row)
    if not first:
        return []
    queries.lock_waiting_steps(connection, list(first))
    rows = {
        (row.tenant_id, row.id): row
        for row in queries.decide_requests(connection, list(first.values()), now)
    }
    signals = [
        _signal(row, row.execution_id)
        for row in rows.values()
        if row.changed and row.execution_id is not None
    ]
    if signals and signal_steps(connection, signals, now):
        with uncounted():
            notify(connection, "journeys")
    told: set[tuple[UUID, UUID]] = set()
    outcomes = []
    for decision in decisions:
        key = (decision.tenant_id, decision.approval_id)
        outcomes.append(_outcome(decision, rows.get(key), first=key not in told))
        told.add(key)
    return outcomes


def _checked(number: int, decision: ApprovalDecision) -> DecisionRow:
    by = decision.by.strip()
    text = None if decision.text is None else decision.text.strip()
    problem = None
    if decision.action not in _STATUSES:
        problem = f"{decision.action!r} is none of {', '.join(_STATUSES)}"
    elif not by or len(by) > _LONGEST_NAME:
        problem = f"the name of who decides has to have 1 to {_LONGEST_NAME} characters"
    elif (decision.action == "edit") != (text is not None):
        problem = "a text belongs to an edit, and to nothing else"
    elif text is not None and not 1 <= len(text) <= _LONGEST_TEXT:
        problem = f"a text has to have 1 to {_LONGEST_TEXT:,} characters"
    elif not _storable(by + (text or "")):
        problem = "there are characters in it that no database keeps"
    if problem:
        raise DefiniteError(f"decision {number}, on approval {decision.approval_id}: {problem}")
    status = _STATUSES[decision.action]
    return DecisionRow(decision.tenant_id, decision.approval_id, status, by, text)


def _storable(text: str) -> bool:
    """Whether it has neither a character 0 nor half a character."""
    return "\x00" not in text and text == text.encode("utf-8", "ignore").decode()


def _signal(row: DecidedRow, execution_id: int) -> Signal:
    payload = {"decision": row.status.lower(), "by": row.decided_by, "text": row.text}
    return Signal(row.tenant_id, row.contact_id, wait_key(execution_id), payload)


def _outcome(decision: ApprovalDecision, row: DecidedRow | None, *, first: bool) -> DecidedApproval:
    if row is None:
        return DecidedApproval(decision.approval_id, changed=False, status=None)
    return DecidedApproval(
        row.id, row.changed and first, row.status, row.decided_by, row.decided_at
    )
