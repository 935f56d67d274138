"""The ledger of runs. Functions that take a psycopg connection run one statement each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlalchemy import Connection as ReadConnection
from sqlalchemy import Double, Select, case, cast, func, select

from db.engine import Connection
from db.statements import statement
from db.tables import job_runs, tenants


class ClaimedRow(NamedTuple):
    """A claimed run as the ledger holds it; ``more``: another is due that nobody holds."""

    tenant_id: UUID
    id: UUID
    kind: str
    args: dict[str, Any]
    cursor: dict[str, Any] | None
    token: UUID
    attempts: int
    more: bool


@dataclass(frozen=True)
class Run:
    """A run as people see it. ``state``: queued, running, succeeded, failed or cancelled.

    ``progress_total`` is None while unknown; units are the kind's own (rows, contacts).
    ``rows_per_s`` is the mean since it started, ``seconds_left`` what the rest takes at that pace;
    None where it isn't known. ``counts``: what became of an import's rows so far.
    ``attempts`` are the starts that came to nothing, and the one that ended the run. ``error`` of
    a run that is queued again tells why its last attempt failed.
    """

    tenant: str
    id: UUID
    kind: str
    args: dict[str, Any]
    state: str
    unique_key: str | None
    run_at: datetime
    attempts: int
    max_attempts: int | None
    progress_done: int
    progress_total: int | None
    rows_per_s: float | None
    seconds_left: float | None
    counts: dict[str, Any] | None
    result: dict[str, Any] | None
    error: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


def enqueue_run(
    connection: Connection,
    tenant_id: UUID,
    kind: str,
    args: Mapping[str, Any],
    *,
    unique_key: str | None,
    run_at: datetime | None,
) -> UUID:
    row = connection.execute(
        statement("runs/enqueue_run"),
        {
            "tenant_id": tenant_id,
            "kind": kind,
            "args": Jsonb(args),
            "unique_key": unique_key,
            "run_at": run_at,
        },
    ).fetchone()
    run_id: UUID = row[0]  # type: ignore[index]  # a function's SELECT always has a row
    return run_id


def bury_dead_runs(connection: Connection, max_attempts: int) -> list[tuple[UUID, UUID]]:
    """End the runs whose worker died at their last attempt; returns (tenant id, run id) of each."""
    return connection.execute(
        statement("runs/bury_dead_runs"), {"max_attempts": max_attempts}
    ).fetchall()


def claim_run(
    connection: Connection, run_id: UUID | None, other_kinds: Sequence[str], lease_s: float
) -> ClaimedRow | None:
    """Claim one due run whose kind is not among ``other_kinds``; only ``run_id``, if given."""
    row = connection.execute(
        statement("runs/claim_run"),
        {"run_id": run_id, "other_kinds": list(other_kinds), "lease_s": lease_s},
    ).fetchone()
    return ClaimedRow(*row) if row else None


def hold_run(connection: Connection, tenant_id: UUID, run_id: UUID, token: UUID) -> str | None:
    """Lock the run for this transaction; returns its state, None if the token is no longer its."""
    return _state(connection, "runs/hold_run", tenant_id, run_id, token)


def checkpoint_run(
    connection: Connection,
    tenant_id: UUID,
    run_id: UUID,
    token: UUID,
    *,
    attempts: int,
    cursor: Mapping[str, Any],
    done: int,
    total: int | None,
    lease_s: float,
) -> str | None:
    """Save how far the run came and renew its lease; returns as ``hold_run``.

    ``attempts``, here and below: as the claim counted them.
    """
    return _state(
        connection,
        "runs/checkpoint_run",
        tenant_id,
        run_id,
        token,
        attempts=attempts,
        cursor=Jsonb(cursor),
        done=done,
        total=total,
        lease_s=lease_s,
    )


def renew_lease(
    connection: Connection, tenant_id: UUID, run_id: UUID, token: UUID, lease_s: float
) -> str | None:
    return _state(connection, "runs/renew_lease", tenant_id, run_id, token, lease_s=lease_s)


def succeed_run(
    connection: Connection,
    tenant_id: UUID,
    run_id: UUID,
    token: UUID,
    *,
    attempts: int,
    result: Mapping[str, Any],
) -> str | None:
    return _state(
        connection,
        "runs/succeed_run",
        tenant_id,
        run_id,
        token,
        attempts=attempts,
        result=Jsonb(result),
    )


def fail_run(
    connection: Connection,
    tenant_id: UUID,
    run_id: UUID,
    token: UUID,
    *,
    attempts: int,
    error: str,
    definite: bool,
    max_attempts: int,
    backoff_s: float,
) -> str | None:
    """Queue the run again after a backoff, or end it; returns the state it came to."""
    return _state(
        connection,
        "runs/fail_run",
        tenant_id,
        run_id,
        token,
        attempts=attempts,
        error=error,
        definite=definite,
        max_attempts=max_attempts,
        backoff_s=backoff_s,
    )


def release_run(
    connection: Connection,
    tenant_id: UUID,
    run_id: UUID,
    token: UUID,
    *,
    attempts: int,
) -> None:
    """Queue the run again at once, as if it had not been claimed."""
    connection.execute(
        statement("runs/release_run"),
        {"tenant_id": tenant_id, "id": run_id, "token": token, "attempts": attempts},
    )


def cancel_run(connection: Connection, tenant_id: UUID, run_id: UUID) -> bool:
    """Cancel a run that has not ended; False if it had."""
    row = connection.execute(
        statement("runs/cancel_run"), {"tenant_id": tenant_id, "id": run_id}
    ).fetchone()
    return row is not None


def prune_runs(connection: Connection, *, days: int, size: int) -> int:
    """Delete at most ``size`` runs that ended ``days`` ago; returns how many."""
    return connection.execute(statement("runs/prune_runs"), {"days": days, "size": size}).rowcount


def notify(connection: Connection, ledger: str) -> None:
    """Tell listeners, once this transaction commits, that ``ledger`` has news."""
    connection.execute(statement("runs/notify_listeners"), {"ledger": ledger})


def list_runs(
    connection: ReadConnection,
    tenant_slug: str | None = None,
    state: str | None = None,
    limit: int = 50,
) -> list[Run]:
    """Runs, the newest first."""
    query = _runs().order_by(job_runs.c.created_at.desc(), job_runs.c.id.desc()).limit(limit)
    if tenant_slug is not None:
        query = query.where(tenants.c.slug == tenant_slug)
    if state is not None:
        query = query.where(job_runs.c.state == state)
    return [Run(**row) for row in connection.execute(query).mappings()]


def get_run(connection: ReadConnection, run_id: UUID, tenant_slug: str | None = None) -> Run | None:
    """One run; None if there is none, or if it is another tenant's than ``tenant_slug`` names."""
    query = _runs().where(job_runs.c.id == run_id)
    if tenant_slug is not None:
        query = query.where(tenants.c.slug == tenant_slug)
    row = connection.execute(query).mappings().first()
    return Run(**row) if row else None


