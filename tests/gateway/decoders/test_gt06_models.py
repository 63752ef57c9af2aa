"""GT06: what stands behind place and cell differs by model; frames built from the tables of the datasheet."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.decoders.gt06 import DECODER, WIRE
from sealtrail.contract.clock import iso
from sealtrail.contract.reading import FixKind, Flag, SealEvent, SealState
from tests.gateway.decoders.test_gt06 import AT_A_PLACE, DEVICE, RECEIVED_AT_MS, decoded, framed

AT = bytes.fromhex("18031c0a0b0c")
NETWORK = bytes.fromhex("01cc00")
CELL = bytes.fromhex("287d001f71")
SMALL_CELL = CELL + b"\x3e"
WIDE_CELL = bytes.fromhex("0000287d0000000000001f713e")
POINT = bytes.fromhex("aabbccddeeff3a")
CELLS_TOLD = "10365/8049/62"


@pytest.mark.parametrize(
    ("kind", "body", "count", "points"),
    [
        pytest.param(0x24, NETWORK + b"\4" + 4 * SMALL_CELL + b"\1" + POINT, 4, 1, id="counted"),
        pytest.param(0x24, b"\0" + NETWORK + b"\2" + 2 * SMALL_CELL + b"\2" + 2 * POINT, 2, 2, id="advance"),
        pytest.param(0x24, NETWORK + 4 * SMALL_CELL + b"\1" + POINT, 4, 1, id="four"),
        pytest.param(0x34, NETWORK + 6 * SMALL_CELL + b"\xff\1" + POINT, 6, 1, id="six"),
        pytest.param(0x33, NETWORK + 6 * WIDE_CELL + b"\0\2" + 2 * POINT, 6, 2, id="wide"),
        pytest.param(0x33, b"\x81\xcc\0\0" + 6 * WIDE_CELL + b"\0\0", 6, 0, id="wide, operator of two bytes"),
    ],
)
def test_cells_of_small_models(kind: int, body: bytes, count: int, points: int) -> None:
    """Cells are read in whatever number they come, and are never taken for a place."""
    reading = decoded(kind, AT + body)
    assert reading.extra is not None
    assert iso(reading.occurred_at_ms) == "2024-03-28T10:11:12.000Z"
    assert (reading.fix_kind, reading.flags) == (FixKind.NONE, Flag.NONE)
    assert reading.extra["network_country"] == 460
    assert (reading.extra["location_area"], reading.extra["cell_id"]) == (10365, 8049)
    assert reading.extra["cells"] == " ".join([CELLS_TOLD] * count)
    assert str(reading.extra.get("wifi", "")).count("/") == points


@pytest.mark.parametrize("kind", [0x24, 0x33, 0x34])
def test_cells_of_no_known_form(kind: int) -> None:
    """Cells whose number nothing tells are kept as they are: the report survives without a place."""
    reading = decoded(kind, AT + NETWORK + 3 * SMALL_CELL + b"\1\2\3\4")
    assert reading.extra is not None
    assert (reading.fix_kind, reading.flags) == (FixKind.NONE, Flag.NONE)
    assert str(reading.extra["rest"]).startswith(NETWORK.hex() + CELL.hex())


def placed(tail: str, kind: int = 0x12) -> Any:
    """The reading of a place, a cell and a tail."""
    return decoded(kind, AT_A_PLACE + NETWORK + CELL + bytes.fromhex(tail))


def test_card_behind_the_mileage() -> None:
    """A card in text is the reading's card, with and without the driving time; zeros are none."""
    long = placed("00000bb8 0a 30303131323233333434 00 01 0010")
    assert (long.card_id, long.odometer_km) == ("0011223344", 3.0)
    assert long.extra["driving_time"] == 16
    padded = placed("00000bb8 4b" + b"12345678".ljust(75).hex() + "01 01")
    assert (padded.card_id, padded.extra["card_alarm"], padded.extra["card_state"]) == ("12345678", True, 1)
    assert placed("00000bb8 01 30 00 00 0000").card_id is None


@pytest.mark.parametrize(
    ("word", "temperature"), [("9014", 20.0), ("1214", -20.0), ("a014", None), ("4064", None), ("0001", None)]
)
def test_mask_behind_the_cell(word: str, temperature: float | None) -> None:
    """A word behind the cell has degrees only where its bit says so, with their sign."""
    assert placed(word).temperature_c == temperature


def test_analogue_input_behind_the_cell() -> None:
    """Without the bit for degrees the word is an input in volts or tenths; without any bit it is kept."""
    assert placed("a014").extra["analog_input_1_v"] == 20.0
    assert placed("8014").extra["analog_input_1_v"] == 2.0
    assert placed("0001").extra["rest"] == "0001"


