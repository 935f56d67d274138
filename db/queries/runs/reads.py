"""Runs as people see them, through SQLAlchemy."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection as ReadConnection
from sqlalchemy import Double, Select, case, cast, func, select

from db.tables import job_runs, tenants


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
    priority: int
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

    @property
    def reason(self) -> str | None:
        """What went wrong, the first line of ``error``; the others tell where."""
        return self.error.partition("\n")[0] if self.error else None


def list_runs(
    connection: ReadConnection,
    tenant_slug: str | None = None,
    state: str | None = None,
    limit: int = 50,
    *,
    kind: str | None = None,
    unique_key: str | None = None,
) -> list[Run]:
    """Runs, the newest first."""
    query = _runs().order_by(job_runs.c.created_at.desc(), job_runs.c.id.desc()).limit(limit)
    if tenant_slug is not None:
        query = query.where(tenants.c.slug == tenant_slug)
    if kind is not None:
        query = query.where(job_runs.c.kind == kind)
    if unique_key is not None:
        query = query.where(job_runs.c.unique_key == unique_key)
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


def get_cursor(connection: ReadConnection, run_id: UUID) -> dict[str, Any] | None:
    """What the run's last committed chunk saved; None if there is none."""
    return connection.execute(
        select(job_runs.c.cursor).where(job_runs.c.id == run_id)
    ).scalar_one_or_none()
