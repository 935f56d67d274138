"""What a tenant lays down about its webhooks: where they may call, and what signs them."""

import secrets
from uuid import UUID

from db.engine import Connection
from db.queries import tenants as queries
from db.queries.tenants import WebhookSettings


def change_webhooks(
    connection: Connection,
    tenant_id: UUID,
    *,
    allow_private: bool | None = None,
    new_secret: bool = False,
) -> WebhookSettings:
    """Change what is named, in the caller's transaction; returns what then holds.

    A new secret signs every try from the commit on, those of calls made before too.

    Raises:
        LookupError: there is no such tenant.
    """
    if allow_private is not None or new_secret:
        secret = secrets.token_hex(32) if new_secret else None
        queries.set_webhooks(connection, tenant_id, allow_private=allow_private, secret=secret)
    return queries.load_webhooks(connection, tenant_id)
