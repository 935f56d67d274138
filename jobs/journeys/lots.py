"""Lots: numbers that look drawn by chance, and are the same whenever they are drawn again.

SHA-256 of ``CONTACT:SEED``, read as one whole number, in exact integer arithmetic: floats would
lose bits, and a remainder of the UUID itself would favour what its time-ordered bits repeat.
"""

from hashlib import sha256
from uuid import UUID

_BITS = 256


def draw(contact_id: UUID, seed: str, count: int) -> int:
    """The contact's lot in ``0 … count - 1``, each as likely as the others."""
    digest = sha256(f"{contact_id}:{seed}".encode()).digest()
    return int.from_bytes(digest, "big") * count >> _BITS
