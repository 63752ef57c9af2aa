"""SealTrail's own device protocol: JSON, one report as an object or several as an array.

Source: docs/device-protocol.md (``sealtrail schema device-report`` prints the
JSON Schema). UTF-8, at most `MAX_FRAME_BYTES`. No checksum: TCP and TLS below
have theirs. Every key but ``occurred_at`` may be missing; a missing or null
value is unknown, zero is zero. An unknown key is refused by name, since it may
be a misspelt value. An array is accepted or refused as a whole.

A number that isn't credible never costs the report: what would be refused only
because a quantity is outside its range (`RANGES`) or not finite (``NaN``, which
some libraries write) is kept without that value. Coordinates out of range or
of the wrong type cost the fix: flag ``POSITION_REFUSED``. Other values left out
are named in ``extra["refused"]``.

Identity: (device, occurred_at, sequence). While the device has no clock, its
count may restart at every start, so the content counts too. ``buffered`` and
``device_id`` are no content: a copy from memory is the same report.

Sample::

    {"sequence":1043,"occurred_at":"2026-11-23T06:34:12Z","buffered":true,
     "fix":{"latitude_deg":-1.2921,"longitude_deg":36.8219,"accuracy_m":6.5},
     "seal":{"state":"cut","events":["cut"]},"battery_pct":87}
"""

from __future__ import annotations

import datetime as dt
import json
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from gateway.decoders._json_lines import LINES
from gateway.decoders._values import content_identity, settled_identity
from gateway.device_time import CLOCK_EPOCH_MS, settle
from sealtrail.contract.clock import FIRST_MS, LAST_MS
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.public.device_report import (
    MAX_EVENTS,
    MAX_SEQUENCE,
    MAX_TEXT,
    RANGES,
    FixKindName,
    RfcTime,
    SealEventName,
    SealStateName,
)
from sealtrail.contract.reading import FixKind, Flag, Reading, SealEvent, SealState, reading_id_of

MAX_FRAME_BYTES = 1 << 20
CALENDAR_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

_FIX_KINDS: dict[str, int] = {kind.name.lower(): kind.value for kind in FixKind if kind}
_SEAL_STATES: dict[str | None, int] = {state.name.lower(): state.value for state in SealState if state}
_SEAL_STATES[None] = SealState.UNKNOWN.value
_SEAL_EVENTS: dict[str, int] = {str(event.name).lower(): event.value for event in SealEvent}
_BUFFERED, _CHARGING, _REFUSED, _CLOCK_UNSET = (
    flag.value for flag in (Flag.BUFFERED, Flag.CHARGING, Flag.POSITION_REFUSED, Flag.CLOCK_UNSET)
)  # plain integers: `IntFlag` arithmetic costs a microsecond each


def _in(quantity: str) -> Meta:
    least, greatest = RANGES[quantity]
    return Meta(ge=least, le=greatest)


Text = Annotated[str, Meta(max_length=MAX_TEXT)]


