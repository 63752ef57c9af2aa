"""Binary ``$`` frames of family ``jt701``; the datasheet is `gateway.decoders.jt701`."""

from __future__ import annotations

import functools
import struct
from typing import NamedTuple

from gateway.decoders._values import (
    Extra,
    place,
    settled_identity,
    signal_pct_of_csq,
    stamped,
    unstamped,
    within,
)
from gateway.device_time import utc_ms
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.reading import FixKind, Flag, Reading, SealEvent, SealState

FAMILY = "jt701"

LONG_HEAD, SHORT_HEAD = 10, 9
POSITION = struct.Struct(">6s4s5sBB")
LOCK = struct.Struct(">IBIHBHHB")
LONG_RECORD = POSITION.size + LOCK.size
SHORT_RECORD = POSITION.size + 10
STATUS_LOW_BYTE = 27  # in a long record
VERSION_WITHOUT_TAIL = 0x16
TAIL_WITH_GEOFENCE = 4
TAIL_WITH_NETWORK = 17
CHARGING = 0xFF
FROM_MEMORY = (3, 4)

NO_TIME = bytes(6)
DAY_CACHE = 1024  # most reports are of today
STATUS_CACHE = 1024  # few words are ever seen, and flag arithmetic is slow
COURSES_DEG = tuple(within("course_deg", half * 2.0) for half in range(256))
BATTERIES_PCT = tuple(None if byte == CHARGING else within("battery_pct", float(byte)) for byte in range(256))
SIGNALS_PCT = tuple(signal_pct_of_csq(byte) for byte in range(256))
BIT_LBS, BIT_CUT, BIT_ACK, BIT_ROPE_IN, BIT_LOCKED, BIT_UNLOCKING, BIT_CAP_CLOSED = 0, 3, 5, 6, 7, 8, 13
FIX_KINDS = {kind: kind.value for kind in FixKind}  # asking an enumeration's member is slow
STATUS_EVENTS = {
    1: SealEvent.GEOFENCE_ENTERED,
    2: SealEvent.GEOFENCE_LEFT,
    BIT_CUT: SealEvent.CUT,
    4: SealEvent.SHOCK,
    BIT_UNLOCKING: SealEvent.OPENED,
    9: SealEvent.WRONG_PASSWORD,
    10: SealEvent.BAD_CARD,
    11: SealEvent.LOW_BATTERY,
    12: SealEvent.TAMPERED,
    14: SealEvent.LOCK_FAULT,
}


class _Head(NamedTuple):
    """What a frame says before its records."""

    device_id: str
    format: str  # "long" or the short frame's format nibble
    data_type: int
    records: list[bytes]
    extra: Extra


@functools.lru_cache(maxsize=DAY_CACHE)
def _midnight_ms(digits: str) -> int | None:
    """Beginning of the day ``ddmmyy``; None where there is no such day."""
    return utc_ms(int(digits[4:]), int(digits[2:4]), int(digits[:2]), 0, 0, 0)


def bcd_time(raw: bytes) -> int | None:
    """UTC milliseconds of ``ddmmyyhhmmss``; None where all digits are zero."""
    if raw == NO_TIME:
        return None
    digits = raw.hex()
    if digits.isdecimal():
        midnight_ms = _midnight_ms(digits[:6])
        hour, minute, second = int(digits[6:8]), int(digits[8:10]), int(digits[10:])
        if midnight_ms is not None and hour < 24 and minute < 60 and second < 60:  # noqa: PLR2004  a clock
            return midnight_ms + ((hour * 60 + minute) * 60 + second) * 1000
    raise DecodeError("bad_time", f"{digits} is no ddmmyyhhmmss")


def degrees_of(digits: str, degree_digits: int) -> float | None:
    """Degrees of ``d…dmm.mmmm``; None where it is not that."""
    if not digits.isdecimal() or len(digits) <= degree_digits:
        return None
    minutes = int(digits[degree_digits:]) / 10_000
    return round(int(digits[:degree_digits]) + minutes / 60, 7) if minutes < 60 else None  # noqa: PLR2004  minutes


def _signed(value: float | None, *, positive: bool) -> float | None:
    return value if value is None or positive else -value


