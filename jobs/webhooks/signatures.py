"""The signature by which a receiver knows that a call is ours and was not changed; pure."""

import hashlib
import hmac
from datetime import datetime


def signature(secret: str, body: bytes, now: datetime) -> str:
    """``t=UNIX,v1=HEX``: HMAC-SHA-256 of ``t.body`` under the tenant's secret; ``now`` is aware."""
    moment = int(now.timestamp())
    signed = f"{moment}.".encode() + body
    return f"t={moment},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"
