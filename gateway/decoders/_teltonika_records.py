"""AVL records of family ``teltonika``: codecs 7, 8, 8E and 16."""

from __future__ import annotations

import contextlib
import datetime as dt
import struct
from typing import NamedTuple

from gateway.decoders import _teltonika_io
from gateway.decoders._teltonika_elements import EXPLAINED
from gateway.decoders._teltonika_tags import text_or_hex
from gateway.decoders._values import Extra, place, stamped, unstamped, within
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.reading import FixKind, Reading, SealEvent

FAMILY = "teltonika"
CODEC_7, CODEC_8, CODEC_8E, CODEC_16 = 0x07, 0x08, 0x8E, 0x10
AVL_CODECS = (CODEC_7, CODEC_8, CODEC_8E, CODEC_16)

HEAD = struct.Struct(">QBiihHBH")
PRIORITY_PANIC = 2
VALUE_SIZES = (1, 2, 4, 8)
WIDE_SIZES = (*VALUE_SIZES, 16)  # some firmware
WIDE_CODECS = (CODEC_8, CODEC_16)
LAST_MS = 253_402_300_799_999  # of the year 9999

GH_EPOCH_S = int(dt.datetime(2007, 1, 1, tzinfo=dt.UTC).timestamp())
GH_SECONDS = 0x3FFF_FFFF
GH_PLACE, GH_ELEMENTS = 0x01, ((0x02, 1), (0x04, 2), (0x08, 4))
GH_NUMBERS: dict[int, tuple[str, int, float]] = {
    1: ("battery_pct", 1, 1),
    5: ("uptime_s", 4, 1),
    20: ("hdop", 2, 0.1),
    21: ("vdop", 2, 0.1),
    22: ("pdop", 2, 0.1),
    67: ("battery_v", 2, 0.001),
}
GH_BOOLEANS = {2: "usb_connected", 221: "button", 222: "sos", 240: "movement", 244: "roaming"}
GH_SOS, GH_MOVEMENT = 222, 240
GH_FIELDS = ("battery_pct", "hdop", "battery_v")


class Layout(NamedTuple):
    """Bytes of an event id, an element id and a count in the codecs after 7."""

    id_size: int
    count_size: int
    generation: bool  # a byte that says why the record was made
    variable: bool  # elements of variable length follow


LAYOUTS = {
    CODEC_8: Layout(1, 1, generation=False, variable=False),
    CODEC_8E: Layout(2, 2, generation=False, variable=True),
    CODEC_16: Layout(2, 1, generation=True, variable=False),
}


class Cursor:
    """Reads big-endian values in order; raises `DecodeError` at the end of the bytes."""

    __slots__ = ("at", "raw")

    def __init__(self, raw: bytes, at: int) -> None:
        self.raw = raw
        self.at = at

    def take(self, size: int) -> bytes:
        end = self.at + size
        if end > len(self.raw):
            raise DecodeError("bad_record", f"a value of {size} bytes at {self.at} of {len(self.raw)}")
        found = self.raw[self.at : end]
        self.at = end
        return found

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size))


def records(raw: bytes, codec: int, count: int, device: str, received_at_ms: int) -> list[Reading]:
    """Readings of ``count`` records that must fill ``raw``."""
    try:
        return _filling(raw, codec, count, device, received_at_ms)
    except DecodeError as error:
        if error.reason == "bad_record" and codec in WIDE_CODECS:
            with contextlib.suppress(DecodeError):
                return _filling(raw, codec, count, device, received_at_ms, wide=True)
        raise


def _filling(
    raw: bytes, codec: int, count: int, device: str, received_at_ms: int, *, wide: bool = False
) -> list[Reading]:
    cursor = Cursor(raw, 0)
    found: list[Reading] = []
    for _ in range(count):
        start = cursor.at
        if codec == CODEC_7:
            claimed_ms, reading = _gh_record(cursor)
        else:
            claimed_ms, reading = _record(cursor, LAYOUTS[codec], WIDE_SIZES if wide else VALUE_SIZES)
        found.append(stamped(reading, device, claimed_ms or None, received_at_ms, raw[start : cursor.at]))
    if cursor.at != len(raw):
        raise DecodeError("bad_record", f"{len(raw) - cursor.at} bytes after the last of {count} records")
    return found


