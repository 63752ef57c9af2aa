"""`AlertLine`: an `AlertEvent` as one line of JSON for people, files and webhooks.

Times are RFC 3339 in UTC, ``late_by_s`` is what they differ by, details in
milliseconds keep their names. What is missing is left out.
"""

from __future__ import annotations

from typing import Any

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from sealtrail.contract.alert import AlertAction, AlertEvent, AlertFamily, AlertType, Evidence, Severity
from sealtrail.contract.clock import iso
from sealtrail.contract.reading import FixKind, SealEvent, SealState

Value = float | int | str | bool | None


class EvidenceLine(BaseModel):
    """One report that the alert rests on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reading_id: str
    device_id: str
    occurred_at: str = Field(json_schema_extra={"format": "date-time"})
    received_at: str = Field(json_schema_extra={"format": "date-time"})
    latitude_deg: float | None = None
    longitude_deg: float | None = None
    fix_kind: str | None = Field(default=None, description="gnss, cell, wifi, stale")
    seal_state: str | None = None
    seal_events: list[str] = []


class AlertLine(BaseModel):
    """Something that a rule says about a trip, and when."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    event_id: str = Field(description="this very event")
    alert_id: str = Field(description="the alert, the same over its life")
    type: AlertType
    family: AlertFamily
    action: AlertAction
    severity: Severity
    container_id: str
    trip_id: str = ""
    device_id: str = ""
    occurred_at: str = Field(description="when it happened", json_schema_extra={"format": "date-time"})
    received_at: str = Field(
        description="when the report that shows it was received", json_schema_extra={"format": "date-time"}
    )
    late_by_s: float = Field(description="seconds between the two")
    sentence: str
    rule: str
    rule_version: int
    settings: dict[str, Value] = {}
    latitude_deg: float | None = None
    longitude_deg: float | None = None
    place_is_last_known: bool = False
    details: dict[str, Value] = {}
    evidence: list[EvidenceLine] = []


def _names(kind: type[SealEvent], bits: int) -> list[str]:
    return [member.name.lower() for member in kind if member and bits & member and member.name]


def _level(kind: type[FixKind | SealState], code: int) -> str | None:
    try:
        return kind(code).name.lower() if code else None
    except ValueError:
        return None


def _evidence(evidence: Evidence) -> dict[str, Any]:
    line = {
        "reading_id": evidence.reading_id,
        "device_id": evidence.device_id,
        "occurred_at": iso(evidence.occurred_at_ms),
        "received_at": iso(evidence.received_at_ms),
        "latitude_deg": evidence.latitude_deg,
        "longitude_deg": evidence.longitude_deg,
        "fix_kind": _level(FixKind, evidence.fix_kind),
        "seal_state": _level(SealState, evidence.seal_state),
        "seal_events": _names(SealEvent, evidence.seal_events),
    }
    return {name: value for name, value in line.items() if value not in (None, [])}


def to_object(event: AlertEvent) -> dict[str, Any]:
    """The alert event as plain values in the order of `AlertLine`; what is missing is left out."""
    line = {
        "event_id": event.event_id,
        "alert_id": event.alert_id,
        "type": event.type.value,
        "family": event.family.value,
        "action": event.action.value,
        "severity": event.severity.value,
        "container_id": event.container_id,
        "trip_id": event.trip_id,
        "device_id": event.device_id,
        "occurred_at": iso(event.occurred_at_ms),
        "received_at": iso(event.received_at_ms),
        "late_by_s": event.late_by_ms / 1000,
        "sentence": event.sentence,
        "rule": event.rule,
        "rule_version": event.rule_version,
        "settings": event.settings,
        "latitude_deg": event.latitude_deg,
        "longitude_deg": event.longitude_deg,
        "place_is_last_known": event.place_is_last_known,
        "details": {name: value for name, value in event.details.items() if value is not None},
        "evidence": [_evidence(each) for each in event.evidence],
    }
    return {name: value for name, value in line.items() if value is not None}


def to_line(event: AlertEvent) -> str:
    """One line of JSON, without the line's end."""
    return msgspec.json.encode(to_object(event)).decode()
