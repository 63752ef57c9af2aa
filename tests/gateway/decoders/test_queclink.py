"""Queclink: kinds of reports, times, identity, framing, answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decoders.queclink import DECODER, WIRE
from sealtrail.contract.clock import iso, parse_iso
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.reading import FixKind, Flag, Reading, SealEvent

RECEIVED_AT_MS = parse_iso("2026-11-23T06:30:00Z")
IMEI = "135790246811220"
PLACE = "4.3,92,70.0,121.354335,31.222073,{fix},0460,0000,18d8,6141,00"
FIX = "20261123062900"
SENT = "20261123062901"


def sentence(
    kind: str, head: str, *, accuracy: str = "1", fix: str = FIX, sent: str = SENT, prefix: str = "RESP"
) -> str:
    """A sentence of the usual form, its name empty."""
    place = f"{accuracy},{PLACE.format(fix=fix)}"
    return f"+{prefix}:{kind},1A0102,{IMEI},,{head}{place},{sent},11F0$"


def one(text: str, received_at_ms: int = RECEIVED_AT_MS) -> Reading:
    """The only reading of a sentence."""
    (reading,) = DECODER.decode(text.encode(), None, received_at_ms)
    return reading


EVENTS = [
    ("GTSOS", "0,0,1,", SealEvent.SOS),
    ("GTTOW", ",10,1,", SealEvent.ILLEGAL_MOVEMENT),
    ("GTSTT", "16,", SealEvent.ILLEGAL_MOVEMENT),
    ("GTSTT", "1A,", SealEvent.NONE),
    ("GTSTT", "22,", SealEvent.NONE),
    ("GTJDR", "", SealEvent.JAMMING),
    ("GTJDS", "2,", SealEvent.JAMMING),
    ("GTJDS", "1,", SealEvent.NONE),
    ("GTGPJ", "3,", SealEvent.JAMMING),
    ("GTGPJ", "1,", SealEvent.NONE),
    ("GTLSW", "0,1,", SealEvent.LIGHT),
    ("GTLSW", "0,0,", SealEvent.NONE),
    ("GTTSW", "1,0,", SealEvent.TAMPERED),
    ("GTTSW", "1,1,", SealEvent.TAMPERED),
    ("GTMPF", "", SealEvent.POWER_LOST),
    ("GTEPF", "", SealEvent.POWER_LOST),
    ("GTMPN", "", SealEvent.NONE),
    ("GTBPL", "3.53,", SealEvent.LOW_BATTERY),
    ("GTGEO", "0,0,1,", SealEvent.GEOFENCE_LEFT),
    ("GTGEO", "0,1,1,", SealEvent.GEOFENCE_ENTERED),
    ("GTGEO", ",00,1,", SealEvent.GEOFENCE_LEFT),
    ("GTGEO", ",131,1,", SealEvent.GEOFENCE_ENTERED),
    ("GTGIN", ",10,1,", SealEvent.GEOFENCE_ENTERED),
    ("GTGOT", ",10,1,", SealEvent.GEOFENCE_LEFT),
    ("GTIDA", ",01C68011010000C7,0,1,", SealEvent.BAD_CARD),
    ("GTIDA", ",01C68011010000C7,1,1,", SealEvent.NONE),
    ("GTCRA", "", SealEvent.SHOCK),
    ("GTFRI", "0,0,1,", SealEvent.NONE),
    ("GTZZZ", "0,0,1,", SealEvent.NONE),
]


@pytest.mark.parametrize("cell", ["0460,0000,18d8,6141", ",,,"])
@pytest.mark.parametrize("accuracy", ["0", ""])
@pytest.mark.parametrize("name", ["", "1G1JC5444R7252367,"])
@pytest.mark.parametrize(("kind", "head", "event"), EVENTS)
def test_events_without_a_position(
    kind: str, head: str, event: SealEvent, name: str, accuracy: str, cell: str
) -> None:
    """A report whose position is empty says the same as one with a position, on any model."""
    if kind == "GTCRA":
        head = "1,"
    text = f"+RESP:{kind},1A0102,{IMEI},{name},{head}{accuracy},,,,,,,{cell},00,{SENT},11F0$"
    reading = one(text)
    assert reading.seal_events == event
    assert reading.fix_kind == FixKind.NONE
    assert iso(reading.occurred_at_ms) == "2026-11-23T06:29:01.000Z"


def test_values_without_a_position() -> None:
    """Supply, battery, card and switch are found beside an empty position; a cell is no supply."""
    bus = one(
        f"+RESP:GTFRI,060100,{IMEI},,12000,10,1,0,,,,,,,0460,0000,18d8,6141,00,2000.0,,,,80,220100,,,,{SENT},11F0$"
    )
    assert (bus.external_v, bus.battery_pct, bus.odometer_km, bus.moving) == (12.0, 80.0, 2000.0, True)
    asset = one(f"+RESP:GTFRI,020102,{IMEI},,0,0,1,0,,,,,,,0460,0000,18d8,6141,00,85,{SENT},11F0$")
    assert (asset.external_v, asset.battery_pct) == (None, 85.0)
    card = one(
        f"+RESP:GTIDA,060228,{IMEI},,,01C68011010000C7,0,1,0,,,,,,,0736,0003,6AD4,32CF,00,34.9,,,,,{SENT},11F0$"
    )
    assert (card.card_id, card.odometer_km) == ("01C68011010000C7", 34.9)
    switch = one(f"+RESP:GTTSW,1A0100,{IMEI},,1,1,0,,,,,,,0460,0000,18d8,6141,00,{SENT},11F0$")
    assert (switch.extra or {})["tamper_switch"] == 1


def test_version_of_eight_digits() -> None:
    """A device type of two more digits doesn't hide the device."""
    assert one(sentence("GTSOS", "0,0,1,").replace("1A0102", "801A0102")).device_id == IMEI


