"""Reports of family ``gt06`` with a place; the datasheet is `gateway.decoders.gt06`."""

from __future__ import annotations

import struct

from gateway.decoders._gt06_fields import (
    PLACE_BYTES,
    Found,
    blank,
    is_place,
    keep_rest,
    located,
    measured_network,
    set_alarm,
    set_network,
    set_status,
    set_terminal,
)
from gateway.decoders._gt06_tails import mileage_or_rest, set_odometer, set_upload, tail_of_model
from gateway.decoders._values import within
from sealtrail.contract.errors import DecodeError

CARD_BYTES = 8
STATUS_BYTES = 5
NO_CELL = (0, 1)  # the length before a cell that isn't there
WIDE_CELLS = (15, 16, 17)  # the length before a cell of the fourth generation: area of 4, cell of 8 bytes
PORTS = struct.Struct(">IHHIBB")  # driver, supplies, ports, inputs, outputs
PORTS_HEAD = 6 + 9 + PORTS.size  # terminal, mileage and the shorter cell before them


def place_only(body: bytes, zone_ms: int) -> Found:
    """Type 10."""
    found = located(body, zone_ms)
    keep_rest(found, body[PLACE_BYTES:])
    return found


def place_and_cell(body: bytes, zone_ms: int) -> Found:
    """Types 12, 24, 2D …: a cell, then what depends on the model."""
    found = located(body, zone_ms)
    tail = body[PLACE_BYTES:]
    if len(tail) < 8:  # noqa: PLR2004  a cell
        keep_rest(found, tail)
        return found
    tail_of_model(found, tail[set_network(found, tail) :])
    return found


def place_and_wide_cell(body: bytes, zone_ms: int) -> Found:
    """Type 11: operator of 2 and cell of 4 bytes."""
    found = located(body, zone_ms)
    size = set_network(found, body[PLACE_BYTES:], 2, 4, operator=2)
    keep_rest(found, body[PLACE_BYTES + size :])
    return found


def place_and_upload(body: bytes, zone_ms: int) -> Found:
    """Type 22: cell, ignition, reason, memory, mileage (4); or the form with two times."""
    if not is_place(body) and len(body) > 40 and body[0] == 1:  # noqa: PLR2004  its prefix and place
        return _two_times(body, zone_ms, alarm=False)
    found = located(body, zone_ms)
    tail = body[PLACE_BYTES:]
    tail = set_upload(found, tail[set_network(found, tail) :])
    if len(tail) == 13:  # noqa: PLR2004  the form with a thermometer
        found.reading.temperature_c = within("temperature_c", int.from_bytes(tail[-4:-2], signed=True) / 100)
        found.extra["humidity_raw"] = int.from_bytes(tail[-2:])
        keep_rest(found, tail[:-4])
    elif len(tail) >= 4:  # noqa: PLR2004  mileage
        set_odometer(found, int.from_bytes(tail[:4]))
        keep_rest(found, tail[4:])
    return found


def _two_times(body: bytes, zone_ms: int, *, alarm: bool) -> Found:
    """Types 22 and 25 of later models: identity, two times, place without time, cell, supply."""
    found = located(body[9:15] + body[21:33], zone_ms)
    tail = body[33:]
    tail = tail[measured_network(found, tail) :]
    if alarm and tail:
        found.extra["report_reason"] = tail[0]
        tail = tail[1:]
    if len(tail) >= 13:  # noqa: PLR2004  the fields
        set_terminal(found, tail[0])
        found.reading.external_v = int.from_bytes(tail[1:3]) / 100
        found.reading.battery_v = tail[3] / 10
        set_odometer(found, int.from_bytes(tail[7:11]))
        found.extra["engine_minutes"] = int.from_bytes(tail[11:13])
        found.extra["network_raw"] = tail[4]
        tail = tail[13:]
        if len(tail) > 2 and tail[0] == len(tail) - 1:  # noqa: PLR2004  length and kind
            found.reading.card_id = tail[2:34].hex()
            return found
    keep_rest(found, tail)
    return found


