"""Teltonika: elements, damage, framing and conversation."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.decoders._crc16 import crc16_ibm
from gateway.decoders.teltonika import DECODER, WIRE
from gateway.wire import Heard, StreamError
from sealtrail.contract.clock import iso, parse_iso
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.reading import FixKind, Flag, Reading, SealEvent
from tests.gateway.decoders.cases import CASES
from tests.gateway.test_decoders import decoded_or_refused

RECEIVED_AT_MS = parse_iso("2026-11-23T06:30:00Z")
DEVICE = "356307042441013"
LOGIN = b"\0\x0f" + DEVICE.encode()
OFFICIAL = bytes.fromhex(
    "000000000000003608010000016b40d8ea30010000000000000000000000000000000105021503010101425e0f01f10000601a"
    "014e0000000000000000010000c7cf"
)
TWO_RECORDS = bytes.fromhex(
    "000000000000004308020000016b40d57b480100000000000000000000000000000001010101000000000000016b40d5c19801"
    "0000000000000000000000000000000101010101000000020000252c"
)
DATAGRAM = bytes.fromhex(
    "0049cafe0122000f33353734353430373237313339373508010000015d3766f6a800003eef961ec6215e0063006d0900310007"
    "0401000200f001c8000242381c18003201c7000000e10001"
)
STREAM = LOGIN + OFFICIAL + b"\xff" + TWO_RECORDS + OFFICIAL
FRAMES = [LOGIN, OFFICIAL, b"\xff", TWO_RECORDS, OFFICIAL]


def framed(data: bytes) -> bytes:
    """A frame around codec … second count."""
    return bytes(4) + len(data).to_bytes(4) + data + crc16_ibm(data).to_bytes(4)


def record(
    *elements: tuple[int, int, int],
    satellites: int = 9,
    event: int = 0,
    priority: int = 0,
    latitude: int = -12345678,
) -> Reading:
    """The reading of one codec 8E record at a place with these elements (id, bytes, value)."""
    body = (1_699_999_999_000).to_bytes(8) + bytes([priority]) + (153_080_315).to_bytes(4)
    body += latitude.to_bytes(4, signed=True) + bytes([0, 120, 0, 90, satellites, 0, 44])
    body += event.to_bytes(2) + len(elements).to_bytes(2)
    for size in (1, 2, 4, 8):
        mine = [(avl_id, value) for avl_id, width, value in elements if width == size]
        body += len(mine).to_bytes(2)
        for avl_id, value in mine:
            body += avl_id.to_bytes(2) + value.to_bytes(size, signed=value < 0)
    (found,) = DECODER.decode(framed(b"\x8e\1" + body + b"\0\0\1"), DEVICE, RECEIVED_AT_MS)
    return found


def test_the_makers_example() -> None:
    """The maker's first example says what its document says."""
    (reading,) = DECODER.decode(OFFICIAL, DEVICE, RECEIVED_AT_MS)
    assert iso(reading.occurred_at_ms) == "2019-06-10T10:04:46.000Z"
    assert reading.external_v == 24.079
    assert reading.signal_pct == 60.0
    assert reading.extra == {
        "priority": 1,
        "event_id": 1,
        "gsm_signal": 3,
        "digital_input_1": True,
        "gsm_operator": 24602,
    }
    assert reading.card_id is None  # the iButton element is zero


def test_milliseconds_of_the_maker() -> None:
    """Records of one frame keep their own times, in their order."""
    times = [iso(each.occurred_at_ms) for each in DECODER.decode(TWO_RECORDS, DEVICE, RECEIVED_AT_MS)]
    assert times == ["2019-06-10T10:01:01.000Z", "2019-06-10T10:01:19.000Z"]


