"""New tenants, checked before they are written."""

import re
from zoneinfo import available_timezones

import phonenumbers

from db.engine import Connection
from db.queries import tenants as queries
from db.queries.tenants import Tenant
from jobs.runs import DefiniteError

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class TenantError(DefiniteError):
    """The tenant can't be made; one line that names everything that is wrong."""


def create_tenant(
    connection: Connection, slug: str, *, region: str, timezone: str, name: str | None = None
) -> Tenant:
    """Make a tenant, in the caller's transaction.

    ``slug`` is the word it goes by: lower-case letters, digits and hyphens. ``region`` is the
    country (ISO 3166, such as US) whose phone numbers files may hold without a plus; ``timezone``
    an IANA zone. ``name`` is by default the slug.

    Raises:
        TenantError: a value is wrong, or the slug is taken.
    """
    region = region.upper()
    problems = []
    if not _SLUG.fullmatch(slug):
        problems.append(
            f"slug {slug!r}: lower-case letters, digits and hyphens, at most 63, not a hyphen first"
        )
    if region not in phonenumbers.SUPPORTED_REGIONS:
        problems.append(f"unknown region {region!r}: a country such as US or GB is wanted")
    if timezone not in available_timezones():
        problems.append(
            f"unknown timezone {timezone!r}: an IANA zone such as America/New_York is wanted"
        )
    if name is not None and (not name.strip() or "\0" in name):
        problems.append("the name is empty or holds a NUL character")
    if problems:
        raise TenantError("; ".join(problems))
    tenant = queries.create_tenant(connection, slug, name or slug, region, timezone)
    if tenant is None:
        raise TenantError(f"there is a tenant {slug!r} already")
    return tenant
