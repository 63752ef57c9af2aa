"""Location reports of family ``jt808``: 0200 and what has its form; datasheet: `gateway.decoders.jt808`."""

from __future__ import annotations

import struct
from typing import NamedTuple

from gateway.decoders._jt808_bits import (
    CHARGING,
    LOCATED,
    MOVING,
    PADLOCK_LOW_BATTERY,
    SOUTH,
    WEST,
    alarm_events,
    alarm_names,
    open_doors,
)
from gateway.decoders._jt808_draft import Draft
from gateway.decoders._jt808_items import ITEMS, Item
from gateway.decoders._jt808_padlock import PADLOCK_ITEMS, settle_lock_command, settle_sub_lock_event
from gateway.decoders._jt808_sensors import SENSOR_ITEMS
from gateway.decoders._jt808_vehicle import VEHICLE_ITEMS
from gateway.decoders._values import place, stamped, unstamped
from gateway.device_time import utc_ms_of_digits
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.reading import FixKind, Flag, Reading, SealEvent

FAMILY = "jt808"

BASE = struct.Struct(">IIIIhHH6s")
STANDING = struct.Struct(">III")  # status, latitude, longitude
CHINA_AHEAD_MS = 8 * 3_600_000

EVERY_ITEM: dict[int, Item] = {**ITEMS, **VEHICLE_ITEMS, **SENSOR_ITEMS, **PADLOCK_ITEMS}


class Header(NamedTuple):
    """What a message says about all its reports."""

    device_id: str
    received_at_ms: int
    message_id: int
    serial: int
    edition_2019: bool
    ahead_ms: int = CHINA_AHEAD_MS  # of the terminal's clock before UTC

    def time(self, raw: bytes) -> int | None:
        """UTC milliseconds of ``yymmddhhmmss``; None where the device has no time.

        Digits that are no time count as none: a report survives a bad clock.
        """
        at_ms = utc_ms_of_digits(raw.hex())
        return None if at_ms is None else at_ms - self.ahead_ms


def new_draft(header: Header) -> Draft:
    """A draft that names its message."""
    draft = Draft(unstamped(FAMILY))
    draft.extra = {"message_id": f"{header.message_id:04x}", "serial": header.serial}
    return draft


def finished(draft: Draft, header: Header, claimed_ms: int | None, content: bytes) -> Reading:
    """The reading of a draft."""
    draft.reading.extra = draft.extra
    return stamped(draft.reading, header.device_id, claimed_ms, header.received_at_ms, content)


def set_standing(draft: Draft, status: int, latitude: int, longitude: int) -> None:
    """Place and level bits of a status word and its coordinates (millionths of a degree)."""
    south, west = status >> SOUTH & 1, status >> WEST & 1
    settled = place(
        -latitude / 1e6 if south else latitude / 1e6,
        -longitude / 1e6 if west else longitude / 1e6,
        FixKind.GNSS if status >> LOCATED & 1 else FixKind.STALE,
    )
    reading = draft.reading
    reading.flags |= settled.flags.value
    reading.fix_kind = settled.kind.value
    reading.latitude_deg = settled.latitude_deg
    reading.longitude_deg = settled.longitude_deg
    draft.extra["status_bits"] = f"{status:08x}"
    draft.extra["ignition"] = bool(status & 1)
    if status >> CHARGING & 1:
        draft.set_charging(charging=True)


