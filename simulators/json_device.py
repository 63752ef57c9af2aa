"""Encoder of SealTrail's own JSON device protocol (docs/device-protocol.md)."""

from __future__ import annotations

from typing import Any

import msgspec

from sealtrail.contract.clock import iso
from sealtrail.contract.reading import FixKind, SealEvent
from simulators.report import Fix, Report, SealView

FAMILY = "json"

_FULL_V, _EMPTY_V = 4.15, 3.45  # one lithium cell
_HDOP_M = 5.0  # metres of error for each unit of dilution
_CLOCKLESS_MS = 946_684_800_000  # 2000-01-01: where a device's clock starts


def encode(report: Report, *, buffered: bool) -> bytes:
    """Payload of one report; equal reports give equal bytes."""
    body: dict[str, Any] = {"sequence": report.sequence, "occurred_at": _occurred_at(report)}
    if buffered:
        body["buffered"] = True
    if report.fix is not None:
        body["fix"] = _fix(report.fix)
    if report.seal is not None:
        body["seal"] = _seal(report.seal)
        body["mounted"] = report.seal.mounted
        if report.seal.door_open is not None:
            body["door_open"] = report.seal.door_open
    body |= {
        "moving": report.moving,
        "shock_g": report.shock_g,
        "temperature_c": report.temperature_c,
        "humidity_pct": report.humidity_pct,
        "battery_pct": report.battery_pct,
        "battery_v": round(_EMPTY_V + (_FULL_V - _EMPTY_V) * report.battery_pct / 100.0, 2),
        "signal_pct": report.signal_pct,
    }
    return msgspec.json.encode(body)


def _occurred_at(report: Report) -> str | None:
    if report.at_ms is not None:
        return iso(report.at_ms)
    return None if report.sequence % 2 else iso(_CLOCKLESS_MS + report.uptime_s * 1000)


def _fix(fix: Fix) -> dict[str, Any]:
    body: dict[str, Any] = {
        "latitude_deg": round(fix.latitude_deg, 6),
        "longitude_deg": round(fix.longitude_deg, 6),
        "kind": fix.kind.name.lower(),
    }
    if fix.kind is not FixKind.STALE:
        body["accuracy_m"] = round(fix.accuracy_m, 1)
    if fix.kind is FixKind.GNSS:
        body |= {
            "speed_kmh": round(fix.speed_kmh, 1),
            "course_deg": round(fix.course_deg % 360.0, 1) % 360.0,
            "satellites": fix.satellites,
            "hdop": round(fix.accuracy_m / _HDOP_M, 1),
        }
    return body


def _seal(seal: SealView) -> dict[str, Any]:
    body: dict[str, Any] = {"state": seal.state.name.lower(), "number": seal.number}
    if seal.events:
        body["events"] = [event.name.lower() for event in SealEvent if event & seal.events and event.name]
    if seal.card_id is not None:
        body["card_id"] = seal.card_id
    return body
