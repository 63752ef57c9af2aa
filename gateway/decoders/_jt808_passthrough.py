"""Pass-through 0900 of family ``jt808``; datasheet: `gateway.decoders.jt808`."""

from __future__ import annotations

from collections.abc import Callable

from gateway.decoders._jt808_draft import Draft, number, text_of
from gateway.decoders._jt808_location import Header, finished, new_draft
from gateway.decoders._jt808_messages import standing
from gateway.decoders._values import place
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.reading import FixKind, Flag, Reading, SealEvent

DRIVER, VEHICLE, POSITION = 0x40, 0xF0, 0xFF
DRIVER_FIELDS = 5
VEHICLE_HEAD = 9  # time, from memory, kind of vehicle, kind of content
VALUES, TROUBLE, EVENTS_KIND, VIN = 1, 2, 3, 0x0B

# id -> (name, divisor, offset); "" before a name of the reading itself
VEHICLE_VALUES: dict[int, tuple[str, int, int]] = {
    0x0102: ("odometer_km", 10, 0),
    0x0103: ("fuel_l", 100, 0),
    0x0105: ("fuel_used_l", 100, 0),
    0x0111: ("fuel_c", 1, -40),
    0x012E: ("oil_level", 10, 0),
    0x014A: ("fuel_consumption", 100, 0),
    0x0528: ("odometer_km", 10, 0),
    0x052A: ("fuel_l", 100, 0),
    0x052B: ("fuel_pct", 1, 0),
    0x052C: ("fuel_used_l", 100, 0),
    0x052D: ("coolant_c", 1, -40),
    0x052E: ("intake_air_c", 1, -40),
    0x0530: ("external_v", 1000, 0),
    0x0535: ("obd_speed_kmh", 10, 0),
    0x0536: ("rpm", 1, 0),
    0x0537: ("fuel_consumption", 100, 0),
    0x0546: ("odometer_km", 10, 0),
}
OF_READING = ("odometer_km", "external_v")
VEHICLE_EVENTS: dict[int, tuple[str, SealEvent]] = {
    0x1A: ("hard_acceleration", SealEvent.NONE),
    0x1B: ("hard_braking", SealEvent.NONE),
    0x1C: ("hard_cornering", SealEvent.NONE),
    0x1D: ("lane_change", SealEvent.NONE),
    0x23: ("fatigue_driving", SealEvent.NONE),
    0x26: ("accident", SealEvent.SHOCK),
    0x27: ("accident", SealEvent.SHOCK),
    0x28: ("accident", SealEvent.SHOCK),
}


def pass_through(body: bytes, header: Header) -> list[Reading]:
    """Readings of a pass-through message; content that isn't known is kept in hex. Raises `DecodeError`."""
    if not body:
        raise DecodeError("bad_length", "no content")
    draft = new_draft(header)
    draft.extra["pass_through"] = f"{body[0]:02x}"
    content = body[1:]
    claimed_ms = None
    if body[0] == VEHICLE and len(content) >= VEHICLE_HEAD:
        claimed_ms = _vehicle(draft, content, header)
    elif body[0] == POSITION and len(content) >= 20:  # noqa: PLR2004  the form
        claimed_ms = _position(draft, content, header)
    elif body[0] == DRIVER and content[2:].startswith(b"GTSL|"):
        _driver(draft, content[2:])
    else:
        shown = content if len(content) <= 1024 else content[:1024]  # noqa: PLR2004  a frame's body
        draft.extra["content"] = shown.hex()
    return [finished(draft, header, claimed_ms, body)]


def _driver(draft: Draft, content: bytes) -> None:
    """Length (2), then ``GTSL|…|…|…|<driver>|…``."""
    draft.extra["content"] = text_of(content)
    fields = text_of(content).split("|")
    if len(fields) >= DRIVER_FIELDS:
        draft.reading.card_id = fields[4][:64] or None