@pytest.mark.parametrize(
    ("element", "event", "expected"),
    [
        ((236, 1, 1), 236, SealEvent.SOS),
        ((246, 1, 1), 246, SealEvent.ILLEGAL_MOVEMENT),
        ((247, 1, 3), 0, SealEvent.SHOCK),
        ((249, 1, 1), 0, SealEvent.JAMMING),
        ((249, 1, 0), 249, SealEvent.NONE),
        ((318, 1, 2), 318, SealEvent.JAMMING),
        ((252, 1, 1), 252, SealEvent.POWER_LOST),
        ((175, 1, 1), 175, SealEvent.GEOFENCE_ENTERED),
        ((155, 1, 0), 155, SealEvent.GEOFENCE_LEFT),
        ((155, 1, 0), 0, SealEvent.NONE),
        ((662, 1, 1), 662, SealEvent.DOOR_OPENED),
        ((662, 1, 0), 662, SealEvent.DOOR_CLOSED),
        ((662, 1, 1), 0, SealEvent.NONE),
        ((10809, 1, 0), 10809, SealEvent.DOOR_OPENED),
        ((10809, 1, 1), 10809, SealEvent.DOOR_CLOSED),
        ((247, 4, 3), 247, SealEvent.NONE),
    ],
)
def test_events(element: tuple[int, int, int], event: int, expected: SealEvent) -> None:
    """Elements become events by their value, those that are states only when they caused the record."""
    assert record(element, event=event).seal_events == expected


def test_panic_priority() -> None:
    """Priority 2 is the panic button, unless the record says what else it was made for: any may be set so."""
    assert record(priority=2).seal_events == SealEvent.SOS
    assert record((1, 1, 1), event=1, priority=2).seal_events == SealEvent.SOS
    assert record((236, 1, 1), event=236, priority=2).seal_events == SealEvent.SOS
    assert record((249, 1, 1), event=249, priority=2).seal_events == SealEvent.JAMMING
    assert record((239, 1, 1), event=239, priority=2).seal_events == SealEvent.NONE
    assert record(priority=1).seal_events == SealEvent.NONE


def test_door_of_the_load() -> None:
    """A door contact is a state, too; of a vehicle's doors only the load's counts."""
    assert record((662, 1, 1)).door_open is True
    assert record((90, 2, 0x2100)).door_open is True
    assert record((90, 2, 0x0F00)).door_open is False


@pytest.mark.parametrize(
    ("element", "celsius", "error"),
    [
        ((72, 4, 256), 25.6, None),
        ((72, 4, -55), -5.5, None),
        ((72, 2, 0), 0.0, None),
        ((72, 4, 850), None, 850),
        ((73, 4, 3000), None, 3000),
        ((25, 2, -1850), -18.5, None),
        ((26, 2, 3000), None, 3000),
        ((27, 2, 32767), None, 32767),
        ((10800, 2, 2000), 20.0, None),
        ((10801, 2, 32766), None, 32766),
    ],
)
def test_temperatures(element: tuple[int, int, int], celsius: float | None, error: int | None) -> None:
    """Below zero is below zero, and a documented error is no temperature."""
    reading = record(element)
    assert reading.temperature_c == celsius
    errors = [value for name, value in (reading.extra or {}).items() if name.endswith("_error")]
    assert errors == ([] if error is None else [error])


def test_no_satellites_is_a_stale_position() -> None:
    """Without satellites the position is the last known one, and motion isn't measured."""
    reading = record(satellites=0)
    assert reading.fix_kind == FixKind.STALE
    assert (reading.speed_kmh, reading.course_deg, reading.altitude_m) == (None, None, None)
    assert record((69, 1, 2)).fix_kind == FixKind.STALE
    assert record((69, 1, 1)).fix_kind == FixKind.GNSS


def test_event_survives_a_bad_position() -> None:
    """A latitude beyond the pole costs the fix, not the alarm; a value out of range only itself."""
    reading = record((249, 1, 1), (113, 1, 200), latitude=1_999_999_999)
    assert reading.seal_events == SealEvent.JAMMING
    assert reading.flags & Flag.POSITION_REFUSED
    assert reading.battery_pct is None
    assert (reading.extra or {})["refused"] == "battery_pct"


