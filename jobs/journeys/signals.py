"""Telling journeys what happened to contacts: a reply, an answered call, anything of one's own."""

from collections.abc import Sequence
from datetime import datetime

from db.counter import uncounted
from db.engine import Connection
from db.queries.journeys.signals import Signal, signal_steps
from db.queries.runs import notify

__all__ = ["Signal", "send_signals"]


def send_signals(
    connection: Connection, signals: Sequence[Signal], now: datetime | None = None
) -> int:
    """Hand events to the ``wait_for`` steps that wait for them, in the caller's transaction.

    One statement for any number of events; its commit wakes the scheduler. An event that nobody
    waits for is no error, and is not kept.

    Args:
        connection: in a transaction.
        signals: payloads are JSON objects, kept as the results of the steps they end.
        now: the clock (aware); None for the database's.

    Returns:
        How many steps got one.
    """
    woken = signal_steps(connection, signals, now)
    if woken:
        with uncounted():
            notify(connection, "journeys")
    return len(woken)
