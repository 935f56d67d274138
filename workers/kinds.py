"""Every kind of run there is, by name."""

from collections.abc import Mapping
from typing import Any

from jobs import enrollment, imports
from jobs.runs import Kind

KINDS: Mapping[str, Kind[Any]] = {
    kind.name: kind for kind in (imports.CONTACTS, imports.DIDS, imports.UNDO, enrollment.KIND)
}