def _record(cursor: Cursor, layout: Layout, sizes: tuple[int, ...]) -> tuple[int, Reading]:
    """Claimed time and reading of one record of codec 8, 8E or 16."""
    claimed_ms, priority, longitude, latitude, altitude, course, satellites, speed = HEAD.unpack(
        cursor.take(HEAD.size)
    )
    if claimed_ms > LAST_MS:
        raise DecodeError("bad_time", f"{claimed_ms} ms are beyond the year 9999")
    reading = unstamped(FAMILY)
    extra: Extra = {"priority": priority} if priority else {}
    _locate(reading, latitude / 1e7, longitude / 1e7, satellites)
    if reading.fix_kind == FixKind.GNSS:
        reading.altitude_m = within("altitude_m", float(altitude))
        reading.course_deg = within("course_deg", float(course))
        reading.speed_kmh = within("speed_kmh", float(speed))
    event_id = cursor.number(layout.id_size)
    if priority == PRIORITY_PANIC and event_id not in EXPLAINED:
        reading.seal_events |= SealEvent.SOS.value
    if event_id:
        extra["event_id"] = event_id
    if layout.generation:
        extra["generation"] = cursor.number(1)
    _teltonika_io.apply(reading, _elements(cursor, layout, sizes), event_id, extra)
    reading.extra = extra or None
    return claimed_ms, reading


def _locate(reading: Reading, latitude_deg: float, longitude_deg: float, satellites: int) -> None:
    found = place(latitude_deg, longitude_deg, FixKind.GNSS if satellites else FixKind.STALE)
    reading.flags |= found.flags.value
    reading.fix_kind = found.kind.value
    reading.latitude_deg = found.latitude_deg
    reading.longitude_deg = found.longitude_deg
    reading.satellites = satellites


def _elements(cursor: Cursor, layout: Layout, sizes: tuple[int, ...]) -> list[tuple[int, bytes]]:
    total = cursor.number(layout.count_size)
    found: list[tuple[int, bytes]] = []
    id_size = layout.id_size
    for size in sizes:
        count = cursor.number(layout.count_size)
        if count:
            step = id_size + size
            group = cursor.take(count * step)
            found += [
                (int.from_bytes(group[at : at + id_size]), group[at + id_size : at + step])
                for at in range(0, count * step, step)
            ]
    if layout.variable:
        for _ in range(cursor.number(layout.count_size)):
            avl_id = cursor.number(layout.id_size)
            found.append((avl_id, cursor.take(cursor.number(2))))
    if total != len(found):
        raise DecodeError("bad_record", f"{len(found)} elements, {total} were announced")
    return found


def _gh_record(cursor: Cursor) -> tuple[int, Reading]:
    """Claimed time and reading of one record of codec 7 (GH3000)."""
    word = cursor.number(4)
    mask = cursor.number(1)
    reading = unstamped(FAMILY)
    priority = word >> 30
    extra: Extra = {"priority": priority} if priority else {}
    if priority == PRIORITY_PANIC:
        reading.seal_events |= SealEvent.SOS.value
    if mask & GH_PLACE:
        _gh_place(cursor, reading, extra)
    for bit, size in GH_ELEMENTS:
        if mask & bit:
            for _ in range(cursor.number(1)):
                _gh_element(cursor.number(1), cursor.take(size), reading, extra)
    reading.extra = extra or None
    return (GH_EPOCH_S + (word & GH_SECONDS)) * 1000, reading


def _gh_place(cursor: Cursor, reading: Reading, extra: Extra) -> None:
    mask = cursor.number(1)
    coordinates = struct.unpack(">ff", cursor.take(8)) if mask & 0x01 else None
    altitude = cursor.number(2) if mask & 0x02 else None
    course = cursor.number(1) if mask & 0x04 else None
    speed = cursor.number(1) if mask & 0x08 else None
    satellites = cursor.number(1) if mask & 0x10 else None
    if coordinates is not None:
        _locate(
            reading,
            round(coordinates[0], 6),
            round(coordinates[1], 6),
            1 if satellites is None else satellites,
        )
    reading.satellites = satellites
    if satellites is None or satellites > 0:
        reading.altitude_m = None if altitude is None else within("altitude_m", float(altitude))
        reading.course_deg = None if course is None else course * 360 / 256
        reading.speed_kmh = None if speed is None else float(speed)
    if mask & 0x20:
        extra |= {"location_area": cursor.number(2), "cell_id": cursor.number(2)}
    if mask & 0x40:
        extra["gsm_signal"] = cursor.number(1)
    if mask & 0x80:
        extra["gsm_operator"] = cursor.number(4)


def _gh_element(element: int, raw: bytes, reading: Reading, extra: Extra) -> None:
    value = int.from_bytes(raw)
    if element in GH_NUMBERS and GH_NUMBERS[element][1] == len(raw):
        name, _, scale = GH_NUMBERS[element]
        scaled = round(value * scale, 4)
        if name in GH_FIELDS:
            setattr(reading, name, within(name, float(scaled)))
        else:
            extra[name] = scaled
    elif element in GH_BOOLEANS:
        extra[GH_BOOLEANS[element]] = bool(value)
        if element == GH_MOVEMENT:
            reading.moving = bool(value)
        elif element == GH_SOS and value:
            reading.seal_events |= SealEvent.SOS.value
    else:
        extra[f"io_{element}"] = value if len(raw) <= 4 else text_or_hex(raw)  # noqa: PLR2004  a number's bytes
