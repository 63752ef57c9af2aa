"""Readings and alert events for tests of the record."""

from __future__ import annotations

import random
from typing import Any

from sealtrail.contract.alert import AlertAction, AlertEvent, AlertType, Severity, event_id_of
from sealtrail.contract.completeness import DeviceDay
from sealtrail.contract.reading import FixKind, Reading, SealState

START_MS = 1_790_000_000_000
DAY_MS = 86_400_000
START_DAY_MS = START_MS - START_MS % DAY_MS


def report(reading_id: int, occurred_at_ms: int = START_MS, **fields: Any) -> Reading:
    """A reading with only what every reading has, and ``fields``."""
    basics: dict[str, Any] = {
        "device_id": "7012345678",
        "family": "jt701",
        "container_id": "MSCU6639870",
        "received_at_ms": occurred_at_ms + 700,
    }
    return Reading(reading_id=reading_id, occurred_at_ms=occurred_at_ms, **(basics | fields))


def placed(reading_id: int, occurred_at_ms: int = START_MS, **fields: Any) -> Reading:
    """A reading with a satellite fix."""
    fix: dict[str, Any] = {"fix_kind": FixKind.GNSS.value, "latitude_deg": -1.2921, "longitude_deg": 36.8219}
    return report(reading_id, occurred_at_ms, **(fix | fields))


def fleet(readings: int, containers: int = 100, seed: int = 1) -> list[Reading]:
    """A seeded mixture as a JT701 fleet sends it, in order of time."""
    dice = random.Random(seed)
    return [
        placed(
            dice.getrandbits(64),
            START_MS + number * 1_000,
            device_id=f"70{number % containers:08d}",
            container_id=f"MSCU{number % containers:07d}",
            sequence=number,
            latitude_deg=round(dice.uniform(-60, 60), 6),
            longitude_deg=round(dice.uniform(-180, 180), 6),
            speed_kmh=round(dice.uniform(0, 90), 1),
            course_deg=float(dice.randrange(360)),
            satellites=dice.randrange(4, 14),
            seal_state=SealState.SEALED.value,
            battery_pct=float(dice.randrange(101)),
            battery_v=3.91,
            temperature_c=round(dice.uniform(-20, 45), 1),
            signal_pct=80.0,
            odometer_km=round(dice.uniform(0, 9_000), 1),
            door_open=False,
        )
        for number in range(readings)
    ]


def alert(cause: int, occurred_at_ms: int = START_MS, **fields: Any) -> AlertEvent:
    """A cut seal on a trip."""
    basics: dict[str, Any] = {
        "alert_id": "ab" * 12,
        "event_id": event_id_of("ab" * 12, AlertAction.RAISED, cause),
        "type": AlertType.SEAL_CUT,
        "action": AlertAction.RAISED,
        "severity": Severity.CRITICAL,
        "container_id": "MSCU6639870",
        "trip_id": "trip-1",
        "device_id": "7012345678",
        "received_at_ms": occurred_at_ms + 7_200_000,
        "sentence": 'Seal "A, b" cut at 12:00\\n',
        "rule": "seal_cut",
        "rule_version": 1,
        "latitude_deg": -1.0,
        "longitude_deg": 36.0,
    }
    return AlertEvent(occurred_at_ms=occurred_at_ms, **(basics | fields))


WITHOUT_REPORT: dict[str, Any] = {
    "type": AlertType.OVERDUE,
    "severity": Severity.MEDIUM,
    "device_id": "",
    "latitude_deg": None,
    "longitude_deg": None,
}
"""Fields of an alert that follows from the plan alone."""


def device_day(device_id: str = "KE-0001", day: int = 0, **fields: Any) -> DeviceDay:
    """A daily record with something in every field."""
    basics: dict[str, Any] = {
        "family": "json",
        "container_id": "MSCU6639870",
        "received": 12,
        "accepted": 8,
        "duplicate": 2,
        "empty": 1,
        "refused": {"bad_json": 2},
        "retried": 1,
        "late": 3,
        "out_of_order": 4,
        "missing": 5,
        "restarts": 6,
        "clock_steps": 7,
        "clock_offset_ms": -1_500,
        "interval_s": 62.5,
        "last_seen_ms": START_MS + day * DAY_MS,
    }
    return DeviceDay(device_id=device_id, day_ms=START_DAY_MS + day * DAY_MS, **(basics | fields))
