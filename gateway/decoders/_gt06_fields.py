"""Parts that the reports of family ``gt06`` share: place, network, status, alarm."""

from __future__ import annotations

from typing import NamedTuple

from gateway.decoders._values import Extra, place, unstamped, within
from gateway.device_time import utc_ms
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.reading import FixKind, Flag, Reading, SealEvent, SealState

FAMILY = "gt06"
UNITS_PER_DEGREE = 1_800_000  # minutes · 30 000
FIX, WEST, NORTH, IGNITION_KNOWN, IGNITION = 1 << 12, 1 << 11, 1 << 10, 1 << 14, 1 << 15
COURSE = 0x3FF
TIME_BYTES, PLACE_BYTES = 6, 18
FIRST_YEAR, PLACE_LENGTH_NIBBLE = 5, 0xB
LEVELS, GSM_LEVELS = 6, 4
CSQ_MOST = 31
EMPTY_ADDRESS = bytes(6)
MOST_NEIGHBOURS = 16

ALARM_BITS = {
    1: SealEvent.SHOCK,
    2: SealEvent.POWER_LOST,
    3: SealEvent.LOW_BATTERY,
    4: SealEvent.SOS,
    6: SealEvent.GEOFENCE_ENTERED | SealEvent.GEOFENCE_LEFT,  # which one isn't told
    7: SealEvent.TAMPERED,
}
REMOVED_BITS = 7

ALARMS: dict[int, tuple[str, SealEvent]] = {
    0x01: ("sos", SealEvent.SOS),
    0x02: ("powerCut", SealEvent.POWER_LOST),
    0x03: ("vibration", SealEvent.SHOCK),
    0x04: ("geofenceEnter", SealEvent.GEOFENCE_ENTERED),
    0x05: ("geofenceExit", SealEvent.GEOFENCE_LEFT),
    0x06: ("overspeed", SealEvent.NONE),
    0x09: ("vibration", SealEvent.SHOCK | SealEvent.ILLEGAL_MOVEMENT),
    0x0A: ("gpsLost", SealEvent.NONE),
    0x0B: ("gpsFound", SealEvent.NONE),
    0x0C: ("tampering", SealEvent.TAMPERED),
    0x0E: ("lowBattery", SealEvent.LOW_BATTERY),
    0x0F: ("lowBattery", SealEvent.LOW_BATTERY),
    0x10: ("simChanged", SealEvent.NONE),
    0x11: ("powerOff", SealEvent.POWER_LOST),
    0x13: ("tampering", SealEvent.TAMPERED),
    0x14: ("door", SealEvent.DOOR_OPENED),
    0x15: ("lowBatteryOff", SealEvent.LOW_BATTERY),
    0x17: ("falseBaseStation", SealEvent.NONE),
    0x18: ("removing", SealEvent.TAMPERED),
    0x19: ("lowBattery", SealEvent.LOW_BATTERY),
    0x23: ("fallDown", SealEvent.DROP),
    0x25: ("tampering", SealEvent.TAMPERED),
    0x26: ("hardAcceleration", SealEvent.NONE),
    0x27: ("hardBraking", SealEvent.NONE),
    0x28: ("hardCornering", SealEvent.NONE),
    0x29: ("hardAcceleration", SealEvent.NONE),
    0x2A: ("hardCornering", SealEvent.NONE),
    0x2B: ("hardCornering", SealEvent.NONE),
    0x2C: ("accident", SealEvent.SHOCK),
    0x2D: ("rollover", SealEvent.SHOCK),
    0x30: ("jamming", SealEvent.JAMMING),
    0x32: ("tampering", SealEvent.TAMPERED),
    0x33: ("lock", SealEvent.CLOSED),
    0x34: ("unlock", SealEvent.OPENED),
}
IGNITION_CODES = {0xFE: True, 0xFF: False}
DOOR, REMOVED = 0x14, 0x18
LOCK_STATES = {0x33: SealState.SEALED, 0x34: SealState.UNLOCKED}


class Found(NamedTuple):
    """What a report says, before it is stamped."""

    reading: Reading
    extra: Extra
    claimed_ms: int | None


def blank(claimed_ms: int | None = None) -> Found:
    """An empty report to be filled in."""
    return Found(unstamped(FAMILY), {}, claimed_ms)


