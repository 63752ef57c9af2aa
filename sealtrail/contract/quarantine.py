"""What the gateway could not decode, kept with everything that is needed to try again."""

from __future__ import annotations

import msgspec


class QuarantinedMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message from outside that was refused. ``payload`` is the bytes as received."""

    received_at_ms: int
    topic: str
    family: str
    device_id: str
    reason: str  # stable name, see `RefusedError.reason`
    detail: str
    payload: bytes
