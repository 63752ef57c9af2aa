"""Reports 5501 and 5502 (from memory or a blind area) of the padlock dialect of family ``jt808``."""

from __future__ import annotations

import struct

from gateway.decoders._jt701_binary import CHARGING as MOST_BATTERY
from gateway.decoders._jt701_binary import degrees_of
from gateway.decoders._jt808_draft import Draft, number, signed
from gateway.decoders._jt808_location import Header, finished, new_draft
from gateway.decoders._jt808_padlock import lock_command, settle_lock_command
from gateway.decoders._values import place, signal_pct_of_csq
from gateway.device_time import utc_ms_of_digits
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.reading import FixKind, Flag, Reading, SealEvent, SealState

HEAD = struct.Struct(">6s4s5sBBBBIBIHBHH")
MEMORY = 0x5502
LOCKS = 3  # product
LOCKED_BIT = 5
CHARGING = (0xAA, 0xAB)
ALARMS = {  # of locks
    0: ("overspeed", SealEvent.NONE),
    1: ("low_battery", SealEvent.LOW_BATTERY),
    2: ("vibration", SealEvent.SHOCK),
    5: ("geofence_entered", SealEvent.GEOFENCE_ENTERED),
    6: ("geofence_left", SealEvent.GEOFENCE_LEFT),
}
OTHER_ALARMS = {0: ("low_battery", SealEvent.LOW_BATTERY)}


def lock_report(body: bytes, header: Header) -> Reading:
    """The reading of one report. Raises `DecodeError`."""
    if len(body) < HEAD.size:
        raise DecodeError("bad_length", f"{len(body)} bytes are no lock report")
    (
        when, latitude, longitude, speed, half_course, gsm, satellites, mileage,
        battery, cell, area, product, status, alarms,
    ) = HEAD.unpack_from(body)  # fmt: skip
    draft = new_draft(header)
    reading = draft.reading
    tail = longitude.hex()
    bits = int(tail[9], 16)
    north, east = 1 if bits & 2 else -1, 1 if bits & 4 else -1
    latitude_deg, longitude_deg = degrees_of(latitude.hex(), 2), degrees_of(tail[:9], 3)
    located = bits & 1 and header.message_id != MEMORY
    settled = place(
        None if latitude_deg is None else north * latitude_deg,
        None if longitude_deg is None else east * longitude_deg,
        FixKind.GNSS if located else FixKind.STALE,
    )
    reading.flags |= settled.flags.value
    reading.fix_kind = settled.kind.value
    reading.latitude_deg = settled.latitude_deg
    reading.longitude_deg = settled.longitude_deg
    draft.put("speed_kmh", float(speed))
    draft.put("course_deg", half_course * 2.0)
    draft.put("satellites", satellites)
    draft.put("odometer_km", float(mileage))
    reading.signal_pct = signal_pct_of_csq(gsm)
    draft.extra |= {"gsm_signal": gsm, "product": product, "status_bits": f"{status:04x}"}
    if battery in CHARGING:
        draft.set_charging(charging=True)
    elif battery != MOST_BATTERY:
        draft.put("battery_pct", float(battery))
    if cell or area:
        draft.extra |= {"cell_id": cell, "location_area": area}
    _set_lock(draft, product, status, alarms)
    _items(draft, body[HEAD.size :])
    settle_lock_command(draft)
    if header.message_id == MEMORY:
        reading.flags |= Flag.BUFFERED.value
    day, month, year, clock = when[0:1], when[1:2], when[2:3], when[3:]
    claimed_ms = utc_ms_of_digits((year + month + day + clock).hex())
    if claimed_ms is None and any(when):
        draft.extra["refused_time"] = when.hex()
    return finished(draft, header, claimed_ms, body)


def _set_lock(draft: Draft, product: int, status: int, alarms: int) -> None:
    """State and events. A lock's alarm that the table doesn't name counts as tampering."""
    known = ALARMS if product == LOCKS else OTHER_ALARMS
    if alarms:
        draft.extra["alarm_bits"] = f"{alarms:04x}"
    for bit in range(16):
        if alarms >> bit & 1:
            name, event = known.get(
                bit, (f"alarm_{bit}", SealEvent.TAMPERED if product == LOCKS else SealEvent.NONE)
            )
            draft.add_event(event, name)
    if product == LOCKS:
        locked = bool(status >> LOCKED_BIT & 1)
        draft.extra["locked"] = locked
        draft.set_state(SealState.SEALED if locked else SealState.UNLOCKED)


def _items(draft: Draft, data: bytes) -> None:
    at = 0
    while at + 2 <= len(data) and at + 2 + data[at + 1] <= len(data):
        item, end = data[at], at + 2 + data[at + 1]
        value = data[at + 2 : end]
        if not _item(draft, item, value) and value:
            draft.extra[f"item_{item:02x}"] = value.hex()
        at = end
    if at < len(data):
        draft.extra["items_rest"] = data[at:].hex()


def _item(draft: Draft, item: int, value: bytes) -> bool:
    """One item; whether its form was known."""
    match item, len(value):
        case 0x02, 2:
            draft.put("altitude_m", float(signed(value)))
        case 0x0A, 3:
            draft.extra |= {"network_country": number(value[:2]), "network_operator": value[2]}
        case 0x0B, _:
            return lock_command(draft, value)
        case 0x0C, 6:
            draft.extra["acceleration"] = " ".join(str(signed(value[at : at + 2])) for at in (0, 2, 4))
        case 0x10, 1:
            draft.extra["wake_source"] = value[0]
        case 0xFC, 1:
            draft.extra["geofence_id"] = value[0]
        case _:
            return False
    return True
