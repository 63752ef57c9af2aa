"""Reports of family ``gt06`` made of fields: status, texts, information, modules."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from gateway.decoders._gt06_fields import (
    LEVELS,
    TIME_BYTES,
    Found,
    add_alarm_name,
    blank,
    clock,
    keep_rest,
    set_level,
    set_place,
    set_signal,
    set_status,
    set_terminal,
)
from gateway.decoders._gt06_frames import IDENTITY_BYTES, identity_of
from gateway.decoders._values import within
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.reading import SealEvent

MAX_TEXT = 512
UTF_16 = 2
LANGUAGES = (0, 1, 2)
GSM_MOST = 4
NO_TAG_TEMPERATURE = 0x7FFF
PRINTABLE = range(0x20, 0x7F)
VOLTAGES, SETTINGS, DOOR, IDENTITIES, FUEL, SERIAL_LINE = (
    (0x00, 0x0B),
    0x04,
    0x05,
    0x0A,
    0x0D,
    0x1B,
)  # information
FUEL_TEXT, READER_BYTES = b"!", 8
SUPPLY_FIELD = 0x05

BATTERY_SYSTEM = struct.Struct(">8sIBHBHBHHHH")

MODULE_IDENTITY, MODULE_TIME, MODULE_PLACE, MODULE_REMOVAL, MODULE_TAG = 0x01, 0x2C, 0x33, 0x35, 0x7F
MODULE_INPUTS = 0x2A
MEASURED = {0x18: ("battery_v", 100), 0x28: ("hdop", 10), 0x2E: ("odometer_km", 1000)}
NUMBERS_OF_CARDS = {0x02: "imsi", 0x03: "iccid"}


def _text(raw: bytes, encoding: str = "latin-1") -> str:
    found = raw.decode(encoding, "replace").strip("\0\r\n ")
    sound = found.isprintable() and (encoding != "latin-1" or found.isascii())
    return found[:MAX_TEXT] if sound else raw.hex()[:MAX_TEXT]


def _fields(raw: bytes, id_size: int, length_size: int) -> Iterator[tuple[int, bytes]]:
    """Id, length, value … as long as they fit."""
    head = id_size + length_size
    at = 0
    while at + head <= len(raw):
        end = at + head + int.from_bytes(raw[at + id_size : at + head])
        if end > len(raw):
            return
        yield int.from_bytes(raw[at : at + id_size]), raw[at + head : end]
        at = end


def heartbeat(body: bytes, zone_ms: int) -> Found:
    """Type 13: status; what follows depends on the model."""
    del zone_ms
    found = blank()
    if not body:
        return found
    levels = len(body) > 4 and body[1] <= LEVELS and body[2] <= GSM_MOST  # noqa: PLR2004  the fields
    if levels and body[4] in LANGUAGES:
        set_status(found, body)
    else:
        set_terminal(found, body[0])
        if len(body) > 2 and body[1] <= LEVELS:  # noqa: PLR2004  level and signal
            set_level(found, body[1])
            found.extra["status_raw"] = body[2:5].hex()
        else:
            found.extra["status_raw"] = body[1:5].hex()
    if len(body) == 14:  # noqa: PLR2004  the form with a thermometer
        found.reading.battery_pct = None
        found.reading.temperature_c = within("temperature_c", int.from_bytes(body[-2:], signed=True) / 10)
    keep_rest(found, body[5:])
    return found


def lock_heartbeat(body: bytes, zone_ms: int) -> Found:
    """Type 23: terminal information, the battery's voltage (2, 0.01 V), signal, port, language."""
    if len(body) < 4:  # noqa: PLR2004  up to the signal
        return heartbeat(body, zone_ms)
    found = blank()
    set_terminal(found, body[0])
    found.reading.battery_v = within("battery_v", int.from_bytes(body[1:3]) / 100)
    set_signal(found, body[3])
    keep_rest(found, body[4:])
    return found


def command_result(body: bytes, zone_ms: int) -> Found:
    """Type 15: length, the command's number (4), text, language."""
    del zone_ms
    if len(body) < 5:  # noqa: PLR2004  length and number
        raise DecodeError("bad_length", f"{len(body)} bytes hold no text")
    found = blank()
    end = len(body) if body[0] < 4 or body[0] + 1 > len(body) else body[0] + 1  # noqa: PLR2004  the number
    found.extra["result"] = _text(body[5:end].split(b"\0\0", 1)[0])
    return found


def long_command_result(body: bytes, zone_ms: int) -> Found:
    """Type 21: the command's number (4), encoding (1 ASCII, 2 UTF-16), text."""
    del zone_ms
    if len(body) < 5:  # noqa: PLR2004  number and encoding
        raise DecodeError("bad_length", f"{len(body)} bytes hold no text")
    found = blank()
    found.extra["result"] = _text(body[5:], "utf-16-be" if body[4] == UTF_16 else "latin-1")
    return found