def location(body: bytes, header: Header, *, buffered: bool = False, content: bytes = b"") -> Reading:
    """The reading of one location report; ``content`` tells it from others, if it isn't the report itself.

    Raises `DecodeError`.
    """
    if len(body) < BASE.size:
        raise DecodeError("bad_length", f"{len(body)} bytes are no location report")
    alarm, status, latitude, longitude, altitude, speed, course, when = BASE.unpack_from(body)
    draft = new_draft(header)
    reading = draft.reading
    set_standing(draft, status, latitude, longitude)
    if reading.fix_kind != FixKind.NONE:
        draft.put("altitude_m", float(altitude))
        draft.put("speed_kmh", speed / 10)
        draft.put("course_deg", float(course))
    reading.seal_events = alarm_events(alarm, edition_2019=header.edition_2019).value
    padlock = speaks_padlock(body)
    if padlock:
        del draft.extra["ignition"]
    names = alarm_names(alarm, edition_2019=header.edition_2019, padlock=padlock)
    if alarm:
        draft.extra["alarm_bits"] = f"{alarm:08x}"
    if names:
        draft.extra["alarms"] = names
    if padlock and alarm >> PADLOCK_LOW_BATTERY & 1:
        draft.add_event(SealEvent.LOW_BATTERY, "low_battery")
    if header.edition_2019:
        reading.moving = bool(status >> MOVING & 1)
    read_items(draft, body[BASE.size :])
    doors = "" if padlock else open_doors(status)
    if doors:
        reading.door_open = True
        draft.extra["open_doors"] = doors
        draft.add_event(SealEvent.DOOR_OPENED)
    settle_sub_lock_event(draft)
    settle_lock_command(draft)
    if buffered:
        reading.flags |= Flag.BUFFERED.value
    claimed_ms = header.time(when)
    if claimed_ms is None and any(when):
        draft.extra["refused_time"] = when.hex()
    return finished(draft, header, claimed_ms, content or body)


PADLOCK_MARKS = frozenset({0x60, 0x63, 0x66, 0x67, 0x6C, 0xDA})


def speaks_padlock(body: bytes) -> bool:
    """Whether a report has an item that only padlocks send: then its words are those of a padlock."""
    at = BASE.size
    while at + 2 <= len(body):
        if body[at] in PADLOCK_MARKS:
            return True
        at += 2 + body[at + 1]
    return False


def read_items(draft: Draft, data: bytes) -> None:
    """Every item; what isn't known or doesn't fit is kept in hex."""
    at = 0
    while at + 2 <= len(data) and at + 2 + data[at + 1] <= len(data):
        item, end = data[at], at + 2 + data[at + 1]
        value = data[at + 2 : end]
        read = EVERY_ITEM.get(item)
        if (read is None or not read(draft, value)) and value:
            draft.extra[f"item_{item:02x}"] = value.hex()
        at = end
    if at < len(data):
        draft.extra["items_rest"] = data[at:].hex()


def batch(body: bytes, header: Header) -> list[Reading]:
    """Readings of 0704: count, kind (1: from memory), then length and report for each.

    A damaged report costs itself; the others say so in ``extra``. Raises `DecodeError` where none is sound.
    """
    if len(body) < 3:  # noqa: PLR2004  count and kind
        raise DecodeError("bad_length", f"{len(body)} bytes are no batch")
    count, kind = struct.unpack_from(">HB", body)
    reports: list[bytes] = []
    at = 3
    while at + 2 <= len(body):
        size = int.from_bytes(body[at : at + 2], "big")
        reports.append(body[at + 2 : at + 2 + size])
        at += 2 + size
    return _each(reports, header, count, buffered=kind == 1)


def small_batch(body: bytes, header: Header) -> list[Reading]:
    """Readings of 0210 in its batch form: length of one byte and report for each."""
    reports: list[bytes] = []
    at = 0
    while at < len(body):
        reports.append(body[at + 1 : at + 1 + body[at]])
        at += 1 + body[at]
    return _each(reports, header, len(reports), buffered=True)


def _each(reports: list[bytes], header: Header, count: int, *, buffered: bool) -> list[Reading]:
    whole = [report for report in reports if len(report) >= BASE.size]
    readings = [location(report, header, buffered=buffered) for report in whole]
    damaged = max(count, len(reports)) - len(readings)
    if damaged and not readings:
        raise DecodeError("bad_length", f"none of {count} reports is whole")
    if damaged:
        for reading in readings:
            reading.extra = {**(reading.extra or {}), "damaged_reports": damaged}
    return readings