class _Fix(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    latitude_deg: Annotated[float, _in("latitude_deg")]
    longitude_deg: Annotated[float, _in("longitude_deg")]
    kind: FixKindName = "gnss"
    accuracy_m: Annotated[float, _in("accuracy_m")] | None = None
    altitude_m: Annotated[float, _in("altitude_m")] | None = None
    speed_kmh: Annotated[float, _in("speed_kmh")] | None = None
    course_deg: Annotated[float, _in("course_deg")] | None = None
    satellites: Annotated[int, _in("satellites")] | None = None
    hdop: Annotated[float, _in("hdop")] | None = None


class _Seal(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    state: SealStateName | None = None
    events: Annotated[list[SealEventName], Meta(max_length=MAX_EVENTS)] = []
    number: Text | None = None
    card_id: Text | None = None


class _Report(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    occurred_at: RfcTime | None
    device_id: Annotated[str, Meta(min_length=1, max_length=MAX_TEXT)] | None = None
    sequence: Annotated[int, Meta(ge=0, le=MAX_SEQUENCE)] | None = None
    buffered: bool = False
    fix: _Fix | None = None
    seal: _Seal | None = None
    door_open: bool | None = None
    mounted: bool | None = None
    moving: bool | None = None
    light_lux: Annotated[float, _in("light_lux")] | None = None
    shock_g: Annotated[float, _in("shock_g")] | None = None
    tilt_deg: Annotated[float, _in("tilt_deg")] | None = None
    temperature_c: Annotated[float, _in("temperature_c")] | None = None
    humidity_pct: Annotated[float, _in("humidity_pct")] | None = None
    battery_pct: Annotated[float, _in("battery_pct")] | None = None
    battery_v: Annotated[float, _in("battery_v")] | None = None
    external_v: Annotated[float, _in("external_v")] | None = None
    odometer_km: Annotated[float, _in("odometer_km")] | None = None
    signal_pct: Annotated[float, _in("signal_pct")] | None = None
    charging: bool = False


_NO_FIX = _Fix(latitude_deg=0.0, longitude_deg=0.0)
_NO_SEAL = _Seal()
_MEASURED = tuple(name for name in RANGES if name in _Report.__struct_fields__)
_FIX_DETAILS = tuple(
    name for name in RANGES if name in _Fix.__struct_fields__ and not name.startswith(("lat", "long"))
)
_parse = msgspec.json.Decoder(_Report | list[_Report]).decode
_canonical = msgspec.msgpack.Encoder().encode


class _Leniency:
    """What was left out of one report to keep the rest of it."""

    __slots__ = ("names", "position")

    def __init__(self) -> None:
        self.names: list[str] = []
        self.position = False


def _credible(value: object, name: str) -> bool:
    """Whether a value is something that the typed decoder may judge; only numbers can be incredible."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return True
    least, greatest = RANGES[name]
    return least <= value <= greatest


def _without_incredible(report: dict[str, Any]) -> tuple[dict[str, Any], _Leniency]:
    """The report without numbers out of range and without a bad fix."""
    left_out = _Leniency()
    kept = dict(report)
    for name in _MEASURED:
        if not _credible(kept.get(name), name):
            kept[name] = None
            left_out.names.append(name)
    fix = kept.get("fix")
    if fix is not None:
        fix = dict(fix) if isinstance(fix, dict) else {}
        for name in _FIX_DETAILS:
            if not _credible(fix.get(name), name):
                fix[name] = None
                left_out.names.append(f"fix.{name}")
        try:
            msgspec.convert(fix, _Fix)
            kept["fix"] = fix
        except msgspec.ValidationError as error:
            if "unknown field" in str(error):
                raise
            kept["fix"] = None
            left_out.position = True
    return kept, left_out


def _refusal(error: msgspec.DecodeError) -> DecodeError:
    text = str(error)
    if not isinstance(error, msgspec.ValidationError):
        return DecodeError("malformed_json", text)
    if "unknown field" in text:
        return DecodeError("unknown_field", text)
    if "missing required field" in text:
        return DecodeError("missing_field", text)
    return DecodeError("bad_value", text)


def _parse_leniently(
    frame: bytes, refused: msgspec.DecodeError
) -> tuple[list[_Report], list[_Leniency | None]]:
    """Reports of a document that the typed decoder refused, without its incredible numbers.

    Raises `DecodeError` where something else is wrong with it.
    """
    try:
        document = json.loads(frame.decode())
    except (ValueError, RecursionError):
        raise _refusal(refused) from refused
    documents = document if isinstance(document, list) else [document]
    if not all(isinstance(each, dict) for each in documents):
        raise _refusal(refused) from refused
    try:
        lenient = [_without_incredible(each) for each in documents]
        reports = [msgspec.convert(kept, _Report) for kept, _ in lenient]
        _canonical(reports)  # half a surrogate pair is no text, and `json` lets it pass
    except msgspec.ValidationError as error:
        raise _refusal(error) from error
    except UnicodeEncodeError:
        raise _refusal(refused) from refused
    return reports, [left_out for _, left_out in lenient]


class SealTrailJson:
    """Stateless decoder of family ``json``."""

    family = "json"
    aliases = ("sealtrail", "sealtrail-json", "sealtrailjson")
    binary = False

    def decode(self, frame: bytes, device_id: str | None, received_at_ms: int) -> list[Reading]:
        """Readings of one payload; see `sealtrail.contract.decoder.Decoder`."""
        if len(frame) > MAX_FRAME_BYTES:
            raise DecodeError("too_large", f"{len(frame)} bytes, at most {MAX_FRAME_BYTES}")
        try:
            parsed = _parse(frame)
        except msgspec.DecodeError as refused:
            reports, left_out = _parse_leniently(frame, refused)
        except (UnicodeDecodeError, RecursionError) as error:
            raise DecodeError("malformed_json", str(error)) from error
        else:
            if type(parsed) is _Report:
                return [_reading(parsed, device_id, received_at_ms, None)]
            reports = parsed if isinstance(parsed, list) else [parsed]
            left_out = [None] * len(reports)
        return [
            _reading(report, device_id, received_at_ms, note)
            for report, note in zip(reports, left_out, strict=True)
        ]


def _settled(claimed_ms: int | None, received_at_ms: int) -> tuple[int, int | None, int]:
    """What `settle` says, at a fraction of its cost in the ordinary case of a credible clock."""
    if claimed_ms is not None and CLOCK_EPOCH_MS <= claimed_ms <= received_at_ms:
        return claimed_ms, None, 0
    time = settle(claimed_ms, received_at_ms)
    return time.occurred_at_ms, time.device_time_ms, time.flags.value


def _within_calendar(report: _Report, claimed_ms: int) -> tuple[_Report, int]:
    """The report at the nearest time that can be written: disbelieved all the same, but kept."""
    nearest_ms = FIRST_MS if claimed_ms < FIRST_MS else LAST_MS
    nearest = CALENDAR_EPOCH + dt.timedelta(milliseconds=nearest_ms)
    return msgspec.structs.replace(report, occurred_at=nearest), nearest_ms


def _reading(
    report: _Report, device_id: str | None, received_at_ms: int, left_out: _Leniency | None
) -> Reading:
    named = report.device_id
    device = device_id if device_id is not None and named is None else settled_identity(named, device_id)
    claimed_ms = None
    if report.occurred_at is not None:
        claimed_ms = round(report.occurred_at.timestamp() * 1000)
        if not FIRST_MS <= claimed_ms <= LAST_MS:  # an offset can lead out of the calendar
            report, claimed_ms = _within_calendar(report, claimed_ms)
    occurred_at_ms, device_time_ms, flags = _settled(claimed_ms, received_at_ms)
    sequence = report.sequence
    if sequence is not None and not flags & _CLOCK_UNSET:
        reading_id = reading_id_of(device, sequence, claimed_ms, b"")
    else:
        content = _canonical(msgspec.structs.replace(report, device_id=None, buffered=False))
        told_apart = claimed_ms is not None or sequence is not None
        reading_id = content_identity(device, claimed_ms if told_apart else received_at_ms, content)
    if report.buffered:
        flags |= _BUFFERED
    if report.charging:
        flags |= _CHARGING
    extra: dict[str, str | int | float | bool] | None = None
    if left_out is not None:
        if left_out.position:
            flags |= _REFUSED
        if left_out.names:
            extra = {"refused": ",".join(left_out.names)}
    fix = report.fix
    located = fix is not None
    if fix is None:
        fix = _NO_FIX
    seal = report.seal or _NO_SEAL
    events = 0
    for name in seal.events:
        events |= _SEAL_EVENTS[name]
    return Reading(  # by position, in the order of the wire: by keyword is a quarter of all decoding
        device,
        "json",
        reading_id,
        occurred_at_ms,
        received_at_ms,
        None,  # the container is the pairing's
        sequence,
        device_time_ms,
        flags,
        _FIX_KINDS[fix.kind] if located else 0,
        fix.latitude_deg if located else None,
        fix.longitude_deg if located else None,
        fix.accuracy_m,
        fix.altitude_m,
        fix.speed_kmh,
        fix.course_deg,
        fix.satellites,
        fix.hdop,
        _SEAL_STATES[seal.state],
        events,
        seal.number,
        seal.card_id,
        report.door_open,
        report.mounted,
        report.moving,
        report.light_lux,
        report.shock_g,
        report.tilt_deg,
        report.temperature_c,
        report.humidity_pct,
        report.battery_pct,
        report.battery_v,
        report.external_v,
        report.odometer_km,
        report.signal_pct,
        extra,
    )


DECODER = SealTrailJson()
WIRE = LINES
