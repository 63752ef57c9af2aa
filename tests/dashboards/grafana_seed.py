"""A small record with every field that a dashboard asks for, written as line protocol.

Two containers, each with a seal (reports the seal and the sensors) and a truck
tracker (reports positions more often, knows nothing of the seal), four hours,
one report a minute and device; each fifth report has no position.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ingest.names import BITS_FIELDS

START_MS: Final = 1_790_000_000_000
MINUTES: Final = 240
CONTAINERS: Final = ("MSCU6639871", "TGHU7587370")
CUT_AT_MINUTE: Final = 200
LATE_MS: Final = (800, 3_000, 30_000, 240_000, 7_200_000)
RANGE: Final = ("2026-09-21T14:00:00Z", "2026-09-21T19:00:00Z")


class Alert(NamedTuple):
    """One event of an alert's life, in each container."""

    minute: int
    alert: str
    type: str
    severity: str
    action: str
    late_by_s: int
    placed: bool = True


ALERTS: Final = (
    Alert(0, "armed", "SEAL_ARMED", "info", "logged", 1),
    Alert(30, "opened", "SEAL_OPENED", "critical", "raised", 2),
    Alert(30, "opened", "SEAL_OPENED", "critical", "retracted", 2),
    Alert(60, "deviation", "ROUTE_DEVIATION", "high", "raised", 5),
    Alert(60, "deviation", "ROUTE_DEVIATION", "high", "cleared", 5),
    Alert(CUT_AT_MINUTE, "cut", "SEAL_CUT", "critical", "raised", 7_200),
    Alert(CUT_AT_MINUTE, "cut", "SEAL_CUT", "critical", "updated", 7_200),
    Alert(210, "battery", "BATTERY_LOW", "medium", "raised", 1, placed=False),
)


def _line(measurement: str, tags: dict[str, str], fields: dict[str, str], time_ns: int) -> str:
    tag_text = "".join(f",{name}={value}" for name, value in tags.items())
    field_text = ",".join(f"{name}={value}" for name, value in fields.items())
    return f"{measurement}{tag_text} {field_text} {time_ns}"


def _seal_fields(minute: int) -> dict[str, str]:
    cut = minute >= CUT_AT_MINUTE
    return {
        "seal_state": "4i" if cut else "1i",
        "seal_events": "9i" if minute == CUT_AT_MINUTE else "0i",
        "seal_number": '"SEAL 77"',
        "card_id": '"0012"',
        "door_open": "true" if cut else "false",
        "light_lux": "120.5" if cut else "0",
        "shock_g": "0.25",
        "temperature_c": f"{-18 + minute / 60}",
        "humidity_pct": "61.5",
        "battery_pct": f"{90 - minute / 10}",
    }


def _reading(container: str, device: str, family: str, minute: int, container_index: int) -> str:
    at_ms = START_MS + minute * 60_000
    placed = minute % 5 != 0
    fields = {
        "details": rf'"[\"{minute:016x}\"]"',
        "received_at_ms": f"{at_ms + LATE_MS[minute % len(LATE_MS)]}i",
        "flags": "5i" if minute % 50 == 0 else "0i",
        "fix_kind": "1i" if placed else "0i",
    }
    if placed:
        fields |= {
            "latitude_deg": f"{50 + container_index + minute / 500}",
            "longitude_deg": f"{8 + minute / 100}",
            "speed_kmh": "72.5",
        }
    fields |= _seal_fields(minute) if family == "jt701" else {"seal_state": "0i", "seal_events": "0i"}
    fields = {name: value for name, value in fields.items() if name not in BITS_FIELDS or value != "0i"}
    tags = {
        "container_id": container,
        "device_id": device,
        "family": family,
        "has_position": "true" if placed else "false",
    }
    return _line("reading", tags, fields, at_ms * 1_000_000 + minute)


def _alert(container: str, number: int, alert: Alert) -> str:
    at_ms = START_MS + alert.minute * 60_000
    tags = {
        "action": alert.action,
        "container_id": container,
        "severity": alert.severity,
        "type": alert.type,
    }
    fields = {
        "alert_id": f'"{container}-{alert.alert}"',
        "event_id": f'"{container}-{number}"',
        "trip_id": f'"trip-{container}"',
        "sentence": f'"{alert.type} of {container}"',
        "late_by_s": f"{alert.late_by_s}i",
        "received_at_ms": f"{at_ms + alert.late_by_s * 1_000}i",
    }
    if alert.placed:
        fields |= {"latitude_deg": "50.5", "longitude_deg": "9.5"}
    return _line("alert", tags, fields, at_ms * 1_000_000 + number)


def lines() -> list[str]:
    """The whole seed."""
    readings = [
        _reading(container, f"{device}-{index}", family, minute, index)
        for index, container in enumerate(CONTAINERS)
        for device, family in (("seal", "jt701"), ("truck", "json"))
        for minute in range(MINUTES)
    ]
    alerts = [
        _alert(container, number, alert) for container in CONTAINERS for number, alert in enumerate(ALERTS)
    ]
    return readings + alerts
