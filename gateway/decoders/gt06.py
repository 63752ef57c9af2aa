"""GT06 / Concox / Jimi: vehicle and asset trackers, padlocks, over TCP.

Sources: the maker's public protocol documents, `PROTOCOLS.md`, and the frames of the
Traccar project's tests, which decide where models differ. Integers big-endian::

    0   2   7878, or 7979: the length has two bytes
    2   1   length: type … checksum
    3   1   type
    4       body
    -6  2   serial number; an answer repeats it
    -4  2   CRC-ITU (CRC-16/X-25) over length … serial number
    -2  2   0D 0A

Time and place (18 bytes)::

    0   6   yy mm dd hh mm ss, UTC unless the login says otherwise; no date: no clock yet
    6   1   length (high nibble), satellites (low nibble)
    7   4   latitude, 1/1 800 000 degree     11  4  longitude
    15  1   speed, km/h
    16  2   bits 0-9 course, 10 north, 11 west, 12 fix (0: stale), 14 ignition is told in 15

Cell: country (2; bit 15 set: operator of 2 bytes), operator (1), area (2), cell (3); in
some types of other sizes, or after a byte with its length. Status (5): terminal
information, battery level 0-6 (more is another scale, kept as ``battery_raw``), signal 0-4,
alarm, language. Terminal information: bit 7 fuel cut, 6 positioning, 5-3 alarm (1 vibration,
2 power cut, 3 low battery, 4 SOS, 6 geofence, 7 removal, doubtful), 2 charging, 1 ignition, 0 armed.

========  =========================================================================
type      report (answered: *)
========  =========================================================================
01*       login: IMEI (8 BCD), model (2), zone: minutes·100 in bits 15-4, bit 3 west
          (doubtful that every model then sends local time; the source reads it so)
13*, 23*  heartbeat: status; 23 (padlocks) has the battery's voltage (2, 0.01 V) for its level
10        place                                 11, 12, 24  place, cell, and by the model (known by
                                                the length) card, status, temperature
1A, 1E    place, cells                          22, 2D  place, cell, ignition, reason,
31        as 22, altitude                            1: from memory, mileage (m)
34        place, cell, card, voltages            36   as 22 and card, or fields of supply
37        as 22, fields                         61   place, card (IMEI before it)
16* 26* 27* 25* 32*  place, cell, status, perhaps fence or card
A3* A4* A0 A2        as those, with area of 4 and cell of 8 bytes
17        place, card                           19*, A5*  cell, status, no time
18 24 28 2C 2E A1 A2  time, cells, access points; 33 (7878) and 34 of small models, too
33* (7979), 32* (7979)  padlocks: parts with length, status: A0 locked, A1 unlocked, A2 and A3
          low battery, A4 moved, A5 opened by force (all doubtful: one source)
15 21 9B  answer to a command; what came by the serial line
40        battery of an electric vehicle        63 65 66 98  status, trouble codes, values: kept
8C        diagnosis                             94   information: voltage, door, identities, card
95*       event of a camera: 01 SOS, 0E supply, 80 vibration (or SOS), 90-92 driving, 93 accident
70*       modules: id (2), length (2), value    F1 F2 F3  fields, a device heard, access points
8A*       asks for the time                     FD 81 2A 30 …  report nothing (35, 41: pictures)
========  =========================================================================

Types 17 and 69 also come from a dialect (TopIn) without length, serial and checksum:
``7878``, count of access points, type, time (6 BCD), access points (6, 1), count of cells,
country (2), operator (1), cells (2, 2, 1), ``0D0A``; its login ``78780D01`` IMEI, a byte,
``0D0A`` and heartbeat ``787801080D0A`` neither. Anything else without a checksum is refused.

Alarm -> event: 01 SOS; 02, 11 (switched off) POWER_LOST; 03 SHOCK; 09 SHOCK, ILLEGAL_MOVEMENT; 04, 05
GEOFENCE_ENTERED, _LEFT; 0C 13 25 32 TAMPERED; 0E 0F 15 19 LOW_BATTERY; 14 DOOR_OPENED; 18
TAMPERED and off its mount; 23 DROP; 2C, 2D SHOCK; 30 JAMMING; 33 CLOSED; 34 OPENED; A0 CLOSED, A1
OPENED, A4 ILLEGAL_MOVEMENT, A5 OPENED and DOOR_OPENED of a padlock's type 33. FE and FF are the ignition;
others are kept by number in ``extra["alarm_code"]``. Type 94/05: door -> DOOR_OPENED, DOOR_CLOSED.

Type 70: 01 IMEI, 02 IMSI, 03 card of the SIM, 18 battery (0.01 V), 28 HDOP (0.1), 2A inputs (low
nibble DOOR_OPENED, high nibble TAMPERED; doubtful), 2C seconds, 2E mileage (m), 33 place, 35
removal (1: TAMPERED, off its mount), 7F tag: temperature, humidity (0.1; 7FFF none).

A body of another form that begins with a credible time and place gives these, with ``unread``;
types that aren't known too. Sentinels: 0, 0 no place; zero cells; 7FFF °C. What depends on the
model and isn't told by the frame stays in ``extra["rest"]``. A report without a time is dated by
its receipt.

Sample: ``78782da41a0509160203cf05be31f80c306530001c0010012ed000007ef40000000006428b074205041302ff00
09389c0d0a`` -> 2026-05-09T22:02:03Z, 53.52817 N 113.61012 W, tampered.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from gateway.decoders import _gt06_modules as of_modules
from gateway.decoders import _gt06_network as of_network
from gateway.decoders import _gt06_places as of_places
from gateway.decoders._gt06_fields import FAMILY, Found, is_credible_place, is_place
from gateway.decoders._gt06_frames import (
    END,
    IDENTITY_BYTES,
    LOGIN,
    LONGEST_FRAME,
    Frame,
    Talk,
    framing,
    identity_of,
    measure,
    opened,
    zone_minutes,
)
from gateway.decoders._values import settled_identity, stamped
from gateway.wire import Wire
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.reading import Reading

MAX_BYTES = 4 * LONGEST_FRAME
TWO_TIMES = frozenset({0x22, 0x25})

Report = Callable[[bytes, int], Found | None]  # body, minutes east of Greenwich as milliseconds

REPORTS: dict[int, Report] = {
    0x10: of_places.place_only,
    0x11: of_places.place_and_wide_cell,
    0x12: of_places.place_and_cell,
    0x13: of_modules.heartbeat,
    0x15: of_modules.command_result,
    0x16: of_places.alarm,
    0x17: of_places.place_and_card,
    0x18: of_network.many_cells,
    0x19: of_places.cell_status,
    0x1A: of_places.place_only,
    0x1E: of_network.place_and_cells,
    0x21: of_modules.long_command_result,
    0x22: of_places.place_and_upload,
    0x23: of_modules.lock_heartbeat,
    0x25: of_places.later_alarm,
    0x26: of_places.alarm,
    0x27: of_places.alarm,
    0x28: of_network.many_cells,
    0x2C: of_network.many_cells,
    0x2D: of_places.place_and_upload,
    0x2E: of_network.many_cells,
    0x31: of_places.place_and_height,
    0x32: of_places.later_alarm,
    0x33: of_network.wide_other_cells,
    0x37: of_places.place_and_fields,
    0x40: of_modules.battery_system,
    0x61: of_places.card_reader,
    0x63: of_modules.unread,
    0x65: of_modules.unread,
    0x66: of_modules.unread,
    0x70: of_modules.modules,
    0x8C: of_modules.diagnosis,
    0x94: of_modules.information,
    0x95: of_network.video_alarm,
    0x98: of_modules.unread,
    0x9B: of_modules.serial_data,
    0xA0: of_places.place_of_4g,
    0xA1: of_network.wide_many_cells,
    0xA3: of_places.wearable_status,
    0xA4: of_places.fence_alarm,
    0xA5: of_places.cell_alarm,
    0xF1: of_modules.timed_fields,
    0xF2: of_modules.peripheral,
    0xF3: of_network.wifi_points,
}
EXTENDED_REPORTS: dict[int, Report] = {
    0x32: of_network.parted,
    0x33: of_network.parted_alarm,
}
BY_BODY: dict[int, Callable[[bytes], Report]] = {
    0x24: lambda body: (
        of_network.many_cells
        if of_network.fits_cells(body)
        else of_places.place_and_cell
        if is_credible_place(body)
        else of_network.other_cells
    ),
    0x34: lambda body: of_places.place_and_ports if is_place(body[4:]) else of_network.other_cells,
    0x36: lambda body: (
        of_places.place_and_card_and_upload if is_credible_place(body) else of_modules.supply_modules
    ),
    0xA2: lambda body: (
        of_network.wide_many_cells if of_network.fits_many_cells(body) else of_places.place_of_4g
    ),
}
"""Types whose body says which form it is."""

SILENT = frozenset({0x08, 0x14, 0x2A, 0x30, 0x35, 0x41, 0x8A, 0x80, 0x81, 0x82, 0x97, 0xA7, 0xFD})


def _report_of(frame: Frame) -> Report | None:
    """Who reads the body, where the type alone doesn't say; None: it reports nothing."""
    kind, body = frame.kind, frame.body
    if frame.serial is None:
        return None if kind in SILENT else of_network.counted
    if frame.extended and kind in EXTENDED_REPORTS:
        return EXTENDED_REPORTS[kind]
    if kind in BY_BODY:
        return BY_BODY[kind](body)
    found = REPORTS.get(kind)
    if found is None and kind not in SILENT:
        if not is_credible_place(body):
            raise DecodeError("unknown_type", f"{kind:02x}")
        return of_places.place_only
    return found


