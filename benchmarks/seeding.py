"""Tenants, contacts, journeys and due steps, each kind written by one statement."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from benchmarks.statements import benchmark_statement
from db.engine import Connection, Database
from jobs.journeys.definition import check_definition
from jobs.journeys.versions import apply_definition

# Each step ends and its successor is a year away: as many steps are done as were seeded.
MIXED = {
    "journey": "mixed",
    "start": "fork",
    "nodes": {
        "fork": {  # never stood at; it leads to all the others
            "type": "condition",
            "branches": [
                {"when": {"field": "attributes.at", "op": "eq", "value": key}, "next": key}
                for key in ("wait", "hello", "which")
            ],
            "default": "mark",
        },
        "wait": {"type": "delay", "minutes": 5, "next": "park"},
        "hello": {
            "type": "send_sms",
            "body": "Hi {{ first_name }}, your appointment is tomorrow.",
            "next": "park",
        },
        "which": {
            "type": "condition",
            "branches": [
                {"when": {"field": "attributes.plan", "op": "eq", "value": "pro"}, "next": "park"}
            ],
            "default": "park",
        },
        "mark": {
            "type": "update_contact",
            "set": {"status": "VIP", "attributes.seen": True},
            "add_tags": ["vip"],
            "next": "park",
        },
        "park": {"type": "delay", "days": 365, "next": "done"},
        "done": {"type": "end"},
    },
}

MIX = ("wait",) * 4 + ("hello",) * 3 + ("which",) * 2 + ("mark",)
"""40 % delay, 30 % SMS, 20 % condition, 10 % update."""


def seed_tenants(connection: Connection, count: int, *, prefix: str = "tenant") -> list[UUID]:
    """Insert active tenants where it is noon, so that nobody's quiet hours are; their ids."""
    rows = connection.execute(
        "INSERT INTO tenants (slug, name, region, timezone)"
        " SELECT %(prefix)s || '-' || n, 'Tenant ' || n, 'US', %(zone)s"
        " FROM generate_series(1, %(count)s) AS n RETURNING id",
        {"prefix": prefix, "count": count, "zone": noon_zone(datetime.now(UTC).hour)},
    )
    return [tenant_id for (tenant_id,) in rows]


def noon_zone(utc_hour: int) -> str:
    """The IANA zone where it is between 12 and 13 o'clock; the sign of its name is reversed."""
    return f"Etc/GMT{utc_hour - 12:+d}"


def seed_contacts(connection: Connection, tenant_ids: Sequence[UUID], each: int) -> None:
    """Insert ``each`` contacts for every tenant: 200 first names, a third on the plan ``pro``."""
    connection.execute(
        benchmark_statement("seed_contacts"), {"tenant_ids": list(tenant_ids), "each": each}
    )


def seed_journeys(database: Database, tenant_ids: Sequence[UUID]) -> None:
    """Bring the mixed journey to every tenant."""
    definition = check_definition(MIXED)
    for tenant_id in tenant_ids:
        apply_definition(database, tenant_id, definition)


def seed_enrollments(connection: Connection, tenant_ids: Sequence[UUID]) -> None:
    """Enroll every contact of the tenants, none with a pending step."""
    connection.execute(benchmark_statement("seed_enrollments"), {"tenant_ids": list(tenant_ids)})


def seed_steps(
    connection: Connection,
    tenant_ids: Sequence[UUID],
    count: int,
    *,
    mix: Sequence[str] = MIX,
    late_s: tuple[float, float] = (600, 3600),
    due_at: datetime | None = None,
) -> None:
    """Insert ``count`` due steps, the same number for every tenant.

    Args:
        connection: in autocommit mode, or in the caller's transaction.
        tenant_ids: their contacts are enrolled; an enrollment may get several steps.
        count: of all tenants together.
        mix: keys of the nodes the steps stand at, in turn.
        late_s: how long they have been due: from, to, evenly spread in random order.
        due_at: when all are due at one moment; ``late_s`` then has no meaning.
    """
    connection.execute(
        benchmark_statement("seed_steps"),
        {
            "tenant_ids": list(tenant_ids),
            "each": count // len(tenant_ids),
            "mix": list(mix),
            "late_from": late_s[0],
            "late_to": late_s[1],
            "due_at": due_at,
        },
    )


def moment_ahead(connection: Connection, steps: int) -> datetime:
    """A moment of the database's clock before which so many steps can be seeded and settled."""
    return clock(connection) + timedelta(seconds=4 + steps / 10_000)


def await_moment(connection: Connection, moment: datetime) -> None:
    """Sleep until then, and have the scheduler look.

    Raises:
        RuntimeError: it has passed: some steps were done before all were there.
    """
    if clock(connection) > moment:
        raise RuntimeError("this machine was too slow to seed all steps before they were due")
    connection.execute("SELECT pg_sleep(extract(epoch FROM %s - clock_timestamp()))", (moment,))
    connection.execute("SELECT pg_notify('trunkline', 'journeys')")


def clock(connection: Connection) -> datetime:
    """The database's own."""
    (now,) = connection.execute("SELECT clock_timestamp()").fetchone()
    return now


def settle(connection: Connection, *tables: str) -> None:
    """Vacuum and analyze, so that no round pays for the one before; autocommit only."""
    names = tables or ("contacts", "journey_contacts", "journey_nodes", "pending_executions")
    connection.execute(f"VACUUM (ANALYZE) {', '.join(names)}")


def empty_steps(connection: Connection) -> None:
    """Take away every step and what steps brought about; enrollments and contacts stay."""
    connection.execute("TRUNCATE pending_executions, journey_node_executions, messages, batch_runs")


def enrolled_tenants(
    connection: Connection, database: Database, tenants: int, contacts_each: int
) -> list[UUID]:
    """Tenants with the mixed journey, all their contacts enrolled; returns the tenants' ids."""
    tenant_ids = seed_tenants(connection, tenants)
    seed_contacts(connection, tenant_ids, contacts_each)
    seed_journeys(database, tenant_ids)
    seed_enrollments(connection, tenant_ids)
    settle(connection)
    return tenant_ids
