"""The Uniqueid that a dialed call's channel is given: it names the queue's row, and the try."""

import re
from typing import NamedTuple
from uuid import UUID

_CHANNEL = re.compile(r"([0-9a-f]{32})-([0-9a-f]{32})-([0-9]{1,9})")


class CallKey(NamedTuple):
    """A row of ``call_queue``, and which of its tries."""

    tenant_id: UUID
    id: UUID
    attempt: int


def call_of_channel(channel_id: str) -> CallKey | None:
    """The queued call that a channel was made for; None: it isn't one of ours."""
    found = _CHANNEL.fullmatch(channel_id)
    return CallKey(UUID(found[1]), UUID(found[2]), int(found[3])) if found else None
