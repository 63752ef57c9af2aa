"""Reports of family ``gt06`` with network cells and access points, and of cameras."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.decoders._gt06_fields import (
    PLACE_BYTES,
    TIME_BYTES,
    Found,
    access_points,
    add_alarm_name,
    blank,
    cells_of,
    clock,
    keep_rest,
    located,
    set_network,
    set_place,
)
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.reading import SealEvent, SealState

CELLS_OF_A_REPORT = 7
COUNTRIES = 1000  # mobile country codes have three digits
VIDEO_ALARMS = {
    0x01: ("sos", SealEvent.SOS),
    0x0E: ("lowPower", SealEvent.LOW_BATTERY),
    0x76: ("temperature", SealEvent.NONE),
    0x80: ("vibration", SealEvent.SHOCK | SealEvent.SOS),  # public tables differ
    0x87: ("overspeed", SealEvent.NONE),
    0x90: ("hardAcceleration", SealEvent.NONE),
    0x91: ("hardBraking", SealEvent.NONE),
    0x92: ("hardCornering", SealEvent.NONE),
    0x93: ("accident", SealEvent.SHOCK),
}
GENERAL = 0x01
SHORTEST_PLACED = 19  # time, place, course, alarm, two bytes
LOCK_REPORTS = {
    0xA0: ("lock", SealEvent.CLOSED, SealState.SEALED),
    0xA1: ("unlock", SealEvent.OPENED, SealState.UNLOCKED),
    0xA2: ("lowBattery", SealEvent.LOW_BATTERY, SealState.UNKNOWN),
    0xA3: ("lowBattery", SealEvent.LOW_BATTERY, SealState.UNKNOWN),
    0xA4: ("general", SealEvent.ILLEGAL_MOVEMENT, SealState.UNKNOWN),
    0xA5: ("door", SealEvent.OPENED | SealEvent.DOOR_OPENED, SealState.UNLOCKED),  # opened by force
}


def many_cells(body: bytes, zone_ms: int, area: int = 2, cell: int = 3) -> Found:
    """Types 18, 24, 28, 2C, 2E, A1 and A2: time, seven cells with signal, perhaps access points."""
    found = blank(clock(body, zone_ms))
    _cells(found, body[TIME_BYTES:], area, cell)
    return found


def fits_cells(body: bytes) -> bool:
    """Whether a body of type 24 is the form with cells, by its exact length."""
    size = TIME_BYTES + CELLS_OF_A_REPORT * 6
    country = int.from_bytes(body[TIME_BYTES : TIME_BYTES + 2]) & 0x7FFF
    return len(body) - size in {5, 6, 7} and 1 <= country < COUNTRIES


def fits_many_cells(body: bytes) -> bool:
    """Whether a body of type A2 is the form with cells, by its exact length."""
    if len(body) < TIME_BYTES + 3 or body[TIME_BYTES] & 0x7F > 3:  # noqa: PLR2004  countries go to 999
        return False
    head = TIME_BYTES + 2 + (2 if body[TIME_BYTES] & 0x80 else 1)
    end = head + CELLS_OF_A_REPORT * 13
    return len(body) > end + 1 and len(body) == end + 2 + 7 * body[end + 1]


def _cells(found: Found, raw: bytes, area: int, cell: int) -> None:
    head = 3 if raw[:1] < b"\x80" else 4
    size = area + cell + 1
    if len(raw) < head + size:
        raise DecodeError("bad_length", f"{len(raw)} bytes hold no cell")
    cells = raw[head : head + CELLS_OF_A_REPORT * size]
    set_network(found, raw, area, cell)
    found.extra["cells"] = cells_of(cells, area, cell)
    after = raw[head + CELLS_OF_A_REPORT * size :]
    if len(after) > 2 and len(after) >= 2 + 7 * after[1]:  # noqa: PLR2004  timing advance, count
        points = access_points(after[2 : 2 + 7 * after[1]])
        if points:
            found.extra["wifi"] = points


def other_cells(body: bytes, zone_ms: int, area: int = 2, cell: int = 3) -> Found:
    """Types 24 and 34 of small models, 33 in 7878 frames: time, network, cells; then perhaps access points.

    How many cells, and whether their count and a byte of timing advance are there, depends on
    the model: the form that fits the length is taken. Where none does, the bytes are kept.
    """
    found = blank(clock(body, zone_ms))
    size = area + cell + 1
    for at in (TIME_BYTES, TIME_BYTES + 1):  # the timing advance may stand first
        raw = body[at:]
        head = 3 if raw[:1] < b"\x80" else 4
        if len(raw) < head + size or not 1 <= int.from_bytes(raw[:2]) & 0x7FFF < COUNTRIES:
            continue
        for first, count, points_at in _forms(raw, head, size):
            if first <= points_at < len(raw) and len(raw) == points_at + 1 + 7 * raw[points_at]:
                set_network(found, raw[:head] + raw[first:], area, cell)
                found.extra["cells"] = cells_of(raw[first : first + count * size], area, cell)
                if points := access_points(raw[points_at + 1 :]):
                    found.extra["wifi"] = points
                return found
    keep_rest(found, body[TIME_BYTES:])
    return found


def _forms(raw: bytes, head: int, size: int) -> Iterator[tuple[int, int, int]]:
    """Where the first cell may stand, how many there may be, and where the count of access points is then."""
    for advance in (0, 1):
        yield head + 1, raw[head], head + 1 + raw[head] * size + advance
    for count in range(CELLS_OF_A_REPORT, 0, -1):
        for advance in (1, 0):
            yield head, count, head + count * size + advance


def wide_other_cells(body: bytes, zone_ms: int) -> Found:
    """Type 33 in 7878 frames: area of 4 and cell of 8 bytes."""
    return other_cells(body, zone_ms, 4, 8)


def place_and_cells(body: bytes, zone_ms: int) -> Found:
    """Type 1E: place, then cells as in type 18."""
    found = located(body, zone_ms)
    if len(body) > PLACE_BYTES + 9:  # country, operator, one cell
        _cells(found, body[PLACE_BYTES:], 2, 3)
    return found


def wide_many_cells(body: bytes, zone_ms: int) -> Found:
    """Types A1 and A2 with area of 4 and cell of 8 bytes."""
    return many_cells(body, zone_ms, 4, 8)


def counted(body: bytes, zone_ms: int) -> Found:
    """Types 17 and 69 of the dialect without checksum: count, BCD time, access points, cells."""
    digits = body[1:7].hex()
    when = bytes(int(digits[at : at + 2]) for at in range(0, 12, 2)) if digits.isdecimal() else b""
    found = blank(clock(when, zone_ms))
    points = 7 * body[0]
    if points:
        found.extra["wifi"] = access_points(body[7 : 7 + points])
    raw = body[8 + points :]
    if len(raw) >= 8:  # noqa: PLR2004  country, operator, one cell
        set_network(found, raw, 2, 2, operator=1)
        found.extra["cells"] = cells_of(raw[3:], 2, 2)
    return found


def wifi_points(body: bytes, zone_ms: int) -> Found:
    """Type F3: time, count, then two bytes and an address for each access point."""
    found = blank(clock(body, zone_ms))
    if len(body) < 7 or len(body) < 7 + 8 * body[6]:  # noqa: PLR2004  time and count
        raise DecodeError("bad_length", f"{len(body)} bytes hold no access points")
    addresses = (body[at + 2 : at + 8] for at in range(7, 7 + 8 * min(body[6], 16), 8))
    found.extra["wifi"] = " ".join(address.hex(":") for address in addresses)
    return found


def parted_alarm(body: bytes, zone_ms: int) -> Found:
    """Type 33 in 7979 frames."""
    return parted(body, zone_ms, with_alarm=True)


def parted(body: bytes, zone_ms: int, *, with_alarm: bool = False) -> Found:
    """Type 32 in 7979 frames: every part with its length; then status."""
    found = blank(clock(body, zone_ms))
    at = TIME_BYTES
    if body[at] >= 12:  # noqa: PLR2004  satellites, place, speed, course
        found = located(body[:TIME_BYTES] + body[at + 1 : at + 13], zone_ms)
    at += 1 + body[at]
    length = body[at]
    if length:
        set_network(found, body[at + 1 : at + length])
        found.extra["gsm_dbm"] = -body[at + length]
        at += length
    at += 1
    at += 1 + body[at]  # neighbours
    points = body[at + 1 : at + 1 + body[at]]
    if points:
        found.extra["wifi"] = access_points(points)
    at += 1 + len(points)
    status = body[at]
    found.extra["status"] = f"{status:02x}"
    if with_alarm and status in LOCK_REPORTS:
        name, event, state = LOCK_REPORTS[status]
        add_alarm_name(found.extra, name)
        found.reading.seal_events |= event.value
        found.reading.seal_state = state.value
    return found


def video_alarm(body: bytes, zone_ms: int) -> Found:
    """Type 95: time, perhaps place, alarm, perhaps the name of a film."""
    prefix = 3 if body[:2] == b"\xff\xff" else 0
    raw = body[prefix:]
    found = blank(clock(raw, zone_ms))
    text_at = raw.find(b"EVENT_")
    head = raw if text_at < 0 else raw[:text_at]
    if text_at >= 0:
        found.extra["file"] = raw[text_at : text_at + 120].decode("latin-1")
    if len(head) <= TIME_BYTES:
        raise DecodeError("bad_length", f"{len(head)} bytes hold no alarm")
    at = TIME_BYTES
    if prefix and len(head) >= 24:  # noqa: PLR2004  satellites, place, course, speed, two bytes, alarm, two bytes
        found.reading.satellites = head[at] & 0x0F
        set_place(found, head[7:15], int.from_bytes(head[15:17]), speed_kmh=int.from_bytes(head[17:19]))
        at = len(head) - 3
    elif len(head) >= SHORTEST_PLACED:
        set_place(found, head[at : at + 8], int.from_bytes(head[14:16]), speed_kmh=None)
        at = len(head) - 3
    code = head[at]
    name, event = VIDEO_ALARMS.get(code, ("" if prefix else "general", SealEvent.NONE))
    if prefix:
        found.extra["event"] = code
    if code == GENERAL and len(head) < SHORTEST_PLACED:
        name, event = "general", SealEvent.NONE
    found.extra["alarm_code"] = code
    if name:
        add_alarm_name(found.extra, name)
    found.reading.seal_events |= event.value
    return found
