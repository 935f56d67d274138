"""What a transaction changes of what is cached, so that its own process reads what it wrote."""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from uuid import UUID

from db.cache.registry import Caches

_noted: ContextVar[set[tuple[str, UUID]] | None] = ContextVar("noted", default=None)


def note_change(table: str, tenant_id: UUID) -> None:
    """Rows of a tenant in a table that is cached are being written in this transaction."""
    noted = _noted.get()
    if noted is not None:
        noted.add((table, tenant_id))


@contextlib.contextmanager
def told_when_over(caches: Caches) -> Iterator[None]:
    """Tell the caches what was noted in the block: committed, rolled back, or nobody knows."""
    noted: set[tuple[str, UUID]] = set()
    token = _noted.set(noted)
    try:
        yield
    finally:
        _noted.reset(token)
        for table, tenant_id in noted:
            caches.changed(table, tenant_id)