def serial_data(body: bytes, zone_ms: int) -> Found:
    """Type 9B: a byte, then what came from a device on the serial line; text, or hex digits."""
    del zone_ms
    found = blank()
    raw = body[1:].rstrip(b"\0")
    printable = raw.rstrip(b"\r\n")
    found.extra["result"] = (
        _text(printable) if printable.isascii() and printable[:1] > b"\x1f" else body[1:].hex()
    )
    return found


def diagnosis(body: bytes, zone_ms: int) -> Found:
    """Type 8C: time, ignition, text of numbers and values."""
    found = blank(clock(body, zone_ms))
    if len(body) > TIME_BYTES:
        found.extra["ignition"] = bool(body[TIME_BYTES])
        text = body[TIME_BYTES + 1 :]
        end = next((at for at, byte in enumerate(text) if byte not in PRINTABLE), len(text))
        found.extra["diagnosis"] = _text(text[:end])
        keep_rest(found, text[end:])
    return found


def information(body: bytes, zone_ms: int) -> Found:
    """Type 94: a byte that says what.

    00 and 0B voltage, 04 settings, 05 door, 0A identities, 0D fuel (perhaps after a time), 1B serial line.
    """
    if not body:
        raise DecodeError("bad_length", "no kind of information")
    kind, raw = body[0], body[1:]
    found = blank()
    found.extra["information"] = kind
    if kind in VOLTAGES and len(raw) >= 2:  # noqa: PLR2004  the voltage
        found.reading.external_v = int.from_bytes(raw[:2]) / 100
    elif kind == DOOR and raw:
        found = _door(found, raw, zone_ms)
    elif kind == IDENTITIES and len(raw) >= 26:  # noqa: PLR2004  three identities
        found.extra["imei"] = identity_of(raw[:IDENTITY_BYTES])
        found.extra["imsi"] = raw[8:16].hex()
        found.extra["iccid"] = raw[16:26].hex().rstrip("f")
    elif kind == FUEL and len(raw) > TIME_BYTES:
        if raw[:1] != FUEL_TEXT:
            found, raw = found._replace(claimed_ms=clock(raw, zone_ms)), raw[TIME_BYTES:]
        found.extra["fuel"] = _text(raw)
    elif kind == SETTINGS:
        found.extra["settings"] = _text(raw)
    elif kind == SERIAL_LINE and raw:
        _serial_line(found, raw)
    else:
        found.extra["data"] = raw[:64].hex()
    return found


def _serial_line(found: Found, raw: bytes) -> None:
    """What a reader on the serial line says: text, or a card (4) between two bytes before and two after."""
    if raw[:1].isalpha():
        found.extra["serial_line"] = _text(raw)
    elif len(raw) == READER_BYTES:
        found.reading.card_id = raw[2:6].hex() if any(raw[2:6]) else None
    else:
        found.extra["data"] = raw[:64].hex()


def _door(found: Found, raw: bytes, zone_ms: int) -> Found:
    """Time (6, some models), then bit 0 door open, bit 2 input."""
    if len(raw) > TIME_BYTES:
        found = found._replace(claimed_ms=clock(raw, zone_ms))
        raw = raw[TIME_BYTES:]
    is_open = bool(raw[0] & 1)
    found.reading.door_open = is_open
    event = SealEvent.DOOR_OPENED if is_open else SealEvent.DOOR_CLOSED
    found.reading.seal_events |= event.value
    found.extra["digital_input_1"] = bool(raw[0] & 4)
    return found


def supply_modules(body: bytes, zone_ms: int) -> Found:
    """Type 36 without a place: a byte, then id (1), length (1), value; 18 is the battery's voltage."""
    del zone_ms
    found = blank()
    for skipped in (0, 1):  # some models have a byte before the first
        values = dict(_fields(body[skipped:], 1, 1))
        if len(values.get(0x18, b"")) == 2:  # noqa: PLR2004  the voltage
            found.reading.battery_v = within("battery_v", int.from_bytes(values[0x18]) / 100)
            break
    keep_rest(found, body)
    return found


def timed_fields(body: bytes, zone_ms: int) -> Found:
    """Type F1: seconds since 1970 (4), then id (2), length (1), value; 0005 is the supply's voltage."""
    del zone_ms
    found = blank(int.from_bytes(body[:4]) * 1000 or None)
    for field, value in _fields(body[4:], 2, 1):
        if field == SUPPLY_FIELD and len(value) == 2:  # noqa: PLR2004  the voltage
            found.reading.external_v = int.from_bytes(value) / 100
        elif value:
            found.extra[f"field_{field:04x}"] = value.hex()
    return found


def peripheral(body: bytes, zone_ms: int) -> Found:
    """Type F2: seconds (4), a place and a device heard.

    Length (2), satellites, course (2), latitude, longitude (4, 4); kind (2), length (2), data.
    """
    del zone_ms
    found = blank(int.from_bytes(body[:4]) * 1000 or None)
    place_end = 6 + int.from_bytes(body[4:6])
    if len(body) < place_end + 4:
        raise DecodeError("bad_length", f"{len(body)} bytes hold no peripheral")
    if place_end >= 17:  # noqa: PLR2004  three bytes and coordinates
        set_place(found, body[9:17], int.from_bytes(body[7:9]), speed_kmh=None)
        found.reading.satellites = body[6]
    found.extra["peripheral"] = int.from_bytes(body[place_end : place_end + 2])
    data = body[place_end + 4 : place_end + 4 + int.from_bytes(body[place_end + 2 : place_end + 4])]
    if len(data) > 10:  # noqa: PLR2004  address and name
        found.extra["address"] = data[1:7].hex(":")
        found.extra["data"] = _text(data[10:])
    return found