@pytest.mark.parametrize("accuracy", ["0", "1", ""])
@pytest.mark.parametrize(("kind", "head", "events"), EVENTS)
def test_events(kind: str, head: str, events: SealEvent, accuracy: str) -> None:
    """Each kind of report gives its event, with a fix or without one, and always keeps the place."""
    reading = one(sentence(kind, head, accuracy=accuracy))
    assert reading.seal_events == events
    assert reading.fix_kind == (FixKind.GNSS if accuracy == "1" else FixKind.STALE)
    assert (reading.latitude_deg, reading.longitude_deg) == (31.222073, 121.354335)
    assert reading.extra is not None
    assert reading.extra["report"] == kind


def test_an_answer_to_a_command_is_no_event() -> None:
    """+ACK:GTGEO tells that a fence was set, not that it was crossed."""
    reading = one(f"+ACK:GTGEO,1A0102,{IMEI},,0,0008,{SENT},11F0")
    assert reading.seal_events == SealEvent.NONE
    assert reading.sequence == 0x11F0


@pytest.mark.parametrize("bad", ["921.354335", "121.35x335", ""])
def test_event_survives_a_bad_position(bad: str) -> None:
    """Coordinates that can't be cost the fix and never the alarm."""
    reading = one(sentence("GTTSW", "1,0,").replace("121.354335", bad))
    assert reading.seal_events == SealEvent.TAMPERED
    assert reading.flags & Flag.POSITION_REFUSED
    assert reading.latitude_deg is None
    assert iso(reading.occurred_at_ms) == "2026-11-23T06:29:01.000Z"


@pytest.mark.parametrize(
    ("accuracy", "fix", "sent", "occurred", "kind"),
    [
        ("1", FIX, SENT, "2026-11-23T06:29:00.000Z", FixKind.GNSS),
        ("1", FIX, "20261123022901", "2026-11-23T06:29:00.000Z", FixKind.GNSS),  # device set to UTC-4
        ("1", FIX, "20261123142901", "2026-11-23T06:29:00.000Z", FixKind.GNSS),  # UTC+8
        ("1", "20261120000000", SENT, "2026-11-23T06:29:01.000Z", FixKind.STALE),  # days old
        ("0", "20261120000000", SENT, "2026-11-23T06:29:01.000Z", FixKind.STALE),
        ("0", "20261123052900", "20261123022901", "2026-11-23T05:29:00.000Z", FixKind.STALE),
        ("1", "20261323062900", SENT, "2026-11-23T06:29:01.000Z", FixKind.GNSS),  # month 13
        ("1", FIX, "", "2026-11-23T06:29:00.000Z", FixKind.GNSS),
    ],
)
def test_time(accuracy: str, fix: str, sent: str, occurred: str, kind: FixKind) -> None:
    """A fresh fix has its own time; a report without one the send time, but never one before its fix."""
    reading = one(sentence("GTSOS", "0,0,1,", accuracy=accuracy, fix=fix, sent=sent))
    assert (iso(reading.occurred_at_ms), reading.fix_kind) == (occurred, kind)


