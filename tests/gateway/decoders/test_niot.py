"""NIOT e-seal: fields, alarms, damage, answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decoders.niot import DECODER, WIRE, checksum
from sealtrail.contract.clock import iso, parse_iso
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.reading import FixKind, Flag, Reading, SealEvent

RECEIVED_AT_MS = parse_iso("2026-11-23T06:30:00Z")
FRAME = bytes.fromhex(
    "585880004c08675430347318522007161451458024b28003f566ee00000328f8000748217ffc500729007a28"
    "0000000000160001383932353430323130363431363738373136323100050002004e00570d"
)
TIME, LATITUDE, SPEED, COURSE, GNSS, STATUS, SEAL = 13, 19, 27, 29, 31, 36, 76


def changed(*changes: tuple[int, str]) -> bytes:
    """The real frame with bytes replaced, and its checksum made right again."""
    frame = bytearray(FRAME)
    for at, digits in changes:
        value = bytes.fromhex(digits)
        frame[at : at + len(value)] = value
    frame[-2] = checksum(bytes(frame[:-2]))
    return bytes(frame)


def decoded(frame: bytes) -> Reading:
    """The reading of a frame."""
    (reading,) = DECODER.decode(frame, None, RECEIVED_AT_MS)
    return reading


def test_real_frame() -> None:
    """The published frame has its place, time, speed, course and mileage, and nothing has happened."""
    reading = decoded(FRAME)
    assert iso(reading.occurred_at_ms) == "2020-07-16T14:51:45.000Z"
    assert (reading.latitude_deg, reading.longitude_deg) == (-1.3361067, 36.8968433)
    assert (reading.speed_kmh, reading.course_deg, reading.odometer_km) == (0, 328, 477.217)
    assert (reading.fix_kind, reading.seal_events, reading.mounted) == (FixKind.GNSS, SealEvent.NONE, None)
    assert (reading.extra or {})["iccid"] == "89254021064167871621"


@pytest.mark.parametrize("bit", range(16))
def test_each_bit_of_the_seal(bit: int) -> None:
    """Bit 4 is tampering, bit 5 removal; the others of the e-seal's word raise nothing."""
    reading = decoded(changed((SEAL, f"{0x004E ^ 1 << bit:04x}")))
    assert reading.seal_events == (SealEvent.TAMPERED if bit in (4, 5) else SealEvent.NONE)
    assert reading.mounted is (False if bit == 5 else None)


@pytest.mark.parametrize("bit", range(16))
def test_each_bit_of_the_status(bit: int) -> None:
    """A bit that is set in every sound frame and isn't here is an alarm."""
    reading = decoded(changed((STATUS, f"{0x7FFC ^ 1 << bit:04x}")))
    assert reading.seal_events == (SealEvent.TAMPERED if 2 <= bit <= 14 else SealEvent.NONE)


def test_an_event_survives_a_bad_clock_and_place() -> None:
    """A tampered seal whose clock and place are no values is still a tampered seal."""
    reading = decoded(changed((TIME, "ffffffffffff"), (LATITUDE, "7fffffff"), (SEAL, "005e")))
    assert reading.seal_events == SealEvent.TAMPERED
    assert reading.flags == Flag.CLOCK_UNSET | Flag.POSITION_REFUSED
    assert reading.occurred_at_ms == RECEIVED_AT_MS


def test_numbers_that_are_none_cost_themselves() -> None:
    """A course of 999° and a speed in other than decimal digits are left out."""
    reading = decoded(changed((SPEED, "00af"), (COURSE, "0999")))
    assert (reading.speed_kmh, reading.course_deg) == (None, None)
    assert reading.latitude_deg is not None


def test_supply_antenna_and_old_place() -> None:
    """Without bit 7 the place is an old one; the pairs of bits below it are antenna and supply."""
    reading = decoded(changed((GNSS, "00")))
    assert reading.fix_kind == FixKind.STALE
    assert (reading.extra or {})["antenna_fault"] is True
    assert (reading.extra or {})["supply_fault"] is True


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"", "unknown_header"),
        (b"xX" + FRAME[2:], "unknown_header"),
        (FRAME[:-1], "bad_length"),
        (FRAME + b"\x0d", "bad_length"),
        (FRAME[:-1] + b"\x0a", "bad_ending"),
        (FRAME[:20] + b"\x99" + FRAME[21:], "bad_checksum"),
        (changed((2, "81")), "unknown_message"),
        (changed((5, "0f")), "bad_identity"),
    ],
)
def test_refused_by_name(frame: bytes, reason: str) -> None:
    """What isn't a sound report is refused under the name of what is wrong."""
    with pytest.raises(DecodeError) as refusal:
        DECODER.decode(frame, None, RECEIVED_AT_MS)
    assert refusal.value.reason == reason


def test_answer() -> None:
    """A report's answer repeats its checksum and type, and goes with the message."""
    heard = WIRE.dialogue().hear(FRAME, RECEIVED_AT_MS)
    assert (heard.identity, heard.message) == ("867543034731852", FRAME)
    assert heard.answer == bytes.fromhex("5858000005578000d20d")
    with pytest.raises(DecodeError, match="bad_checksum"):
        WIRE.dialogue().hear(FRAME[:20] + b"\x99" + FRAME[21:], RECEIVED_AT_MS)


@given(cuts=st.lists(st.integers(0, 2 * len(FRAME)), max_size=8))
def test_framing_does_not_depend_on_fragments(cuts: list[int]) -> None:
    """The same bytes give the same frames, wherever they are cut."""
    edges = [0, *sorted(cuts), 2 * len(FRAME)]
    framing = WIRE.framing()
    data = FRAME + changed((SEAL, "005e"))
    frames = [frame for at in range(len(edges) - 1) for frame in framing.cut(data[edges[at] : edges[at + 1]])]
    assert frames == [FRAME, changed((SEAL, "005e"))]
    assert framing.rest() == b""


@given(digits=st.binary(min_size=71, max_size=71))
def test_sound_frames_of_any_content(digits: bytes) -> None:
    """Any content behind a sound header and checksum is refused by name or gives values in range."""
    frame = changed((8, digits.hex()))
    try:
        reading = decoded(frame)
    except DecodeError as error:
        assert error.reason == "bad_identity"  # noqa: PT017  either outcome is right
    else:
        assert reading.speed_kmh is None or 0 <= reading.speed_kmh <= 1500
        assert reading.course_deg is None or 0 <= reading.course_deg <= 360


@pytest.mark.parametrize(
    ("supply", "event"),
    [
        (0b11, SealEvent.NONE),
        (0b10, SealEvent.POWER_LOST),
        (0b01, SealEvent.LOW_BATTERY),
        (0b00, SealEvent.NONE),
    ],
)
def test_supply(supply: int, event: SealEvent) -> None:
    """The pair of bits about the supply says whether it is lost or low."""
    reading = decoded(changed((GNSS, f"{0xE0 | supply << 3:02x}")))
    assert reading.seal_events == event