def test_unknown_elements_and_sizes_are_kept() -> None:
    """An id that isn't known, or comes in another size, is kept under its number."""
    extra = record((999, 2, 7), (66, 4, 12000), (500, 8, 0x4142434445464748)).extra or {}
    assert (extra["io_999"], extra["io_66"], extra["io_500"]) == (7, 12000, "ABCDEFGH")


def test_cards() -> None:
    """An iButton is told as people read it from its case: least significant byte first on the wire."""
    assert record((78, 8, 0x01A2B3C4D5E6F708)).card_id == "08F7E6D5C4B3A201"
    assert record((78, 8, 0)).card_id is None
    assert record((207, 8, 2**64 - 1)).card_id is None


@pytest.mark.parametrize(
    ("data", "claimed", "extra"),
    [
        ("0c010600000003414243", None, {"response": "ABC"}),
        ("0c010500000003414243", None, {"command": "ABC"}),
        ("0d0106000000075d0000f1414243", "2019-06-11T19:28:49.000Z", {"response": "ABC"}),
        ("0e01060000000b0352093081452251414243", None, {"response": "ABC"}),
        ("0e01110000000b0352093081452251414243", None, {"not_done": "ABC"}),
        ("0f01060000000f5d0000f10352093081452251414243", "2019-06-11T19:28:49.000Z", {"response": "ABC"}),
    ],
)
def test_texts(data: str, claimed: str | None, extra: dict[str, str]) -> None:
    """Codecs 12 to 15 give their text; 13 and 15 its time, 14 and 15 the device."""
    frame = framed(bytes.fromhex(data) + b"\1")
    named = data[:2] in {"0e", "0f"}
    (reading,) = DECODER.decode(frame, None if named else DEVICE, RECEIVED_AT_MS)
    assert reading.device_id == ("352093081452251" if named else DEVICE)
    assert reading.extra == extra
    assert iso(reading.occurred_at_ms) == (claimed or iso(RECEIVED_AT_MS))


def test_several_frames() -> None:
    """Frames one after the other are all decoded, or refused together."""
    assert len(DECODER.decode(STREAM, DEVICE, RECEIVED_AT_MS)) == 4
    with pytest.raises(DecodeError, match="bad_crc"):
        DECODER.decode(STREAM[:-1] + b"\0", DEVICE, RECEIVED_AT_MS)


@settings(max_examples=300, deadline=None)
@given(st.integers(8 * 8, len(OFFICIAL) * 8 - 1))
def test_a_flipped_bit_is_refused(bit: int) -> None:
    """Any single wrong bit after the length is found by the checksum."""
    frame = bytearray(OFFICIAL)
    frame[bit // 8] ^= 1 << bit % 8
    with pytest.raises(DecodeError, match="bad_crc"):
        DECODER.decode(bytes(frame), DEVICE, RECEIVED_AT_MS)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_sound_frames_of_any_content(data: st.DataObject) -> None:
    """A right checksum over any content gives readings in range or a refusal by name."""
    codec = data.draw(st.sampled_from([7, 8, 0x8E, 16, 12, 13, 14, 15, 99]))
    case = data.draw(st.sampled_from([each for each in CASES if each.family == "teltonika"]))
    body = bytearray(data.draw(st.one_of(st.binary(max_size=120), st.just(case.frame[10:-5]))))
    for _ in range(data.draw(st.integers(0, 3))):
        if body:
            body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    frame = framed(bytes([codec, 1]) + bytes(body) + b"\1")
    decoded_or_refused("teltonika", frame, DEVICE)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_framing_knows_no_fragments(cuts: list[int]) -> None:
    """The same bytes give the same frames, wherever they are torn."""
    framing = WIRE.framing()
    edges = [0, *sorted(cuts), len(STREAM)]
    found = [frame for at, end in itertools.pairwise(edges) for frame in framing.cut(STREAM[at:end])]
    assert found == FRAMES
    assert framing.rest() == b""


def test_a_datagram_is_one_frame() -> None:
    """A datagram is cut whole by the framing of TCP."""
    assert WIRE.framing().cut(DATAGRAM) == [DATAGRAM]
    assert WIRE.udp


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        (b"\0\0\0\1", "bad_preamble"),
        (bytes(4) + b"\x7f\xff\xff\xff", "frame_too_long"),
        (b"GET / HTTP/1.1\r\n", "bad_login"),
        (b"\x16\x03\x01\x02\0\x01", "bad_login"),
        (b"\0\x30" + b"1" * 48, "bad_login"),
    ],
)
def test_a_stream_that_is_no_teltonika(start: bytes, reason: str) -> None:
    """HTTP, TLS, giant lengths and a broken preamble end the connection at once."""
    with pytest.raises(StreamError) as refusal:
        WIRE.framing().cut(start)
    assert refusal.value.reason == reason


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=20))
def test_framing_of_random_bytes(chunks: list[bytes]) -> None:
    """Random bytes are cut or the stream is given up by name, and little is kept."""
    framing = WIRE.framing()
    given_up = False
    for chunk in chunks:
        try:
            framing.cut(chunk)
        except StreamError as error:
            given_up = bool(error.reason)
            break
    assert given_up or len(framing.rest()) <= 16_384