class Gt06:
    """Stateless decoder of family ``gt06``."""

    family = FAMILY
    aliases = ("concox", "jimi")
    binary = True

    def __init__(self, ahead_ms: int | None = None) -> None:
        """``ahead_ms``: of the device's clock before UTC; None: as its login says, else 0."""
        self._ahead_ms = ahead_ms

    def in_zone(self, ahead_ms: int) -> Gt06:
        """See `sealtrail.contract.decoder.ZonedDecoder`."""
        return _in_zone(ahead_ms)

    def decode(self, frame: bytes, device_id: str | None, received_at_ms: int) -> list[Reading]:
        """Readings of one frame, or of several one after the other; see `Decoder`.

        A login among them holds for those that follow: identity, and the zone of their times.
        """
        if not frame:
            raise DecodeError("empty_frame")
        if len(frame) > MAX_BYTES:
            raise DecodeError("too_large", f"{len(frame)} bytes, at most {MAX_BYTES}")
        found: list[Reading] = []
        zone_ms = self._ahead_ms or 0
        at = 0
        while at < len(frame):
            length = measure(frame, at) if frame[at : at + 2] in {b"\x78\x78", b"\x79\x79"} else 0
            end = at + length if length > 0 else len(frame)
            one = opened(frame[at:end])
            if one.kind == LOGIN:
                device_id = settled_identity(identity_of(one.body[:IDENTITY_BYTES]), device_id)
                if self._ahead_ms is None:
                    zone_ms = zone_minutes(one.body) * 60_000
            else:
                reading = _decoded(one, device_id, received_at_ms, zone_ms)
                if reading is not None:
                    found.append(reading)
            at = end
            while frame[at : at + 2] == END:
                at += 2
        return found


