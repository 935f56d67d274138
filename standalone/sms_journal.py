"""What the SMS gateway simulator took, on disk: a restart forgets nothing, memory stays flat."""

import hashlib
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

_SCHEMA = """
CREATE TABLE IF NOT EXISTS sends (
    key TEXT PRIMARY KEY,
    payload BLOB NOT NULL,
    count INTEGER NOT NULL
) WITHOUT ROWID
"""


class Taken(NamedTuple):
    """One message: its idempotency key, its id, and how often it was posted."""

    key: str
    id: str
    times: int


class SmsJournal:
    """Idempotency keys with a digest of what was sent under them; no number, no text.

    Every write is in the hands of the kernel before the answer goes out, so kill -9 loses
    nothing. (It isn't fsynced: the simulator needn't survive a power cut.)
    """

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        path.chmod(0o600)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute(_SCHEMA)
        messages, posts = self._database.execute(
            "SELECT count(*), coalesce(sum(count), 0) FROM sends"
        ).fetchone()
        self.received: int = messages
        """Different messages."""
        self.repeats: int = posts - messages
        """Posts of a message that had been taken before."""

    def take(self, key: str, payload: str) -> bool | None:
        """Note one post: True if it is new, False if repeated, None if it isn't the same."""
        digest = hashlib.blake2b(payload.encode(), digest_size=16).digest()
        known = self._database.execute("SELECT payload FROM sends WHERE key = ?", (key,)).fetchone()
        if known is None:
            self._database.execute("INSERT INTO sends VALUES (?, ?, 1)", (key, digest))
            self.received += 1
            return True
        if known[0] != digest:
            return None
        self._database.execute("UPDATE sends SET count = count + 1 WHERE key = ?", (key,))
        self.repeats += 1
        return False

    def knows(self, key: str) -> bool:
        found = self._database.execute("SELECT 1 FROM sends WHERE key = ?", (key,)).fetchone()
        return found is not None

    def page(self, after: str, limit: int) -> list[Taken]:
        """At most ``limit`` messages in the order of their keys, from past ``after``."""
        rows = self._database.execute(
            "SELECT key, count FROM sends WHERE key > ? ORDER BY key LIMIT ?", (after, limit)
        )
        return [Taken(key, message_id(key), count) for key, count in rows]

    def counts(self, keys: Iterable[str]) -> dict[str, int]:
        """How often each key was posted; 0 for one never seen."""
        found = {}
        for key in keys:
            row = self._database.execute("SELECT count FROM sends WHERE key = ?", (key,)).fetchone()
            found[key] = int(row[0]) if row else 0
        return found

    def close(self) -> None:
        self._database.close()


def message_id(key: str) -> str:
    """The gateway's id of the message posted under ``key``: always the same for the same key."""
    return f"msg_{hashlib.blake2b(key.encode(), digest_size=12).hexdigest()}"
