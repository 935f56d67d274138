"""Tenants: made through psycopg, read through SQLAlchemy."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection as ReadConnection
from sqlalchemy import Select, select

from db.cache.changes import note_change
from db.engine import Connection
from db.statements import statement
from db.tables import tenants


@dataclass(frozen=True)
class Tenant:
    """``region``: ISO 3166 country; ``timezone``: IANA zone; ``status``: ACTIVE or SUSPENDED."""

    id: UUID
    slug: str
    name: str
    status: str
    region: str
    timezone: str


class TenantRules(NamedTuple):
    """Execution rules as people read them; times are ``HH:MM`` and ``closes_at`` may be 24:00.

    Of the nullable, None means: no quiet hours, no limit, no cap, a burst of one second's sends.
    """

    timezone: str
    weekdays: list[int]
    opens_at: str
    closes_at: str
    outside: str
    quiet_starts_at: str | None
    quiet_ends_at: str | None
    resubmission: str
    resubmission_hours: int
    max_messages_per_day: int | None
    call_gap_minutes: int
    sends_per_second: float | None
    send_burst: int | None
    max_calls_at_once: int


@dataclass(frozen=True)
class WebhookSettings:
    """``secret`` signs the calls; ``allow_private``: they may go to inside addresses too."""

    allow_private: bool
    secret: str = field(repr=False)


def load_webhooks(connection: Connection, tenant_id: UUID) -> WebhookSettings:
    """What a tenant laid down about its webhooks.

    Raises:
        LookupError: there is no such tenant.
    """
    row = connection.execute(
        statement("tenants/load_webhooks"), {"tenant_id": tenant_id}
    ).fetchone()
    if row is None:
        raise LookupError(tenant_id)
    return WebhookSettings(*row)


def set_webhooks(
    connection: Connection, tenant_id: UUID, *, allow_private: bool | None, secret: str | None
) -> None:
    """Change what isn't None."""
    connection.execute(
        statement("tenants/set_webhooks"),
        {"tenant_id": tenant_id, "allow_private": allow_private, "secret": secret},
    )


def load_rules(connection: Connection, tenant_id: UUID) -> TenantRules:
    """A tenant's rules.

    Raises:
        LookupError: there is no such tenant.
    """
    row = connection.execute(statement("tenants/load_rules"), {"tenant_id": tenant_id}).fetchone()
    if row is None:
        raise LookupError(tenant_id)
    return TenantRules._make(row)


def save_rules(connection: Connection, tenant_id: UUID, rules: TenantRules) -> None:
    """Lay down rules that have been checked."""
    note_change("execution_rules", tenant_id)
    connection.execute(statement("tenants/save_rules"), {"tenant_id": tenant_id, **rules._asdict()})


def create_tenant(
    connection: Connection, slug: str, name: str, region: str, timezone: str
) -> Tenant | None:
    """Insert a tenant whose values have been checked; None if the slug is taken."""
    row = connection.execute(
        statement("tenants/create_tenant"),
        {"slug": slug, "name": name, "region": region, "timezone": timezone},
    ).fetchone()
    if row is None:
        return None
    tenant = Tenant(*row)
    note_change("tenants", tenant.id)
    return tenant


def find_tenant(connection: ReadConnection, slug: str) -> Tenant | None:
    row = connection.execute(_tenants().where(tenants.c.slug == slug)).mappings().first()
    return Tenant(**row) if row else None


def list_tenants(connection: ReadConnection) -> list[Tenant]:
    """All tenants, by slug."""
    rows = connection.execute(_tenants().order_by(tenants.c.slug)).mappings()
    return [Tenant(**row) for row in rows]


def _tenants() -> Select[Any]:
    return select(tenants)
