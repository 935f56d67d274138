"""Every kind of run there is, by name."""

from collections.abc import Mapping
from typing import Any

from db.engine import Connection
from jobs import enrollment, imports
from jobs.runs import Kind, publish_kinds

KINDS: Mapping[str, Kind[Any]] = {
    kind.name: kind for kind in (imports.CONTACTS, imports.DIDS, imports.UNDO, enrollment.KIND)
}


def publish(connection: Connection) -> None:
    """Tell the door for SQL of them."""
    publish_kinds(connection, KINDS.values())