def alarm(body: bytes, zone_ms: int) -> Found:
    """Types 16, 26 and 27: cell, status, perhaps fence or card."""
    found = located(body, zone_ms)
    tail = body[PLACE_BYTES:]
    if not tail:
        return found
    if tail[0] == 0 and len(tail) > 50 and not any(tail[10:46]):  # noqa: PLR2004  room for cells, empty
        tail = tail[46:]
    elif tail[0] in NO_CELL and len(tail) in {1 + STATUS_BYTES, 2 + STATUS_BYTES}:
        tail = tail[1:]
    elif tail[0] in {8, 9, 10} and len(tail) > 13:  # noqa: PLR2004  cell with length, and status
        tail = tail[measured_network(found, tail) :]
    elif tail[0] in WIDE_CELLS and len(tail) >= tail[0] + STATUS_BYTES:
        tail = tail[measured_network(found, tail, 4, 8) :]
    else:
        tail = tail[set_network(found, tail) :]
        if len(tail) == STATUS_BYTES:  # without the length of the cell: a model with the supply's voltage
            tail_of_model(found, tail)
            return found
    if len(tail) == STATUS_BYTES + 1 and tail[1] == 0:
        set_terminal(found, tail[0])
        found.reading.battery_pct = within("battery_pct", float(tail[2]))
        found.extra["gsm_signal"] = tail[3]
        set_alarm(found, tail[4])
        return found
    set_status(found, tail)
    _after_status(found, tail[STATUS_BYTES:])
    return found


def _after_status(found: Found, tail: bytes) -> None:
    if len(tail) == 1:
        found.extra["fence"] = tail[0]
    elif len(tail) >= CARD_BYTES and any(tail[-CARD_BYTES:]):
        found.reading.card_id = tail[-CARD_BYTES:].hex()
    else:
        keep_rest(found, tail)


def later_alarm(body: bytes, zone_ms: int) -> Found:
    """Types 25 (with two times, or as 26) and 32: cell, one byte, status."""
    if not is_place(body) and len(body) > 40 and body[0] == 1:  # noqa: PLR2004  its prefix and place
        return _two_times(body, zone_ms, alarm=True)
    found = located(body, zone_ms)
    tail = body[PLACE_BYTES:]
    if tail[:1] and tail[0] in WIDE_CELLS and len(tail) >= tail[0] + STATUS_BYTES:
        tail = tail[measured_network(found, tail, 4, 8) :]
    elif tail[:1] and tail[0] in NO_CELL:
        tail = tail[1:]
    else:
        tail = tail[measured_network(found, tail) :]
    if len(tail) == STATUS_BYTES:
        set_status(found, tail)
        return found
    if tail:
        found.extra["report_reason"] = tail[0]
    set_status(found, tail[1:])
    _after_status(found, tail[1 + STATUS_BYTES :])
    return found


def fence_alarm(body: bytes, zone_ms: int) -> Found:
    """Types A3 and A4: cell with length (area 4, cell 8), status, fence."""
    found = located(body, zone_ms)
    tail = body[PLACE_BYTES:]
    size = 1 if tail[:1] and tail[0] in NO_CELL else 1 + set_network(found, tail[1:], 4, 8)
    set_status(found, tail[size:])
    _after_status(found, tail[size + STATUS_BYTES :])
    return found


def wearable_status(body: bytes, zone_ms: int) -> Found:
    """Type A3 without a place: a counter of steps; the rest depends on the model."""
    if len(body) != 19:  # noqa: PLR2004  its only known form
        return fence_alarm(body, zone_ms)
    found = blank()
    found.extra["steps"] = int.from_bytes(body[11:13])
    keep_rest(found, body)
    return found


def cell_alarm(body: bytes, zone_ms: int) -> Found:
    """Type A5: cell (area 4, cell 8), status; no time."""
    del zone_ms
    found = blank()
    set_status(found, body[set_network(found, body, 4, 8) :])
    return found


def cell_status(body: bytes, zone_ms: int) -> Found | None:
    """Type 19: cell, status; no time. Another form of it reports nothing."""
    del zone_ms
    if len(body) != 13:  # noqa: PLR2004  cell and status
        return None
    found = blank()
    set_status(found, body[set_network(found, body) :])
    return found


def place_and_card(body: bytes, zone_ms: int) -> Found:
    """Type 17 with a place: cell, card (8), a byte."""
    found = located(body, zone_ms)
    tail = body[PLACE_BYTES:]
    tail = tail[set_network(found, tail) :]
    if len(tail) >= CARD_BYTES:
        found.reading.card_id = tail[:CARD_BYTES].hex()
        keep_rest(found, tail[CARD_BYTES:])
    else:
        keep_rest(found, tail)
    return found


def card_reader(body: bytes, zone_ms: int) -> Found:
    """Type 61: place, cell, three bytes, card (4, told in decimal)."""
    found = located(body, zone_ms)
    tail = body[PLACE_BYTES:]
    tail = tail[set_network(found, tail) :]
    if len(tail) < 4:  # noqa: PLR2004  the card
        raise DecodeError("bad_length", f"{len(tail)} bytes hold no card of 4")
    card = int.from_bytes(tail[-4:])
    found.reading.card_id = str(card) if card else None
    return found