def _position(draft: Draft, content: bytes, header: Header) -> int | None:
    """Time, latitude and longitude (signed, 10⁻⁶ °), altitude, speed (0.1 km/h), course."""
    settled = place(
        int.from_bytes(content[6:10], "big", signed=True) / 1e6,
        int.from_bytes(content[10:14], "big", signed=True) / 1e6,
        FixKind.GNSS,
    )
    reading = draft.reading
    reading.flags |= settled.flags.value
    reading.fix_kind = settled.kind.value
    reading.latitude_deg, reading.longitude_deg = settled.latitude_deg, settled.longitude_deg
    draft.put("altitude_m", float(int.from_bytes(content[14:16], "big", signed=True)))
    draft.put("speed_kmh", number(content[16:18]) / 10)
    draft.put("course_deg", float(number(content[18:20])))
    return header.time(content[:6])


def _vehicle(draft: Draft, content: bytes, header: Header) -> int | None:
    """Time, from memory, kind of vehicle, kind of content; then the content and the place."""
    if content[6]:
        draft.reading.flags |= Flag.BUFFERED.value
    draft.extra["vehicle_report"] = content[8]
    readers: dict[int, Callable[[Draft, bytes], bytes | None]] = {
        VALUES: _values,
        TROUBLE: _trouble,
        EVENTS_KIND: _events,
        VIN: _vin,
    }
    read = readers.get(content[8])
    rest = None if read is None else read(draft, content[VEHICLE_HEAD:])
    if rest is None:
        draft.extra["content"] = content[VEHICLE_HEAD:].hex()
    else:
        standing(draft, rest)
    return header.time(content[:6])


def _values(draft: Draft, data: bytes) -> bytes | None:
    """Count, then identity (2), length, value; what follows them, or None where they don't fit."""
    if not data:
        return None
    at = 1
    for _ in range(data[0]):
        if at + 3 > len(data) or at + 3 + data[at + 2] > len(data):
            return None
        kind, size = number(data[at : at + 2]), data[at + 2]
        value = data[at + 3 : at + 3 + size]
        at += 3 + size
        known = VEHICLE_VALUES.get(kind)
        if known is None or not value:
            draft.extra[f"vehicle_{kind:04x}"] = value.hex()
            continue
        name, divisor, offset = known
        if name in OF_READING:
            draft.put(name, number(value) / divisor)
        elif size <= 4:  # noqa: PLR2004  greater ones are something else
            draft.extra[name] = number(value) / divisor + offset
    return data[at:]


def _trouble(draft: Draft, data: bytes) -> bytes | None:
    """Count of systems; each: identity (4), count of codes; each: code (4), status (4), length (2), text."""
    if len(data) < 2:  # noqa: PLR2004  the count
        return None
    codes: list[str] = []
    at = 2
    for _ in range(number(data[:2])):
        if at + 6 > len(data):
            return None
        inner = number(data[at + 4 : at + 6])
        at += 6
        for _ in range(inner):
            if at + 10 > len(data):
                return None
            size = number(data[at + 8 : at + 10])
            codes.append(text_of(data[at + 10 : at + 10 + size]))
            at += 10 + size
    draft.extra["dtcs"] = " ".join(codes)
    return data[at:]


def _events(draft: Draft, data: bytes) -> bytes | None:
    """Count, then identity, length, value; what follows them, or None where they don't fit."""
    if not data:
        return None
    at = 1
    for _ in range(data[0]):
        if at + 2 > len(data):
            return None
        kind = data[at]
        name, event = VEHICLE_EVENTS.get(kind, (f"vehicle_event_{kind:02x}", SealEvent.NONE))
        draft.add_event(event, name)
        at += 2 + data[at + 1]
    return data[at:]


def _vin(draft: Draft, data: bytes) -> bytes | None:
    if not data:
        return None
    if data[0]:
        draft.extra["vin"] = text_of(data[1:18])
    return b""
