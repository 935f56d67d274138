"""Calls kept for nobody find their tenant once their number is somebody's."""

from db.engine import Connection, Database
from db.queries.calls import logs
from jobs.calls.stream import CallStream, Stage, entry_of

# Calls sent on in one go.
_BATCH = 5000


def claim_calls(database: Database, stream: CallStream) -> int:
    """Look after changes to numbers: have calls in quarantine that are owned by now written anew.

    Returns how many were sent on. That they leave quarantine is the flush's work.
    """
    with database.transaction() as connection:
        return send_owned(connection, stream) if logs.handle_number_changes(connection) else 0


def send_owned(connection: Connection, stream: CallStream) -> int:
    """Send news without content of each call whose number somebody owns; returns how many."""
    owned = logs.find_owned_calls(connection, _BATCH)
    stream.send([entry_of(key, Stage.OVER, {}) for key in owned])
    return len(owned)