def test_copy_from_memory_is_the_same_report() -> None:
    """+BUFF with the send time and count of +RESP has its identity, however late it comes."""
    first = one(sentence("GTTSW", "1,0,"))
    later = one(sentence("GTTSW", "1,0,", prefix="BUFF"), RECEIVED_AT_MS + 86_400_000)
    assert later.reading_id == first.reading_id
    assert (later.occurred_at_ms, later.sequence) == (first.occurred_at_ms, first.sequence)
    assert later.flags == Flag.BUFFERED
    assert first.flags == Flag.NONE


def test_other_reports_are_others() -> None:
    """Kind, count and send time each tell reports apart, and so do the positions of one sentence."""
    base = sentence("GTTSW", "1,0,")
    others = [
        base,
        base.replace("TSW", "LSW"),
        base.replace("11F0", "11F1"),
        base.replace(SENT, "20261123062902"),
    ]
    assert len({one(each).reading_id for each in others}) == len(others)
    two = f"1,{PLACE.format(fix=FIX)},1,{PLACE.format(fix='20261123062930')}"
    readings = DECODER.decode(
        f"+RESP:GTFRI,1A0102,{IMEI},,0,0,2,{two},{SENT},11F0$".encode(), None, RECEIVED_AT_MS
    )
    assert len({reading.reading_id for reading in readings}) == 2
    assert [iso(reading.occurred_at_ms) for reading in readings] == [
        "2026-11-23T06:29:00.000Z",
        "2026-11-23T06:29:30.000Z",
    ]


def test_a_count_that_starts_again_without_a_clock_is_no_copy() -> None:
    """While the clock isn't set, the content tells reports apart, too."""
    first = sentence("GTTSW", "1,0,", accuracy="0", fix="", sent="20000101000005")
    second = first.replace("31.222073", "31.222074")
    assert one(first).flags & Flag.CLOCK_UNSET
    assert one(first).reading_id != one(second).reading_id


def heard(frame: bytes) -> tuple[str | None, bytes | None, bytes]:
    """Identity, message and answer of one frame of a new conversation."""
    told = WIRE.dialogue().hear(frame, RECEIVED_AT_MS)
    return told.identity, told.message, told.answer


def test_answers() -> None:
    """A report is answered by its count, a heartbeat with its version; a heartbeat is not kept."""
    report = sentence("GTFRI", "0,0,1,").encode()
    assert heard(report) == (IMEI, report, b"+SACK:11F0$")
    beat = f"+ACK:GTHBD,1A0401,{IMEI},,{SENT},01aF$".encode()
    assert heard(beat) == (IMEI, None, b"+SACK:GTHBD,1A0401,01AF$")
    with pytest.raises(DecodeError, match="unknown_header"):
        heard(b"+RESP:rubbish$")
    assert heard(f"+RESP:GTINF,{IMEI},12$".encode())[2] == b""


def test_framing_at_every_cut() -> None:
    """However a stream is cut, its sentences come out whole, line ends dropped and noise by itself."""
    frames = [
        sentence("GTFRI", "0,0,1,").encode(),
        b"noise",
        f"+ACK:GTHBD,1A0401,{IMEI},,{SENT},11F0$".encode(),
    ]
    stream = frames[0] + b"\r\n\0" + frames[1] + frames[2]
    for at in range(len(stream)):
        framing = WIRE.framing()
        assert framing.cut(stream[:at]) + framing.cut(stream[at:]) == frames
        assert framing.rest() == b""


@given(st.binary(max_size=300))
def test_dialogue_takes_any_bytes(frame: bytes) -> None:
    """Whatever comes is handed on, answered or refused by name; nothing else is raised."""
    try:
        told = WIRE.dialogue().hear(frame, RECEIVED_AT_MS)
    except DecodeError:
        return
    assert told.message == frame or told.answer.startswith(b"+SACK:GTHBD")