def clock(raw: bytes, zone_ms: int) -> int | None:
    """UTC milliseconds of ``yy mm dd hh mm ss``; None where that is no time, as before the first fix."""
    if len(raw) < TIME_BYTES:
        return None
    at_ms = utc_ms(*raw[:TIME_BYTES])
    return None if at_ms is None else at_ms - zone_ms


def is_place(raw: bytes) -> bool:
    """Whether these bytes may begin with time and place."""
    return len(raw) >= PLACE_BYTES and (clock(raw, 0) is not None or not any(raw[:TIME_BYTES]))


def is_credible_place(raw: bytes) -> bool:
    """Whether these bytes can hardly be anything but time and place: a fix with its length and its year."""
    if not is_place(raw) or raw[0] < FIRST_YEAR or raw[6] >> 4 < PLACE_LENGTH_NIBBLE:
        return False
    latitude, longitude = int.from_bytes(raw[7:11]), int.from_bytes(raw[11:15])
    return latitude <= 90 * UNITS_PER_DEGREE and longitude <= 180 * UNITS_PER_DEGREE


def located(raw: bytes, zone_ms: int) -> Found:
    """Time and place: 18 bytes, see the datasheet."""
    if len(raw) < PLACE_BYTES:
        raise DecodeError("bad_length", f"{len(raw)} bytes hold no place of {PLACE_BYTES}")
    found = blank(clock(raw, zone_ms))
    reading = found.reading
    reading.satellites = raw[6] & 0x0F
    set_place(found, raw[7:15], int.from_bytes(raw[16:18]), speed_kmh=raw[15])
    return found


def set_place(found: Found, raw: bytes, word: int, *, speed_kmh: int | None) -> None:
    """Latitude and longitude (4, 4), the word of course and signs, and the speed."""
    reading = found.reading
    latitude = int.from_bytes(raw[:4]) / UNITS_PER_DEGREE
    longitude = int.from_bytes(raw[4:8]) / UNITS_PER_DEGREE
    settled = place(
        round(latitude if word & NORTH else -latitude, 7),
        round(-longitude if word & WEST else longitude, 7),
        FixKind.GNSS if word & FIX else FixKind.STALE,
    )
    reading.flags |= settled.flags.value
    reading.fix_kind = settled.kind.value
    reading.latitude_deg = settled.latitude_deg
    reading.longitude_deg = settled.longitude_deg
    if settled.kind == FixKind.GNSS:
        reading.speed_kmh = within("speed_kmh", None if speed_kmh is None else float(speed_kmh))
        reading.course_deg = within("course_deg", float(word & COURSE))
    if word & IGNITION_KNOWN:
        found.extra["ignition"] = bool(word & IGNITION)


def network_size(raw: bytes, area: int, cell: int, operator: int = 0) -> int:
    """Bytes of a cell that begins with its country, given those of area and cell."""
    return 2 + (operator or (2 if raw[:1] >= b"\x80" else 1)) + area + cell


def set_network(found: Found, raw: bytes, area: int = 2, cell: int = 3, operator: int = 0) -> int:
    """The serving cell: country (2, bit 15: operator of 2 bytes), operator, area, cell; bytes read."""
    size = network_size(raw, area, cell, operator)
    if len(raw) < size:
        raise DecodeError("bad_length", f"{len(raw)} bytes hold no cell of {size}")
    if any(raw[:size]):
        cell_at = size - cell
        found.extra.update(
            network_country=int.from_bytes(raw[:2]) & 0x7FFF,
            network_operator=int.from_bytes(raw[2 : cell_at - area]),
            location_area=int.from_bytes(raw[cell_at - area : cell_at]),
            cell_id=int.from_bytes(raw[cell_at:size]),
        )
    return size


def measured_network(found: Found, raw: bytes, area: int = 2, cell: int = 3) -> int:
    """The serving cell after a byte that says its length (with or without that byte); bytes read."""
    if len(raw) < 2:  # noqa: PLR2004  length and country
        raise DecodeError("bad_length", "no cell")
    announced = raw[0] - 1
    nominal = network_size(raw[1:], area, cell)
    if nominal < announced <= nominal + 4 and cell == 3:  # noqa: PLR2004  the usual bytes of a cell
        cell += min(announced - nominal, 1)
    size = set_network(found, raw[1:], area, cell)
    return 1 + (max(size, announced) if announced < len(raw) else size)


