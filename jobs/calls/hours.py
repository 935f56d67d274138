"""Calls that waited past their hours get their next ones."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from db.engine import Connection
from db.queries.calls.allocation import CallHours, ClaimedCall, retime_calls

ZoneKey = tuple[UUID, str | None]
"""(tenant_id, IANA zone of contacts, or None where they have none of their own)"""

NextHours = Callable[
    [Connection, Collection[ZoneKey], datetime],
    Mapping[ZoneKey, tuple[datetime, datetime | None]],
]
"""From when, and until when, contacts may next be reached by their tenants' rules, as of a moment.

A key for which there is no such time is left out. Whoever allocates calls gives it: the rules are
those of journeys.
"""

# What has no hours now may have some when rules or a zone were mended.
_WAIT = timedelta(hours=1)


def put_off(connection: Connection, stale: Sequence[ClaimedCall], next_hours: NextHours) -> None:
    """Give claimed calls whose hours are over their next, in the transaction of the claim.

    Computed once for each distinct zone of a tenant, written by one statement.
    """
    now = stale[0].now
    hours = next_hours(connection, {_key(call) for call in stale}, now)
    retime_calls(
        connection,
        [
            CallHours(call.tenant_id, call.id, *hours.get(_key(call), (now + _WAIT, now)))
            for call in stale
        ],
    )


def _key(call: ClaimedCall) -> ZoneKey:
    return call.tenant_id, call.timezone
