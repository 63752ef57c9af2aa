"""What the ledger reads, made for tests."""

from __future__ import annotations

from typing import Any

from sealtrail.contract.completeness import Arrival
from sealtrail.contract.quarantine import QuarantinedMessage

START_MS = 1_790_000_000_000
MINUTE_MS = 60_000


def arrival(reading_id: int, occurred_at_ms: int = START_MS, **fields: Any) -> Arrival:
    """The beginning of a reading with only what every reading has, and ``fields``."""
    basics: dict[str, Any] = {
        "device_id": "KE-0001",
        "family": "json",
        "received_at_ms": occurred_at_ms + 700,
    }
    return Arrival(reading_id=reading_id, occurred_at_ms=occurred_at_ms, **(basics | fields))


def refused(reason: str = "bad_json", **fields: Any) -> QuarantinedMessage:
    """A message that a gateway refused."""
    basics: dict[str, Any] = {
        "received_at_ms": START_MS,
        "topic": "sealtrail/json/KE-0001/up",
        "family": "json",
        "device_id": "KE-0001",
        "detail": "",
        "payload": b"x",
    }
    return QuarantinedMessage(reason=reason, **(basics | fields))
