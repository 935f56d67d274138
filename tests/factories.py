"""Rows that tests start from, written in bulk."""

import json


def make_tenant(database, slug="acme", *, region="US", timezone="America/New_York", any_time=True):
    """Insert a tenant, without quiet hours unless ``any_time`` is False; returns its id."""
    with database.transaction() as connection:
        row = connection.execute(
            "INSERT INTO tenants (slug, name, region, timezone) VALUES (%s, %s, %s, %s)"
            " RETURNING id",
            (slug, slug.title(), region, timezone),
        ).fetchone()
        if any_time:
            set_rules(connection, row[0], quiet_starts_at=None, quiet_ends_at=None)
    return row[0]


def set_rules(connection, tenant_id, **columns):
    """Lay down a tenant's execution rules anew: the columns given, all others by default."""
    connection.execute("DELETE FROM execution_rules WHERE tenant_id = %s", [tenant_id])
    names = ["tenant_id", *columns]
    connection.execute(
        f"INSERT INTO execution_rules ({', '.join(names)})"
        f" VALUES ({', '.join(['%s'] * len(names))})",
        [tenant_id, *columns.values()],
    )


def make_contacts(database, tenant_id, count, *, start=0, **columns):
    """Insert ``count`` contacts with phones +1555…; returns their ids in order of phone."""
    names = ["tenant_id", "phone_number", *columns]
    values = ["%(tenant_id)s", "'+1555' || to_char(n, 'FM0000000')"]
    values += [f"%({name})s" for name in columns]
    columns = {
        name: json.dumps(value) if isinstance(value, dict) else value
        for name, value in columns.items()
    }
    with database.transaction() as connection:
        rows = connection.execute(
            f"INSERT INTO contacts ({', '.join(names)}) SELECT {', '.join(values)}"
            " FROM generate_series(%(start)s::int, %(start)s::int + %(count)s::int - 1) AS n"
            " RETURNING id, phone_number",
            {"tenant_id": tenant_id, "start": start, "count": count, **columns},
        ).fetchall()
    return [contact_id for contact_id, phone in sorted(rows, key=lambda row: row[1])]