def _runs() -> Select[Any]:
    hidden = ("tenant_id", "cursor")
    shown = [column for column in job_runs.c if column.name not in hidden]
    until = func.coalesce(job_runs.c.finished_at, func.now())
    elapsed_s = cast(func.extract("epoch", until - job_runs.c.started_at), Double)
    per_s = cast(job_runs.c.progress_done, Double) / func.nullif(elapsed_s, 0, type_=Double)
    rest = job_runs.c.progress_total - job_runs.c.progress_done
    left = cast(case((job_runs.c.state == "running", rest)), Double)
    return select(
        tenants.c.slug.label("tenant"),
        *shown,
        per_s.label("rows_per_s"),
        (left / func.nullif(per_s, 0, type_=Double)).label("seconds_left"),
        job_runs.c.cursor["tally"].label("counts"),
    ).join(tenants, tenants.c.id == job_runs.c.tenant_id)


def _state(
    connection: Connection, name: str, tenant_id: UUID, run_id: UUID, token: UUID, **values: Any
) -> str | None:
    row = connection.execute(
        statement(name), {"tenant_id": tenant_id, "id": run_id, "token": token, **values}
    ).fetchone()
    return row[0] if row else None


def get_cursor(connection: ReadConnection, run_id: UUID) -> dict[str, Any] | None:
    """What the run's last committed chunk saved; None if there is none."""
    return connection.execute(
        select(job_runs.c.cursor).where(job_runs.c.id == run_id)
    ).scalar_one_or_none()
