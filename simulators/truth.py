"""What the world sends, and what of it somebody must be alerted to."""

from __future__ import annotations

import enum
from typing import NamedTuple

import msgspec


class OutgoingKind(enum.StrEnum):
    REPORT = "report"
    DUPLICATE = "duplicate"  # the very bytes of an earlier report, sent again
    CORRUPT = "corrupt"  # no decoder can make anything of it: belongs in quarantine


class Outgoing(NamedTuple):
    """One MQTT message. ``event_no`` is set on the report that completes a scripted event's evidence."""

    send_at_ms: int
    topic: str
    payload: bytes
    kind: OutgoingKind
    device_id: str
    container_id: str
    event_no: int | None = None


class ScriptedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Ground truth: what was made to happen, and the alert that it must raise (None: none at all).

    ``occurred_at_ms`` is the moment of a cut, opening or tampering, and for a
    detour the moment at which the container crosses its corridor's border.
    """

    event_no: int
    kind: str  # `script.Kind`
    container_id: str
    trip_id: str
    device_id: str  # whose report is the evidence
    alert_type: str | None
    occurred_at_ms: int
    description: str
    also: tuple[str, ...] = ()  # further alerts that must come of it, each once