@functools.lru_cache(maxsize=STATUS_CACHE)
def seal_state_of(status: int) -> SealState:
    """Level of the seal in a status word; the rope in and the motor open without an unlocking is a fault."""
    if status >> BIT_CUT & 1:
        return SealState.CUT
    if not status >> BIT_ROPE_IN & 1:
        return SealState.OPEN
    if status >> BIT_LOCKED & 1:
        return SealState.SEALED
    return SealState.UNLOCKED if status >> BIT_UNLOCKING & 1 else SealState.FAULT


@functools.lru_cache(maxsize=STATUS_CACHE)
def seal_events_of(status: int) -> SealEvent:
    """What a status word says has happened."""
    found = SealEvent.NONE
    for bit, event in STATUS_EVENTS.items():
        if status >> bit & 1:
            found |= event
    return found


@functools.lru_cache(maxsize=STATUS_CACHE)
def _flags_of(status: int, data_type: int, *, charging: bool) -> int:
    found = Flag.NONE
    if status >> BIT_ACK & 1:
        found |= Flag.ACK_REQUIRED
        if not seal_events_of(status):
            found |= Flag.BUFFERED  # the bit means alarm or memory, and there is no alarm
    if data_type in FROM_MEMORY:
        found |= Flag.BUFFERED
    if charging:
        found |= Flag.CHARGING
    return found.value


@functools.lru_cache(maxsize=STATUS_CACHE)
def _seal_of(status: int) -> tuple[int, int, Extra]:
    """State and events as a reading holds them, and what else the status word says."""
    extra: Extra = {
        "status": f"{status:04x}",
        "rope_inserted": bool(status >> BIT_ROPE_IN & 1),
        "motor_locked": bool(status >> BIT_LOCKED & 1),
        "back_cap_closed": bool(status >> BIT_CAP_CLOSED & 1),
    }
    return seal_state_of(status).value, seal_events_of(status).value, extra


def position(record: bytes, *, from_cells: bool = False) -> tuple[int | None, Reading]:
    """Claimed time and a reading that holds place, speed and course, without identity and time."""
    when, latitude, longitude, speed, half_course = POSITION.unpack_from(record)
    claimed_ms = bcd_time(when)
    tail = longitude.hex()
    bits = int(tail[9], 16)
    kind = FixKind.CELL if from_cells else FixKind.GNSS if bits & 1 else FixKind.STALE
    found = place(
        _signed(degrees_of(latitude.hex(), 2), positive=bool(bits & 2)),
        _signed(degrees_of(tail[:9], 3), positive=bool(bits & 4)),
        kind,
    )
    reading = unstamped(FAMILY)
    if found.latitude_deg is None:
        reading.flags = found.flags.value
    else:
        reading.fix_kind = FIX_KINDS[kind]
        reading.latitude_deg = found.latitude_deg
        reading.longitude_deg = found.longitude_deg
    reading.speed_kmh = float(speed)
    reading.course_deg = COURSES_DEG[half_course]
    return claimed_ms, reading


def _long_record(record: bytes, head: _Head) -> tuple[int | None, Reading, bytes]:
    mileage, satellites, vehicle, status, battery, cell, area, gsm = LOCK.unpack_from(record, POSITION.size)
    claimed_ms, reading = position(record, from_cells=bool(status >> BIT_LBS & 1))
    reading.flags |= _flags_of(status, head.data_type, charging=battery == CHARGING)
    reading.seal_state, reading.seal_events, said = _seal_of(status)
    reading.satellites = satellites
    reading.battery_pct = BATTERIES_PCT[battery]
    reading.odometer_km = within("odometer_km", float(mileage))
    reading.signal_pct = SIGNALS_PCT[gsm]
    extra: Extra = {**head.extra, **said, "vehicle_id": vehicle, "gsm_signal": gsm}
    if cell or area:
        extra["cell_id"], extra["location_area"] = cell, area
    tail = record[LONG_RECORD:]
    if len(tail) >= TAIL_WITH_GEOFENCE:
        extra["geofence_id"] = tail[0]
    if len(tail) == TAIL_WITH_NETWORK:
        extra |= {"network_country": int.from_bytes(tail[-3:-1], "big"), "network_operator": tail[-1]}
    reading.extra = extra
    if not status >> BIT_ACK & 1:
        return claimed_ms, reading, record
    content = bytearray(record)
    content[STATUS_LOW_BYTE] &= ~(1 << BIT_ACK)
    return claimed_ms, reading, bytes(content)