def test_conversation() -> None:
    """Login, records, ping, a command's answer: each gets what the maker's document says."""
    talk = WIRE.dialogue()
    assert talk.hear(LOGIN, RECEIVED_AT_MS) == Heard(identity=DEVICE, answer=b"\1", refusal=b"\0")
    assert talk.hear(OFFICIAL, RECEIVED_AT_MS) == Heard(message=OFFICIAL, answer=b"\0\0\0\1")
    assert talk.hear(TWO_RECORDS, RECEIVED_AT_MS).answer == b"\0\0\0\2"
    assert talk.hear(b"\xff", RECEIVED_AT_MS) == Heard()
    text = framed(bytes.fromhex("0c01060000000341424301"))
    assert talk.hear(text, RECEIVED_AT_MS) == Heard(message=text)
    with pytest.raises(DecodeError, match="identity_mismatch"):
        talk.hear(b"\0\x0f" + b"1" * 15, RECEIVED_AT_MS)


def test_conversation_by_datagram() -> None:
    """A datagram names its device and is answered with its packet ids and the count."""
    heard = WIRE.dialogue().hear(DATAGRAM, RECEIVED_AT_MS)
    assert heard == Heard(
        identity="357454072713975", message=DATAGRAM, answer=bytes.fromhex("0005cafe012201")
    )


def test_damaged_frames_are_not_acknowledged() -> None:
    """A frame with a wrong checksum gets no count, so that the device sends it again."""
    with pytest.raises(DecodeError, match="bad_crc"):
        WIRE.dialogue().hear(OFFICIAL[:-1] + b"\0", RECEIVED_AT_MS)


def test_records_before_the_login_are_not_acknowledged() -> None:
    """Records of nobody aren't counted off, since the device would delete them; nor of another device."""
    talk = WIRE.dialogue()
    with pytest.raises(DecodeError, match="no_login"):
        talk.hear(OFFICIAL, RECEIVED_AT_MS)
    talk.hear(LOGIN, RECEIVED_AT_MS)
    with pytest.raises(DecodeError, match="identity_mismatch"):
        talk.hear(DATAGRAM, RECEIVED_AT_MS)


def test_charger_and_thermometers_of_the_professional_line() -> None:
    """116 says that the battery is being charged; 701 to 704 are thermometers with the same error codes."""
    charged = record((116, 1, 1), (701, 2, -1250), (702, 2, 4000))
    assert charged.flags & Flag.CHARGING
    assert charged.temperature_c == -12.5
    assert (charged.extra or {})["ble_2_c_error"] == 4000
    assert not record((116, 1, 0)).flags & Flag.CHARGING