def place_and_height(body: bytes, zone_ms: int) -> Found:
    """Type 31: cell (of 4 bytes), a byte, ignition, reason, memory, mileage (4), altitude (2)."""
    found = located(body, zone_ms)
    tail = body[PLACE_BYTES:]
    tail = tail[set_network(found, tail, 2, 4) :]
    if tail:
        rest = set_upload(found, tail[1:])
        if len(rest) >= 6:  # noqa: PLR2004  mileage and altitude
            set_odometer(found, int.from_bytes(rest[:4]))
            found.reading.altitude_m = within("altitude_m", float(int.from_bytes(rest[4:6], signed=True)))
            keep_rest(found, rest[6:])
    return found


def place_and_card_and_upload(body: bytes, zone_ms: int) -> Found:
    """Type 36 with a place: cell (of 4 bytes), ignition, reason, memory, mileage, six bytes, card (8)."""
    found = located(body, zone_ms)
    tail = body[PLACE_BYTES:]
    tail = set_upload(found, tail[set_network(found, tail, 2, 4) :])
    if len(tail) >= 4:  # noqa: PLR2004  mileage
        set_odometer(found, int.from_bytes(tail[:4]))
        tail = tail[4:]
    if len(tail) >= CARD_BYTES:
        card = tail[-CARD_BYTES:]
        found.reading.card_id = card.hex() if any(card) else None
        tail = tail[:-CARD_BYTES]
    keep_rest(found, tail)
    return found


def place_of_4g(body: bytes, zone_ms: int) -> Found:
    """Types A0 and A2: cell (area 4, cell 8), ignition, reason, memory, mileage (4)."""
    found = located(body, zone_ms)
    tail = body[PLACE_BYTES:]
    tail = set_upload(found, tail[set_network(found, tail, 4, 8) :])
    mileage_or_rest(found, tail)
    return found


def place_and_fields(body: bytes, zone_ms: int) -> Found:
    """Type 37: cell, ignition, reason, memory, then id (2), length (1), value.

    27 supply (0.01 V), 2E mileage (m), 3B accuracy (0.01 m; doubtful).
    """
    found = located(body, zone_ms)
    tail = body[PLACE_BYTES:]
    tail = set_upload(found, tail[set_network(found, tail) :])
    while len(tail) >= 3 and len(tail) >= 3 + tail[2]:  # noqa: PLR2004  id and length
        field, value = int.from_bytes(tail[:2]), tail[3 : 3 + tail[2]]
        if field == 0x2E and len(value) == 4:  # noqa: PLR2004  mileage
            set_odometer(found, int.from_bytes(value))
        elif field == 0x27 and len(value) == 2:  # noqa: PLR2004  supply
            found.reading.external_v = int.from_bytes(value) / 100
        elif field == 0x3B and len(value) == 2:  # noqa: PLR2004  accuracy
            found.reading.accuracy_m = int.from_bytes(value) / 100
        elif value:
            found.extra[f"field_{field:04x}"] = value.hex()
        tail = tail[3 + len(value) :]
    keep_rest(found, tail)
    return found


def place_and_ports(body: bytes, zone_ms: int) -> Found:
    """Type 34: four bytes, place, terminal (2), mileage (4, m), cell (of 4 bytes), driver, supplies, ports.

    Driver: card (4), told in decimal. Supplies: external and battery (2 each, 0.01 V). Ports: word
    (4; bits 20-23 say how many analogue inputs there are), inputs, outputs (1 each), analogue inputs
    (2 each, 0.01 V).
    """
    found = located(body[4:], zone_ms)
    tail = body[4 + PLACE_BYTES :]
    found.extra["terminal"] = body[:4].hex()
    if len(tail) < PORTS_HEAD:
        keep_rest(found, tail)
        return found
    found.extra["terminal_raw"] = tail[:2].hex()
    set_odometer(found, int.from_bytes(tail[2:6]))
    tail = tail[6 + set_network(found, tail[6:], 2, 4) :]
    if len(tail) < PORTS.size:  # the cell was the longer one
        keep_rest(found, tail)
        return found
    driver, external, battery, ports, inputs, outputs = PORTS.unpack_from(tail)
    found.reading.card_id = str(driver) if driver else None
    found.reading.external_v = external / 100
    found.reading.battery_v = within("battery_v", battery / 100)
    found.extra.update(ports_raw=f"{ports:08x}", inputs=inputs, outputs=outputs)
    analogue = tail[PORTS.size : PORTS.size + 2 * (ports >> 20 & 0xF)]
    for index in range(len(analogue) // 2):
        value = int.from_bytes(analogue[2 * index : 2 * index + 2]) / 100
        found.extra[f"analog_input_{index + 1}_v"] = value
    return found