def _decoded(frame: Frame, device_id: str | None, received_at_ms: int, zone_ms: int) -> Reading | None:
    report = _report_of(frame)
    if report is None:
        return None
    body = frame.body
    named: str | None = None
    if frame.serial is not None and not is_place(body) and is_place(body[IDENTITY_BYTES:]) and _is_bcd(body):
        named, body = identity_of(body[:IDENTITY_BYTES]), body[IDENTITY_BYTES:]
    elif frame.kind in TWO_TIMES and not is_place(body) and _is_bcd(body[1:]) and len(body) > 40:  # noqa: PLR2004  its form
        named = identity_of(body[1 : 1 + IDENTITY_BYTES])
    found = _read(report, body, zone_ms)
    if found is None:
        return None
    if isinstance(imei := found.extra.get("imei"), str):
        named = imei
    device = settled_identity(named, device_id)
    reading = found.reading
    if frame.serial is not None:
        found.extra["type"] = f"{frame.kind:02x}"
        found.extra["serial_number"] = frame.serial
    reading.extra = found.extra or None
    content = bytes([frame.kind]) + frame.body
    return stamped(reading, device, found.claimed_ms, received_at_ms, content)


def _read(report: Report, body: bytes, zone_ms: int) -> Found | None:
    """What a report says; of a form that isn't known only time and place, if it has them."""
    try:
        return report(body, zone_ms)
    except (IndexError, DecodeError) as error:
        if is_credible_place(body):
            found = of_places.place_only(body, zone_ms)
            found.extra["unread"] = True
            return found
        if isinstance(error, DecodeError):
            raise
        raise DecodeError("bad_length", f"{len(body)} bytes hold no such report") from error


def _is_bcd(body: bytes) -> bool:
    return len(body) >= IDENTITY_BYTES and body[0] < 0x10 and body[:IDENTITY_BYTES].hex().isdecimal()  # noqa: PLR2004  15 digits


_in_zone = functools.lru_cache(maxsize=128)(Gt06)
DECODER = Gt06()
IDENTITY = (r"\d{15}", "its IMEI of 15 digits")
WIRE = Wire(framing=framing, dialogue=Talk, default_port=5023)