def battery_system(body: bytes, zone_ms: int) -> Found:
    """Type 40, of electric vehicles: identity (8), seconds (4), then what the battery says of itself.

    Relative capacity % (1), remaining (2), absolute % (1), full (2), health % (1), temperature (2, 0.1 K),
    current (2), voltage (2, mV), cycles (2); cells and the maker's own follow.
    """
    del zone_ms
    if len(body) < BATTERY_SYSTEM.size:
        raise DecodeError("bad_length", f"{len(body)} bytes hold no battery")
    _, seconds, level, remaining, _, full, health, kelvin, current, millivolts, cycles = (
        BATTERY_SYSTEM.unpack_from(body)
    )
    found = blank(seconds * 1000 or None)
    found.reading.battery_pct = within("battery_pct", float(level))
    found.reading.battery_v = within("battery_v", millivolts / 1000)
    found.extra["imei"] = identity_of(body[:IDENTITY_BYTES])
    found.extra.update(
        remaining_capacity=remaining, full_capacity=full, battery_health_pct=health,
        battery_c=round(kelvin / 10 - 273.1, 1), current=current, cycles=cycles,
    )  # fmt: skip
    keep_rest(found, body[BATTERY_SYSTEM.size :])
    return found


def unread(body: bytes, zone_ms: int) -> Found:
    """Types whose meaning isn't public: the device lives, its bytes are kept."""
    del zone_ms
    found = blank()
    keep_rest(found, body)
    return found


def modules(body: bytes, zone_ms: int) -> Found:
    """Type 70: modules of id (2), length (2), value; see the table in `gateway.decoders.gt06`."""
    del zone_ms
    values = dict(_fields(body, 2, 2))
    if not values:
        raise DecodeError("bad_length", f"{len(body)} bytes hold no module")
    place = values.get(MODULE_PLACE, b"")
    when = values.get(MODULE_TIME, b"")
    if len(place) == 18:  # noqa: PLR2004  time … course
        when = place
    found = blank(int.from_bytes(when[:4]) * 1000 or None)
    reading, extra = found.reading, found.extra
    if len(place) == 18:  # noqa: PLR2004  time … course
        set_place(found, place[7:15], int.from_bytes(place[16:18]), speed_kmh=place[15])
        reading.satellites = place[4]
        reading.altitude_m = within("altitude_m", float(int.from_bytes(place[5:7], signed=True)))
    for module, raw in values.items():
        if module in MEASURED:
            quantity, scale = MEASURED[module]
            setattr(reading, quantity, within(quantity, int.from_bytes(raw) / scale))
        elif module in NUMBERS_OF_CARDS:
            extra[NUMBERS_OF_CARDS[module]] = raw.hex().rstrip("f")
        elif module == MODULE_IDENTITY and len(raw) == IDENTITY_BYTES:
            extra["imei"] = identity_of(raw)
        elif module == MODULE_REMOVAL and raw:
            _mount(found, off=raw[-1] == 1)
        elif module == MODULE_TAG:
            _tag(found, raw)
        elif module == MODULE_INPUTS and len(raw) == 1:
            _inputs(found, raw[0])
        elif module not in {MODULE_TIME, MODULE_PLACE} and raw:
            extra[f"module_{module:04x}"] = raw.hex()
    return found


def _mount(found: Found, *, off: bool) -> None:
    found.reading.mounted = not off
    if off:
        add_alarm_name(found.extra, "removing")
        found.reading.seal_events |= SealEvent.TAMPERED.value


def _inputs(found: Found, bits: int) -> None:
    """Low nibble: the door is open; high nibble: the case is."""
    found.extra["inputs"] = bits
    found.reading.door_open = bool(bits & 0x0F)
    if bits & 0x0F:
        found.reading.seal_events |= SealEvent.DOOR_OPENED.value
    if bits & 0xF0:
        found.reading.seal_events |= SealEvent.TAMPERED.value


def _tag(found: Found, raw: bytes) -> None:
    """Address (6), two bytes, battery %, temperature (2, 0.1 °C), humidity (2, 0.1 %)."""
    if len(raw) < 13:  # noqa: PLR2004  the fields
        return
    found.extra["tag1_address"] = raw[:6].hex(":")
    found.extra["tag1_battery_pct"] = raw[8]
    temperature = int.from_bytes(raw[9:11], signed=True)
    if temperature != NO_TAG_TEMPERATURE:
        found.reading.temperature_c = within("temperature_c", temperature / 10)
    found.reading.humidity_pct = within("humidity_pct", int.from_bytes(raw[11:13]) / 10)