def test_status_behind_the_cell() -> None:
    """Terminal information behind the cell raises its alarm: removal is tampering."""
    reading = placed("7c 04e2 04 00")
    assert reading.seal_events == SealEvent.TAMPERED
    assert (reading.mounted, reading.external_v, reading.signal_pct) == (False, 12.5, 100.0)
    assert reading.flags & Flag.CHARGING


def test_status_and_tank_behind_the_cell() -> None:
    """The longer form has an alarm, a temperature with its sign and the mileage."""
    reading = placed("4c 04e2 04 14 0064 9a 00000100")
    assert reading.seal_events == SealEvent.SHOCK | SealEvent.DOOR_OPENED
    assert (reading.door_open, reading.temperature_c, reading.odometer_km) == (True, -26.0, 2.56)


def test_upload_behind_the_cell() -> None:
    """Ignition, reason and memory also stand in reports of type 12 of later models."""
    reading = placed("01 0e 01 00000bb8")
    assert reading.flags & Flag.BUFFERED
    assert (reading.extra["ignition"], reading.odometer_km) == (True, 3.0)


def test_fields_of_type_37() -> None:
    """Supply, mileage and accuracy are values of the reading."""
    reading = placed("010501 0027 02 04e2 002e 04 00002328 003b 02 17c0", 0x37)
    assert (reading.external_v, reading.odometer_km, reading.accuracy_m) == (12.5, 9.0, 60.8)


def test_reader_on_the_serial_line() -> None:
    """Information 1B is the card that a reader saw, or text of another device."""
    card = decoded(0x94, bytes.fromhex("1b0206a1b2c3d4aa03"), extended=True)
    assert card.card_id == "a1b2c3d4"
    assert decoded(0x94, bytes.fromhex("1b020600000000aa03"), extended=True).card_id is None
    text = decoded(0x94, b"\x1bRFID:12AB\r\n", extended=True)
    assert (text.extra or {})["serial_line"] == "RFID:12AB"


def test_fuel_with_a_time() -> None:
    """Fuel's text may have the time before it."""
    reading = decoded(0x94, b"\x0d" + AT + b"!AIOIL,02,002.720", extended=True)
    assert iso(reading.occurred_at_ms) == "2024-03-28T10:11:12.000Z"
    assert (reading.extra or {})["fuel"] == "!AIOIL,02,002.720"


@pytest.mark.parametrize(
    ("code", "event"),
    [
        (0x01, SealEvent.SOS),
        (0x0E, SealEvent.LOW_BATTERY),
        (0x80, SealEvent.SHOCK | SealEvent.SOS),
        (0x93, SealEvent.SHOCK),
        (0x90, SealEvent.NONE),
    ],
)
def test_alarm_of_a_camera(code: int, event: SealEvent) -> None:
    """An event with a place and a film; 80 is vibration in one table and SOS in another: both are told."""
    body = AT + bytes.fromhex("055d4a800209d9c01493") + bytes([code, 0, 0]) + b"EVENT_1"
    reading = decoded(0x95, body)
    assert reading.seal_events == event
    assert reading.latitude_deg is not None


def test_alarm_one_without_a_place_is_no_sos() -> None:
    """Code 1 of the short form is a general alarm."""
    reading = decoded(0x95, AT + b"\1")
    assert (reading.seal_events, (reading.extra or {})["alarm"]) == (0, "general")


def test_padlock_opened_by_force() -> None:
    """Status A5 of a padlock is an opened lock and an opened door."""
    reading = decoded(0x33, AT + bytes.fromhex("00 00 00 00 a5 00"), extended=True)
    assert reading.seal_events == SealEvent.OPENED | SealEvent.DOOR_OPENED
    assert reading.seal_state == SealState.UNLOCKED


def test_fence_in_the_terminal_information() -> None:
    """Alarm 6 of the terminal information is a geofence, entered or left."""
    reading = decoded(0x13, bytes.fromhex("7404040002"))
    assert reading.seal_events == SealEvent.GEOFENCE_ENTERED | SealEvent.GEOFENCE_LEFT


@pytest.mark.parametrize(("code", "on"), [(0xFE, True), (0xFF, False)])
def test_ignition_told_as_an_alarm(code: int, on: bool) -> None:  # noqa: FBT001  the value
    """Codes FE and FF of an alarm are the ignition and raise nothing."""
    reading = decoded(0x26, AT_A_PLACE + b"\x09" + NETWORK + CELL + bytes([0x44, 4, 3, code, 2]))
    extra = reading.extra or {}
    assert (reading.seal_events, extra["ignition"]) == (SealEvent.NONE, on)
    assert "alarm_code" not in extra


