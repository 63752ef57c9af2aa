"""SealTrail's own device protocol: one report as a JSON object (docs/device-protocol.md).

`DeviceReport` is the published form, from which the JSON Schema is made. The
gateway decodes with a typed msgspec decoder that accepts and refuses the same
documents (``gateway/decoders/sealtrail_json.py``; a property test holds the two
together).
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

MAX_SEQUENCE = 2**63 - 1
MAX_TEXT = 64  # characters of an identity, seal number or card number
MAX_EVENTS = 32

RANGES: dict[str, tuple[float, float]] = {
    "latitude_deg": (-90, 90),
    "longitude_deg": (-180, 180),
    "accuracy_m": (0, 10_000_000),
    "altitude_m": (-1_000, 20_000),
    "speed_kmh": (0, 1_500),
    "course_deg": (0, 360),
    "satellites": (0, 255),
    "hdop": (0, 100),
    "light_lux": (0, 250_000),
    "shock_g": (0, 10_000),
    "tilt_deg": (-180, 180),
    "temperature_c": (-273.15, 1_000),
    "humidity_pct": (0, 100),
    "battery_pct": (0, 100),
    "battery_v": (0, 100),
    "external_v": (0, 1_000),
    "odometer_km": (0, 100_000_000),
    "signal_pct": (0, 100),
}
"""Quantity -> (least, greatest) credible value, ends included; holds for every family."""

FixKindName = Literal["gnss", "cell", "wifi", "stale"]
SealStateName = Literal["sealed", "unlocked", "open", "cut", "fault"]
SealEventName = Literal[
    "cut",
    "opened",
    "closed",
    "tampered",
    "wrong_password",
    "bad_card",
    "outside_area",
    "lock_fault",
    "shock",
    "drop",
    "door_opened",
    "door_closed",
    "light",
    "low_battery",
    "power_lost",
    "jamming",
    "geofence_entered",
    "geofence_left",
    "illegal_movement",
    "sos",
    "off_route",
    "remote_command",
]

RfcTime = Annotated[dt.datetime, msgspec.Meta(tz=True)]


def _rfc3339(value: object) -> dt.datetime | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("an RFC 3339 time is a string")  # noqa: TRY004  pydantic wants a ValueError
    try:
        return msgspec.convert(value, RfcTime)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error


def _quantity(name: str, description: str) -> Any:
    least, greatest = RANGES[name]
    return Field(default=None, ge=least, le=greatest, description=description)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Fix(_Part):
    """Where the device is. Left out where it doesn't know."""

    latitude_deg: float = Field(ge=-90, le=90, description="WGS 84, degrees, north positive")
    longitude_deg: float = Field(ge=-180, le=180, description="WGS 84, degrees, east positive")
    kind: FixKindName = Field(
        default="gnss",
        description="gnss: satellites, now; cell, wifi: from the network; stale: a repeated last position",
    )
    accuracy_m: float | None = _quantity("accuracy_m", "radius of uncertainty, metres, 1 sigma")
    altitude_m: float | None = _quantity("altitude_m", "above mean sea level, metres")
    speed_kmh: float | None = _quantity("speed_kmh", "over ground, kilometres an hour")
    course_deg: float | None = _quantity("course_deg", "over ground, degrees, 0 north, clockwise")
    satellites: int | None = _quantity("satellites", "used in the fix")
    hdop: float | None = _quantity("hdop", "horizontal dilution of precision")


class Seal(_Part):
    """What the seal is (state) and what has happened to it (events)."""

    state: SealStateName | None = Field(
        default=None,
        description="sealed: closed and locked; unlocked: lock open, cable or shackle still in place; "
        "open: cable out or shackle open; cut: continuity lost without unlocking; "
        "fault: sensors contradict each other",
    )
    events: list[SealEventName] = Field(
        default=[], max_length=MAX_EVENTS, description="what has happened since the last report"
    )
    number: str | None = Field(default=None, max_length=MAX_TEXT, description="number on the seal")
    card_id: str | None = Field(
        default=None, max_length=MAX_TEXT, description="card, tag or user that locked, unlocked or tried to"
    )


_EXAMPLES: list[JsonValue] = [
    {
        "sequence": 1042,
        "occurred_at": "2026-11-23T06:30:00Z",
        "fix": {"latitude_deg": -1.2921, "longitude_deg": 36.8219, "accuracy_m": 6.5, "speed_kmh": 54.2},
        "seal": {"state": "sealed", "number": "KE1234567"},
        "temperature_c": 21.4,
        "battery_pct": 87,
    },
    {
        "sequence": 1043,
        "occurred_at": "2026-11-23T06:34:12.500Z",
        "buffered": True,
        "seal": {"state": "cut", "events": ["cut"]},
        "light_lux": 310,
    },
    {"sequence": 0, "occurred_at": None, "seal": {"state": "open"}},
]


class DeviceReport(_Part):
    """One report of one device. Missing is missing, zero is zero; unknown keys are refused."""

    model_config = ConfigDict(title="SealTrail device report", json_schema_extra={"examples": _EXAMPLES})

    device_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_TEXT,
        description="equal to the one in the topic, which is enough by itself",
    )
    sequence: int | None = Field(
        default=None,
        ge=0,
        le=MAX_SEQUENCE,
        description="count of reports, kept over restarts; a copy repeats it",
    )
    occurred_at: Annotated[dt.datetime, BeforeValidator(_rfc3339)] | None = Field(
        description="RFC 3339, UTC; null while the device has no clock"
    )
    buffered: bool = Field(default=False, description="uploaded from memory")
    fix: Fix | None = Field(default=None, description="position")
    seal: Seal | None = Field(default=None, description="seal")
    door_open: bool | None = Field(default=None, description="door contact")
    mounted: bool | None = Field(default=None, description="false: taken off its mount")
    moving: bool | None = Field(default=None, description="the device's own motion detection")
    light_lux: float | None = _quantity("light_lux", "light inside, lux")
    shock_g: float | None = _quantity("shock_g", "greatest acceleration since the last report, g")
    tilt_deg: float | None = _quantity("tilt_deg", "from upright, degrees")
    temperature_c: float | None = _quantity("temperature_c", "degrees Celsius")
    humidity_pct: float | None = _quantity("humidity_pct", "relative humidity, percent")
    battery_pct: float | None = _quantity("battery_pct", "charge, percent")
    battery_v: float | None = _quantity("battery_v", "battery voltage, volts")
    external_v: float | None = _quantity("external_v", "external supply, volts")
    odometer_km: float | None = _quantity("odometer_km", "distance counted by the device, kilometres")
    signal_pct: float | None = _quantity("signal_pct", "radio signal, percent of full scale")
    charging: bool = Field(default=False, description="battery is being charged")
