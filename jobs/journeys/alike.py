"""Steps that look alike, brought together: a batch is evaluated once for each group of them."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, TypeVar

from db.queries.journeys.rows import StepRow
from jobs.journeys.facts import FactReader
from jobs.journeys.gate import Contacts

K = TypeVar("K", bound=Hashable)


def alike_steps(
    steps: list[StepRow],
    readers: tuple[tuple[str, FactReader], ...],
    contacts: Contacts,
    zone: str,
) -> Iterator[tuple[dict[str, Any], list[StepRow]]]:
    """Steps grouped by equal facts."""
    if not readers:
        yield {}, steps
        return
    names = [name for name, _ in readers]
    reads = [read for _, read in readers]
    groups: dict[tuple[Any, ...], tuple[list[Any], list[StepRow]]] = {}
    for step in steps:
        contact = contacts.get((step.tenant_id, step.contact_id))
        values = [read(step, contact, zone) for read in reads]
        key = tuple([_hashable(v) if type(v) in _UNLIKE else v for v in values])
        groups.setdefault(key, (values, []))[1].append(step)
    for values, alike in groups.values():
        yield dict(zip(names, values, strict=True)), alike


_UNLIKE = frozenset({list, dict, float, bool})


def _hashable(value: Any) -> Any:
    """A key under which equal values meet and others don't: 1, 1.0, True and "1.0" stay apart."""
    return type(value), repr(value)


def bucket(
    steps: Sequence[StepRow], key: Callable[[StepRow], K]
) -> Iterator[tuple[K, list[StepRow]]]:
    """Steps grouped by equal keys, in the order in which these come first."""
    buckets: dict[K, list[StepRow]] = {}
    for step in steps:
        buckets.setdefault(key(step), []).append(step)
    yield from buckets.items()