def test_alarm_with_the_supply() -> None:
    """An alarm whose cell has no length tells the supply's voltage and the signal."""
    reading = placed("7c 04e2 04 00", 0x16)
    assert (reading.external_v, reading.signal_pct, reading.battery_pct) == (12.5, 100.0, None)
    assert reading.seal_events == SealEvent.TAMPERED


@pytest.mark.parametrize("kind", [0x35, 0x41])
def test_pictures_report_nothing(kind: int) -> None:
    """Parts of a picture are sound frames without a report."""
    assert DECODER.decode(framed(kind, AT + bytes(12)), DEVICE, RECEIVED_AT_MS) == []


def test_card_and_supplies_before_the_ports() -> None:
    """Type 34 has mileage, card and two supplies around its cell; how many inputs there are is told."""
    tail = "0000 00009e7d 014e140fc000004e99 004aa82b 04c3 01a4 42210000 0201 01c001c0"
    reading = decoded(0x34, bytes(4) + AT_A_PLACE + bytes.fromhex(tail))
    extra = reading.extra or {}
    assert (reading.card_id, reading.odometer_km) == ("4892715", 40.573)
    assert (reading.external_v, reading.battery_v) == (12.19, 4.2)
    assert (extra["cell_id"], extra["analog_input_1_v"], extra["analog_input_2_v"]) == (0x4E99, 4.48, 4.48)
    none = decoded(0x34, bytes(4) + AT_A_PLACE + bytes.fromhex(tail.replace("004aa82b", "00000000")))
    assert none.card_id is None


@pytest.mark.parametrize(
    ("inputs", "is_open", "events"),
    [
        (0x00, False, SealEvent.NONE),
        (0x01, True, SealEvent.DOOR_OPENED),
        (0x10, False, SealEvent.TAMPERED),
        (0x11, True, SealEvent.DOOR_OPENED | SealEvent.TAMPERED),
    ],
)
def test_inputs_of_a_module(inputs: int, is_open: bool, events: SealEvent) -> None:  # noqa: FBT001  a column
    """Module 2A is the door in its low nibble and the case in its high one."""
    reading = decoded(0x70, bytes.fromhex("002c00046919c641 002a0001") + bytes([inputs]), extended=True)
    assert (reading.door_open, reading.seal_events) == (is_open, events)


def test_modules_are_answered_in_the_short_form() -> None:
    """A report of modules comes in a long frame and its answer in a short one, with its serial."""
    talk = WIRE.dialogue()
    talk.hear(framed(0x01, bytes.fromhex("0864717003664467"), serial=1), RECEIVED_AT_MS)
    heard = talk.hear(
        framed(0x70, bytes.fromhex("002c00046919c641"), serial=9, extended=True), RECEIVED_AT_MS
    )
    assert heard.message is not None
    assert heard.answer == framed(0x70, b"", serial=9)


@pytest.mark.parametrize("kind", [0x16, 0x26, 0x27, 0x25, 0x32, 0xA3, 0xA4])
@pytest.mark.parametrize(
    "cell", ["00", "01", "10 01cc00 0000287d 0000000000001f71", "11 81cc0000 0000287d 0000000000001f71"]
)
def test_alarm_with_any_cell(kind: int, cell: str) -> None:
    """Without a cell, or with one of the fourth generation, an alarm is the same alarm."""
    extra_byte = "00" if kind in {0x25, 0x32} and len(cell) > 2 else ""
    reading = decoded(kind, AT_A_PLACE + bytes.fromhex(f"{cell} {extra_byte} 44 05 04 14 02"))
    extra = reading.extra or {}
    assert (reading.seal_events, reading.door_open) == (SealEvent.DOOR_OPENED, True)
    assert (reading.battery_pct, "unread" in extra) == (83.3, False)
    if len(cell) > 2:
        assert (extra["location_area"], extra["cell_id"]) == (10365, 0x1F71)


def test_ports_that_are_cut_off() -> None:
    """A report that ends before its ports, also behind an operator of two bytes, keeps its place."""
    for tail in ("0000 00009e7d 814e00140fc000004e99 004aa82b 04c3 01a4 42210000 02", "0000 00009e7d 014e14"):
        reading = decoded(0x34, bytes(4) + AT_A_PLACE + bytes.fromhex(tail))
        assert (reading.fix_kind, reading.card_id) == (FixKind.GNSS, None)
