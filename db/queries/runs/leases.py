"""Runs that a worker takes up and holds. Each function runs one statement."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.types.json import Jsonb

from db import bulk
from db.engine import Connection
from db.statements import statement

# Of each kind, so many tenants are looked at for who has the fewest runs under way.
TENANTS_LOOKED_AT = 20
_READY_AT_ONCE = 1000


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


class KindLimits(NamedTuple):
    """Runs of a kind under way at once, of one tenant and of all; starts that a run has.

    None: no limit, or what the settings say.
    """

    kind: str
    of_tenant: int | None
    of_all: int | None
    attempts: int | None


def take_turn(connection: Connection, queue: str) -> UUID:
    """Keep others of this queue from taking up a run meanwhile; returns the tenant served last."""
    row = connection.execute(statement("runs/take_turn"), {"queue": queue}).fetchone()
    tenant_id: UUID = row[0]  # type: ignore[index]  # there is one now
    return tenant_id


def rescue_runs(connection: Connection, max_attempts: int) -> list[tuple[UUID, UUID]]:
    """Queue the runs whose worker died, or end them; returns (tenant id, run id) of the ended."""
    return connection.execute(
        statement("runs/rescue_runs"), {"max_attempts": max_attempts}
    ).fetchall()


def ready_runs(connection: Connection) -> None:
    """Put the queued runs whose time has come into their lines, a thousand at most."""
    connection.execute(statement("runs/ready_runs"), {"at_most": _READY_AT_ONCE})


def claim_run(
    connection: Connection,
    run_id: UUID | None,
    *,
    queue: str,
    after: UUID,
    other_kinds: Sequence[str],
    limits: Iterable[KindLimits],
    lease_s: float,
) -> ClaimedRow | None:
    """Claim one due run whose kind is not among ``other_kinds``; only ``run_id``, if given.

    ``after``: what ``take_turn`` returned for ``queue``.
    """
    kinds, tenant_limits, total_limits, attempts = bulk.columns(limits, 4)
    row = connection.execute(
        statement("runs/claim_run"),
        {
            "run_id": run_id,
            "queue": queue,
            "after": after,
            "tenants": TENANTS_LOOKED_AT,
            "other_kinds": list(other_kinds),
            "kinds": kinds,
            "tenant_limits": tenant_limits,
            "total_limits": total_limits,
            "attempts": attempts,
            "lease_s": lease_s,
        },
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


def _state(
    connection: Connection, name: str, tenant_id: UUID, run_id: UUID, token: UUID, **values: Any
) -> str | None:
    row = connection.execute(
        statement(name), {"tenant_id": tenant_id, "id": run_id, "token": token, **values}
    ).fetchone()
    return row[0] if row else None
