"""Truths and alerts made by hand."""

from __future__ import annotations

from typing import Any

from sealtrail.evaluation.told import Told
from simulators.evaluation.truth import Scripted

MINUTE_MS = 60_000
CONTAINER = "SLEU0000016"


def truth(kind: str | None, minute: float, until: float | None = None, **changes: Any) -> Scripted:
    """Something that happens from one minute to another, known when it ends; tolerance five minutes."""
    from_ms, until_ms = round(minute * MINUTE_MS), round((minute if until is None else until) * MINUTE_MS)
    values: dict[str, Any] = {
        "kind": "made by hand",
        "alert_type": kind,
        "container_id": CONTAINER,
        "trip_id": "T1",
        "from_ms": from_ms,
        "until_ms": until_ms,
        "tolerance_ms": 5 * MINUTE_MS,
        "complete_ms": until_ms,
        "complete_received_ms": until_ms,
    }
    return Scripted(**(values | changes))


def alert(kind: str, minute: float, told: float | None = None, **changes: Any) -> Told:
    """An alert about one minute, told at another."""
    told_ms = round((minute if told is None else told) * MINUTE_MS)
    values: dict[str, Any] = {
        "alert_id": f"{kind}/{minute}/{told_ms}",
        "alert_type": kind,
        "container_id": CONTAINER,
        "trip_id": "T1",
        "device_id": "D",
        "occurred_ms": round(minute * MINUTE_MS),
        "told_ms": told_ms,
        "severity": "high",
        "sentence": "",
    }
    return Told(**(values | changes))