def test_tank_sensors() -> None:
    """A GTERI has percent and litres of each tank as its mask says, and the digital sensor's raw value."""
    head = f"+RESP:GTERI,250C02,{IMEI},,{{}},,10,1,1,{PLACE.format(fix=FIX)},6786.7,,,,100,110000,1,"
    both = one(head.format("00000019") + f"0394,2,4,99.5,95.0,4,50.0,20.5,{SENT},C72B$").extra or {}
    assert (both["fuel_raw"], both["fuel_pct"], both["fuel_l"]) == (0x394, 99.5, 95.0)
    assert (both["fuel_pct_2"], both["fuel_l_2"]) == (50.0, 20.5)
    litres = one(head.format("00000010") + f"1,4,95.0,{SENT},C72B$").extra or {}
    assert (litres["fuel_l"], "fuel_pct" in litres) == (95.0, False)
    cut_off = one(head.format("00000019") + f"0394,9,4,{SENT},C72B$").extra or {}
    assert (cut_off["fuel_raw"], "fuel_l" in cut_off) == (0x394, False)


@pytest.mark.parametrize("digit", ["\xb2", "\xb9", "\u0663", "\u2460"])
def test_digits_of_other_scripts_are_no_numbers(digit: str) -> None:
    """Digits that aren't ASCII say nothing where a number is expected, and never cost the report."""
    for text in (
        f"+RESP:GTINF,1A0100,{IMEI},,41,8986,{digit},0,0,,,4.10,0,1,0,0,0,{FIX},{digit},,25.0,,,{SENT},11F0$",
        sentence("GTDIS", f",{digit}1,1,"),
        sentence("GTDAR", f"{digit},0,,,1,"),
        f"+RESP:GTERI,250C02,{IMEI},,00000018,,10,1,1,{PLACE.format(fix=FIX)},6.7,,,,1,110000,1,{digit},4,9,{SENT},1$",
        sentence("GTSOS", f"{digit},{digit},{digit},", accuracy=digit),
    ):
        for raw in (text.encode(), text.encode("latin-1", "replace")):
            (reading,) = DECODER.decode(raw, None, RECEIVED_AT_MS)
            assert (reading.device_id, reading.signal_pct) == (IMEI, None)


def test_motion_and_temperature_of_an_asset_tracker() -> None:
    """Device type C3 tells battery, motion and temperature behind the cell, below zero too."""
    text = (
        f"+RESP:GTFRI,C30303,{IMEI},,0,0,1,1,0.0,0,219.7,8.111111,50.111111,{FIX},,,,,,97,1,-3.4,{SENT},18B6$"
    )
    reading = one(text)
    assert (reading.battery_pct, reading.moving, reading.temperature_c) == (97.0, True, -3.4)


def test_position_without_its_time() -> None:
    """A position whose time is empty is one of the send time."""
    reading = one(sentence("GTTSW", "1,1,", fix=""))
    assert (reading.fix_kind, reading.latitude_deg, reading.longitude_deg) == (
        FixKind.GNSS,
        31.222073,
        121.354335,
    )
    assert iso(reading.occurred_at_ms) == "2026-11-23T06:29:01.000Z"
    assert (reading.seal_events, (reading.extra or {})["tamper_switch"]) == (SealEvent.TAMPERED, 1)


def test_hour_meter_and_analogue_inputs() -> None:
    """Between the odometer and the battery stand the hours of the engine and what the inputs measure."""
    place = "12.0,92,70.0,121.354335,31.222073,20230214013254,0460,0000,18d8,6141,00"
    trailer = "2000.0,00012:34:56,11172,,88,220100,,,20230214013255,11F0$"
    reading = one(f"+RESP:GTFRI,270B01,{IMEI},gv300w,13500,10,1,2,{place},{trailer}")
    assert (reading.odometer_km, reading.battery_pct, reading.external_v) == (2000.0, 88.0, 13.5)
    assert reading.extra is not None
    assert reading.extra["hour_meter_s"] == 12 * 3600 + 34 * 60 + 56
    assert (reading.extra["analog_1"], "analog_2" in reading.extra) == (11_172, False)