def cells_of(raw: bytes, area: int, cell: int) -> str:
    """Cells (area, cell, signal) as text: ``area/cell/signal`` separated by blanks."""
    size = area + cell + 1
    found: list[str] = []
    for at in range(0, len(raw) - size + 1, size):
        if any(raw[at : at + area + cell]) and len(found) < MOST_NEIGHBOURS:
            numbers = (raw[at : at + area], raw[at + area : at + area + cell], raw[at + size - 1 : at + size])
            found.append("/".join(str(int.from_bytes(number)) for number in numbers))
    return " ".join(found)


def access_points(raw: bytes) -> str:
    """Access points (address 6, signal 1) as text: ``address/signal`` separated by blanks."""
    found = [
        f"{raw[at : at + 6].hex(':')}/{raw[at + 6]}"
        for at in range(0, len(raw) - 6, 7)
        if raw[at : at + 6] != EMPTY_ADDRESS
    ]
    return " ".join(found[:MOST_NEIGHBOURS])


def set_terminal(found: Found, status: int) -> None:
    """The byte of terminal information."""
    reading, extra = found.reading, found.extra
    alarm = status >> 3 & 7
    reading.seal_events |= ALARM_BITS.get(alarm, SealEvent.NONE).value
    if alarm == REMOVED_BITS:
        reading.mounted = False
        add_alarm_name(extra, "removing")
    elif alarm in ALARM_BITS:
        add_alarm_name(extra, _NAMES_BY_BITS[alarm])
    if status & 0x04:
        reading.flags |= Flag.CHARGING.value
    extra["status"] = f"{status:02x}"
    extra["ignition"] = bool(status & 0x02)
    extra["armed"] = bool(status & 0x01)
    extra["fuel_cut"] = bool(status & 0x80)


_NAMES_BY_BITS = {1: "vibration", 2: "powerCut", 3: "lowBattery", 4: "sos", 6: "geofence"}


def set_alarm(found: Found, alarm: int) -> None:
    """The byte of an alarm; 0 is none, an unknown one is kept by number."""
    if not alarm:
        return
    if alarm in IGNITION_CODES:
        found.extra["ignition"] = IGNITION_CODES[alarm]
        return
    name, event = ALARMS.get(alarm, ("", SealEvent.NONE))
    found.reading.seal_events |= event.value
    found.extra["alarm_code"] = alarm
    if name:
        add_alarm_name(found.extra, name)
    if alarm in LOCK_STATES:
        found.reading.seal_state = LOCK_STATES[alarm].value
    elif alarm == DOOR:
        found.reading.door_open = True
    elif alarm == REMOVED:
        found.reading.mounted = False


def add_alarm_name(extra: Extra, name: str) -> None:
    """Names of alarms in the order raised, as the trackers' world calls them, each once."""
    known = str(extra.get("alarm", ""))
    if name not in known.split(","):
        extra["alarm"] = f"{known},{name}" if known else name


def set_level(found: Found, level: int) -> None:
    """Battery level 0 … 6; what is more is another scale that only the model tells."""
    if level <= LEVELS:
        found.reading.battery_pct = round(100 * level / LEVELS, 1)
    else:
        found.extra["battery_raw"] = level


def set_signal(found: Found, signal: int) -> None:
    """Strength of the mobile network 0 … 4; anything else is kept as it is."""
    found.extra["gsm_signal"] = signal
    if signal <= GSM_LEVELS:
        found.reading.signal_pct = round(100 * signal / GSM_LEVELS, 1)


def set_status(found: Found, raw: bytes) -> None:
    """Terminal information, battery level, signal, alarm, language: 5 bytes."""
    if len(raw) < 5:  # noqa: PLR2004  the fields
        raise DecodeError("bad_length", f"{len(raw)} bytes hold no status of 5")
    set_terminal(found, raw[0])
    if raw[2] > 100:  # noqa: PLR2004  no signal is that strong: a voltage in two bytes, or something else
        found.extra["status_raw"] = raw[1:5].hex()
        return
    set_level(found, raw[1])
    set_signal(found, raw[2])
    set_alarm(found, raw[3])


def keep_rest(found: Found, raw: bytes) -> None:
    """Bytes whose meaning depends on the model."""
    if any(raw):
        found.extra["rest"] = raw[:64].hex()
