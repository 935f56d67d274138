"""The way into the ledger, one run or thousands at once, and what is asked of those in it."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from db.engine import Connection
from db.queries import runs as queries
from db.queries.runs import NewRun, RunFilter
from jobs.runs.errors import BadArgumentsError
from jobs.runs.keys import UNIQUE, KeyRule
from jobs.runs.kinds import Kind

# As JSON writes it, and not a backslash followed by its letters.
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")

MOST_RETRIED = 100_000

Outcome = Literal["created", "existing", "folded", "refused"]


@dataclass(frozen=True)
class Item:
    """One run of many; as the arguments of ``enqueue``."""

    args: Mapping[str, Any]
    unique_key: str | None = None
    run_at: datetime | None = None
    priority: int = 0


@dataclass(frozen=True)
class Enqueued:
    """What became of an item.

    ``created``: ``run_id`` is its own. ``existing``: it is the run that has the key. ``folded``: it
    is one that had not begun and has the item's arguments now, or those of a later item.
    ``refused``: there is none, and ``error`` names all that is wrong.
    """

    run_id: UUID | None
    outcome: Outcome
    error: str | None = None


def enqueue(
    connection: Connection,
    tenant_id: UUID,
    kind: Kind[Any] | str,
    args: Mapping[str, Any],
    *,
    unique_key: str | None = None,
    run_at: datetime | None = None,
    priority: int = 0,
    rule: KeyRule = UNIQUE,
) -> UUID:
    """Write a run into the ledger, in the caller's transaction; its commit wakes the scheduler.

    ``args`` must fit into JSON. Given the ``Kind`` itself (``jobs.enrollment.KIND``,
    ``jobs.imports.CONTACTS``, …; all of them: ``workers.kinds.KINDS``), they are checked against
    its model; given its name, against the names that it requires and allows, and the rest when
    the run starts.

    With ``unique_key``, ``rule`` says what becomes of a call whose key a run of the same tenant and
    kind has: ``Unique()``, the default, doesn't double one that has not ended and returns its id;
    see ``Unique(period_s)``, ``Throttle``, ``Debounce`` and ``KeepLast``. ``run_at`` (with a time
    zone; default: now) is the earliest start. Of a tenant's waiting runs the highest ``priority``
    goes first. Rolled back, the run never was.

    Raises:
        BadArgumentsError: names all that is wrong; nothing was written.
        psycopg.errors.ForeignKeyViolation: there is no such tenant.
    """
    item = Item(args, unique_key, run_at, priority)
    [enqueued] = enqueue_many(connection, tenant_id, kind, [item], rule=rule)
    if enqueued.run_id is None:
        raise BadArgumentsError(enqueued.error)
    return enqueued.run_id


def enqueue_many(
    connection: Connection,
    tenant_id: UUID,
    kind: Kind[Any] | str,
    items: Sequence[Item],
    *,
    rule: KeyRule = UNIQUE,
) -> list[Enqueued]:
    """Write many runs of one kind in one statement; returns what became of each, in their order.

    Items that are refused don't keep the others out. Several with the same key come to what they
    would one after the other. See ``enqueue``.

    Raises:
        BadArgumentsError: the rule makes no sense; nothing was written.
        psycopg.errors.ForeignKeyViolation: there is no such tenant.
    """
    _check(rule)
    errors = [_error(kind, item) for item in items]
    sound = [item for item, error in zip(items, errors, strict=True) if error is None]
    rows = iter(
        queries.enqueue_runs(
            connection,
            tenant_id,
            kind if isinstance(kind, str) else kind.name,
            [NewRun(item.args, item.unique_key, item.run_at, item.priority) for item in sound],
            **rule.rule._asdict(),
        )
        if sound
        else ()
    )
    return [_enqueued(error, rows) for error in errors]


def publish_kinds(connection: Connection, kinds: Iterable[Kind[Any]]) -> None:
    """Tell the door for SQL which kinds there are; one that is gone from ``kinds`` stays known."""
    queries.publish_kinds(connection, [kind.row for kind in kinds])


def cancel(connection: Connection, tenant_id: UUID, run_id: UUID) -> bool:
    """Cancel a run in the caller's transaction; False if it had ended. Committed chunks stay."""
    return queries.cancel_run(connection, tenant_id, run_id)


def retry(
    connection: Connection,
    which: RunFilter,
    *,
    per_minute: float | None = None,
    at_most: int = MOST_RETRIED,
) -> list[UUID]:
    """Queue failed and cancelled runs again, in the caller's transaction; returns their ids.

    They go on where they stopped, with all their attempts. ``per_minute`` spreads their starts,
    those that ended first before others. A run whose key another unfinished one has by now stays
    ended; of several with one key the last goes. One statement, whatever matches.
    """
    spacing_s = 60 / per_minute if per_minute else 0
    return queries.retry_runs(connection, which, spacing_s=spacing_s, at_most=at_most)


def _check(rule: KeyRule) -> None:
    how, period_s, max_wait_s = rule.rule
    if (period_s is not None and period_s <= 0) or (
        max_wait_s is not None and max_wait_s < (period_s or 0)
    ):
        raise BadArgumentsError(f"{how}: a period is longer than nothing, a max_wait_s not shorter")


def _error(kind: Kind[Any] | str, item: Item) -> str | None:
    problems = []
    try:
        if isinstance(kind, Kind):
            kind.check(item.args)
        if _NUL.search(json.dumps(item.args, allow_nan=False)):
            problems.append("arguments must not hold a NUL character")
    except BadArgumentsError as error:
        problems.append(str(error))
    except (TypeError, ValueError) as error:
        problems.append(f"arguments must fit into JSON: {error}")
    if item.unique_key is not None and (not item.unique_key or "\0" in item.unique_key):
        problems.append("unique_key must not be empty or hold a NUL character")
    if item.run_at is not None and item.run_at.tzinfo is None:
        problems.append("run_at needs a time zone")
    return "; ".join(problems) or None


def _enqueued(error: str | None, rows: Any) -> Enqueued:
    if error is not None:
        return Enqueued(None, "refused", error)
    row = next(rows)
    return Enqueued(row.run_id, row.outcome, row.error)