def _short_record(record: bytes, head: _Head) -> tuple[int | None, Reading, bytes]:
    claimed_ms, reading = position(record)
    if head.data_type in FROM_MEMORY:
        reading.flags |= Flag.BUFFERED.value
    body = record[POSITION.size :]
    extra: Extra = {**head.extra}
    if head.format == "1":
        satellites, supply, sensors, altitude, cell, area, gsm = struct.unpack(">BBBHHHB", body)
        reading.satellites = satellites
        reading.altitude_m = within("altitude_m", float(altitude))
        reading.signal_pct = signal_pct_of_csq(gsm)
        extra |= {"supply": supply, "sensors": sensors, "gsm_signal": gsm}
        if cell or area:
            extra |= {"cell_id": cell, "location_area": area}
    elif head.format == "2":
        fuel_high, status, mileage, fuel_low = struct.unpack(">B4sIB", body)
        reading.odometer_km = within("odometer_km", float(mileage))
        extra |= {"vehicle_status": status.hex(), "fuel": fuel_high << 8 | fuel_low}
    else:
        bits = int.from_bytes(body, "big")
        reading.odometer_km = within("odometer_km", float(bits >> 24 & 0xFFFFF))
        extra |= {
            "fuel_1": bits >> 68 & 0xFFF,
            "fuel_2": bits >> 56 & 0xFFF,
            "fuel_3": bits >> 44 & 0xFFF,
            "vehicle_status": f"{bits & 0xFFFFFF:06x}",
        }
    reading.extra = extra
    return claimed_ms, reading, head.format.encode() + record


def _head(frame: bytes) -> _Head:
    """Head and records of a binary frame, every length checked."""
    if len(frame) < SHORT_HEAD + SHORT_RECORD + 1:
        raise DecodeError("bad_length", f"{len(frame)} bytes are no frame")
    device_id = frame[1:6].hex()
    if not device_id.isdecimal():
        raise DecodeError("bad_identity", f"{device_id} is no decimal number")
    fits_long = LONG_HEAD + int.from_bytes(frame[8:10], "big") == len(frame)
    fits_short = SHORT_HEAD + int.from_bytes(frame[7:9], "big") + 1 == len(frame)
    if fits_long and (frame[8] == 0 or not fits_short):
        return _long_head(frame, device_id)
    if fits_short:
        return _short_head(frame, device_id)
    raise DecodeError("bad_length", f"neither length field of the frame fits its {len(frame)} bytes")


def _long_head(frame: bytes, device_id: str) -> _Head:
    version, data_type = frame[6], frame[7] & 0x0F
    records = frame[LONG_HEAD:-1]
    if len(records) < LONG_RECORD:
        raise DecodeError("bad_length", f"{len(records)} bytes are no record of {LONG_RECORD}")
    extra: Extra = {"protocol_version": f"{version:02x}", "data_type": data_type, "index": frame[-1]}
    if version != VERSION_WITHOUT_TAIL:
        return _Head(device_id, "long", data_type, [records], extra)
    if len(records) % LONG_RECORD:
        raise DecodeError("bad_length", f"{len(records)} bytes are not whole records of {LONG_RECORD}")
    return _Head(device_id, "long", data_type, _split(records, LONG_RECORD), extra)


def _short_head(frame: bytes, device_id: str) -> _Head:
    record_format, data_type = frame[6] >> 4, frame[6] & 0x0F
    records = frame[SHORT_HEAD:-1]
    if record_format not in {1, 2, 3}:
        raise DecodeError("unknown_type", f"short frame of format {record_format}")
    if len(records) % SHORT_RECORD:
        raise DecodeError("bad_length", f"{len(records)} bytes are not whole records of {SHORT_RECORD}")
    extra: Extra = {"data_type": data_type, "index": frame[-1]}
    return _Head(device_id, str(record_format), data_type, _split(records, SHORT_RECORD), extra)


def _split(records: bytes, size: int) -> list[bytes]:
    return [records[at : at + size] for at in range(0, len(records), size)]


def decode_binary(frame: bytes, device_id: str | None, received_at_ms: int) -> list[Reading]:
    """Readings of a frame that begins with ``$``."""
    head = _head(frame)
    device = settled_identity(head.device_id, device_id)
    decode_record = _long_record if head.format == "long" else _short_record
    found = []
    for record in head.records:
        claimed_ms, reading, content = decode_record(record, head)
        found.append(stamped(reading, device, claimed_ms, received_at_ms, content))
    return found
