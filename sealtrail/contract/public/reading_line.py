"""`ReadingLine`: a `Reading` as one line of JSON for people and files (JSON Lines).

Times are RFC 3339 in UTC, enumerations lower-case names, ``reading_id`` 16 hex
digits; what is missing is left out. ``from_line(to_line(reading)) == reading``.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

import msgspec
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from sealtrail.contract.clock import iso, parse_iso
from sealtrail.contract.errors import RefusedError
from sealtrail.contract.public.device_report import FixKindName, SealEventName, SealStateName
from sealtrail.contract.reading import FixKind, Flag, Reading, SealEvent, SealState, reading_id_of

FlagName = Literal["clock_unset", "clock_future", "buffered", "ack_required", "charging", "position_refused"]


def _rfc3339(text: str) -> str:
    try:
        moment_ms = parse_iso(text)
        dt.datetime.fromtimestamp(moment_ms / 1000, dt.UTC)
    except (RefusedError, ValueError, OverflowError, OSError) as error:
        raise ValueError(str(error)) from error
    return text


Time = Annotated[str, AfterValidator(_rfc3339), Field(json_schema_extra={"format": "date-time"})]


class ReadingLine(BaseModel):
    """One report of one device in canonical units; only device and time must be there."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    device_id: str = Field(min_length=1, description="as in the MQTT topic")
    family: str = Field(default="file", description="protocol it came by")
    reading_id: str | None = Field(
        default=None,
        pattern="^[0-9a-f]{16}$",
        description="16 hex digits; equal for copies of one report; made from the line where missing",
    )
    occurred_at: Time = Field(description="when it happened, RFC 3339 with zone")
    received_at: Time | None = Field(
        default=None, description="when the gateway had it; occurred_at where missing"
    )
    container_id: str | None = Field(default=None, description="ISO 6346 number from the pairing")
    sequence: int | None = Field(default=None, ge=0, lt=2**63, description="where the device counts")
    device_time: Time | None = Field(
        default=None, description="what the device claimed, where it was not believed"
    )
    flags: list[FlagName] = Field(default=[], description="what is unusual about the report")
    fix_kind: FixKindName | None = Field(default=None, description="source of the position")
    latitude_deg: float | None = Field(default=None, ge=-90, le=90, description="WGS 84, north positive")
    longitude_deg: float | None = Field(default=None, ge=-180, le=180, description="WGS 84, east positive")
    accuracy_m: float | None = Field(default=None, ge=0, description="radius of uncertainty, 1 sigma")
    altitude_m: float | None = Field(default=None, description="above mean sea level")
    speed_kmh: float | None = Field(default=None, ge=0, description="over ground")
    course_deg: float | None = Field(default=None, ge=0, le=360, description="0 north, clockwise")
    satellites: int | None = Field(default=None, ge=0, description="used in the fix")
    hdop: float | None = Field(default=None, ge=0, description="horizontal dilution of precision")
    seal_state: SealStateName | None = Field(default=None, description="what the seal is")
    seal_events: list[SealEventName] = Field(default=[], description="what has happened to it")
    seal_number: str | None = Field(default=None, description="number on the seal")
    card_id: str | None = Field(default=None, description="card, tag or user")
    door_open: bool | None = Field(default=None, description="door contact")
    mounted: bool | None = Field(default=None, description="false: taken off its mount")
    moving: bool | None = Field(default=None, description="the device's own motion detection")
    light_lux: float | None = Field(default=None, description="lux")
    shock_g: float | None = Field(default=None, description="g")
    tilt_deg: float | None = Field(default=None, description="degrees")
    temperature_c: float | None = Field(default=None, description="degrees Celsius")
    humidity_pct: float | None = Field(default=None, description="relative humidity, percent")
    battery_pct: float | None = Field(default=None, description="percent")
    battery_v: float | None = Field(default=None, description="volts")
    external_v: float | None = Field(default=None, description="volts")
    odometer_km: float | None = Field(default=None, description="kilometres")
    signal_pct: float | None = Field(default=None, description="percent of full scale")
    extra: dict[str, str | int | float | bool] | None = Field(default=None, description="maker's own values")


_SAME = tuple(name for name in Reading.__struct_fields__ if name in ReadingLine.model_fields)
_RENDERED = {"reading_id", "flags", "fix_kind", "seal_state", "seal_events"}
_PLAIN = tuple(name for name in _SAME if name not in _RENDERED)


def to_line(reading: Reading) -> str:
    """The reading as one line of JSON without the newline, keys in the order of the contract."""
    found: dict[str, Any] = {
        "device_id": reading.device_id,
        "family": reading.family,
        "reading_id": f"{reading.reading_id:016x}",
        "occurred_at": iso(reading.occurred_at_ms),
        "received_at": iso(reading.received_at_ms),
    }
    if reading.device_time_ms is not None:
        found["device_time"] = iso(reading.device_time_ms)
    if reading.flags:
        found["flags"] = [str(flag.name).lower() for flag in Flag(reading.flags)]
    if reading.fix_kind:
        found["fix_kind"] = FixKind(reading.fix_kind).name.lower()
    if reading.seal_state:
        found["seal_state"] = SealState(reading.seal_state).name.lower()
    if reading.seal_events:
        found["seal_events"] = [str(event.name).lower() for event in SealEvent(reading.seal_events)]
    for name in _PLAIN:
        value = getattr(reading, name)
        if value is not None:
            found.setdefault(name, value)
    order = ReadingLine.model_fields
    return msgspec.json.encode({name: found[name] for name in order if name in found}).decode()


def from_line(line: str) -> Reading:
    """The reading of one line.

    Raises `RefusedError` named ``bad_reading_line`` whose detail says which field.
    """
    try:
        found = ReadingLine.model_validate_json(line)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc']) or 'line'}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_context=False)
        )
        raise RefusedError("bad_reading_line", problems) from error
    if (found.latitude_deg is None) != (found.longitude_deg is None):
        raise RefusedError("bad_reading_line", "latitude_deg, longitude_deg: both or neither")
    occurred_at_ms = parse_iso(found.occurred_at)
    device_time_ms = None if found.device_time is None else parse_iso(found.device_time)
    if found.reading_id is not None:
        reading_id = int(found.reading_id, 16)
    else:
        content = found.model_dump_json(exclude_none=True, exclude={"received_at", "container_id"})
        claimed_ms = occurred_at_ms if device_time_ms is None else device_time_ms
        reading_id = reading_id_of(found.device_id, found.sequence, claimed_ms, content.encode())
    return Reading(
        reading_id=reading_id,
        occurred_at_ms=occurred_at_ms,
        received_at_ms=occurred_at_ms if found.received_at is None else parse_iso(found.received_at),
        device_time_ms=device_time_ms,
        flags=sum(Flag[name.upper()].value for name in set(found.flags)),
        fix_kind=_fix_kind(found),
        seal_state=SealState[found.seal_state.upper()].value if found.seal_state else 0,
        seal_events=sum(SealEvent[name.upper()].value for name in set(found.seal_events)),
        **{name: getattr(found, name) for name in _PLAIN},
    )


def _fix_kind(line: ReadingLine) -> int:
    if line.fix_kind is not None:
        return FixKind[line.fix_kind.upper()].value
    return FixKind.NONE.value if line.latitude_deg is None else FixKind.GNSS.value
