"""GT06: alarms, damage, framing and conversation."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.decoders._crc16 import crc16_ibm, crc16_x25
from gateway.decoders._gt06_frames import opened
from gateway.decoders.gt06 import DECODER, WIRE
from gateway.wire import Heard, StreamError
from sealtrail.contract.clock import iso, parse_iso
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.reading import FixKind, Flag, Reading, SealEvent, SealState
from tests.gateway.decoders.cases import CASES
from tests.gateway.test_decoders import decoded_or_refused

RECEIVED_AT_MS = parse_iso("2026-11-23T06:30:00Z")
DEVICE = "864717003664467"
LOGIN = bytes.fromhex("78780d01086471700328358100093f040d0a")
LOGIN_WEST = bytes.fromhex("787811010864717003664467100f190a0002c6d20d0a")
TAMPER = bytes.fromhex(
    "78782da41a0509160203cf05be31f80c306530001c0010012ed000007ef40000000006428b074205041302ff0009389c0d0a"
)
PLACE = bytes.fromhex("78781f120f0a140e150bc505e51e780293a9e800540000f601006e0055da00035f240d0a")
DOOR = bytes.fromhex("7979000d940516090908081c030defbd2d0d0a")
COUNTED = bytes.fromhex("787800691710231108500200cc080c4e2fa5640c4e2fa66e0d0a")
BARE_LOGIN = bytes.fromhex("78780d010359339075005244340d0a")
FRAMES = [LOGIN, TAMPER, PLACE, COUNTED, DOOR, BARE_LOGIN, b"\x78\x78\x01\x08\r\n", PLACE]
STREAM = b"".join(FRAMES)
AT_A_PLACE = bytes.fromhex("0f0c1d0a2b21c8027ac8040c46581000146f")
REAL = [
    opened(case.frame)
    for case in CASES
    if case.family == "gt06" and case.refused is None and case.name != "two-in-one-read"
]
CELL = bytes.fromhex("0901cc00287d001f71")


def framed(kind: int, body: bytes, serial: int = 7, *, extended: bool = False) -> bytes:
    """A frame around a body."""
    checked = (len(body) + 5).to_bytes(2 if extended else 1) + bytes([kind]) + body + serial.to_bytes(2)
    return (b"\x79\x79" if extended else b"\x78\x78") + checked + crc16_x25(checked).to_bytes(2) + b"\r\n"


def decoded(kind: int, body: bytes, *, extended: bool = False) -> Reading:
    """The reading of one made frame."""
    (reading,) = DECODER.decode(framed(kind, body, extended=extended), DEVICE, RECEIVED_AT_MS)
    return reading


def alarm(code: int, place: bytes = AT_A_PLACE, kind: int = 0x16, terminal: int = 0x40) -> Reading:
    """The reading of an alarm: battery level 4, signal 3."""
    return decoded(kind, place + CELL + bytes([terminal, 4, 3, code, 2]))


def test_checksums() -> None:
    """Both sums give the published check values of their catalogue."""
    assert crc16_x25(b"123456789") == 0x906E
    assert crc16_ibm(b"123456789") == 0xBB3D


def test_the_sample() -> None:
    """The frame of the datasheet: place, time and tamper."""
    (reading,) = DECODER.decode(TAMPER, DEVICE, RECEIVED_AT_MS)
    assert iso(reading.occurred_at_ms) == "2026-05-09T22:02:03.000Z"
    assert (reading.latitude_deg, reading.longitude_deg) == (53.5281733, -113.6101244)
    assert reading.seal_events == SealEvent.TAMPERED


@pytest.mark.parametrize(
    ("code", "event"),
    [
        (0x00, SealEvent.NONE),
        (0x01, SealEvent.SOS),
        (0x02, SealEvent.POWER_LOST),
        (0x11, SealEvent.POWER_LOST),
        (0x03, SealEvent.SHOCK),
        (0x04, SealEvent.GEOFENCE_ENTERED),
        (0x05, SealEvent.GEOFENCE_LEFT),
        (0x09, SealEvent.SHOCK | SealEvent.ILLEGAL_MOVEMENT),
        (0x0C, SealEvent.TAMPERED),
        (0x13, SealEvent.TAMPERED),
        (0x25, SealEvent.TAMPERED),
        (0x32, SealEvent.TAMPERED),
        (0x0E, SealEvent.LOW_BATTERY),
        (0x0F, SealEvent.LOW_BATTERY),
        (0x19, SealEvent.LOW_BATTERY),
        (0x14, SealEvent.DOOR_OPENED),
        (0x18, SealEvent.TAMPERED),
        (0x30, SealEvent.JAMMING),
        (0x33, SealEvent.CLOSED),
        (0x34, SealEvent.OPENED),
        (0xE8, SealEvent.NONE),
    ],
)
@pytest.mark.parametrize("kind", [0x16, 0x26, 0x27])
def test_alarms(code: int, event: SealEvent, kind: int) -> None:
    """Each alarm byte gives its event in every type of alarm; an unknown one stays by number."""
    reading = alarm(code, kind=kind)
    assert reading.seal_events == event
    assert (reading.extra or {}).get("alarm_code") == (code or None)
    assert (reading.battery_pct, reading.signal_pct) == (66.7, 75.0)


@pytest.mark.parametrize(
    ("bits", "event"),
    [
        (1, SealEvent.SHOCK),
        (2, SealEvent.POWER_LOST),
        (3, SealEvent.LOW_BATTERY),
        (4, SealEvent.SOS),
        (7, SealEvent.TAMPERED),
        (0, SealEvent.NONE),
    ],
)
def test_terminal_information(bits: int, event: SealEvent) -> None:
    """The alarm bits of the terminal information count in a heartbeat as in an alarm."""
    heartbeat = decoded(0x13, bytes([0x40 | bits << 3, 4, 3, 0, 2]))
    assert heartbeat.seal_events == event
    assert alarm(0, terminal=0x40 | bits << 3).seal_events == event
    assert heartbeat.flags == Flag.CLOCK_UNSET


def test_event_survives_a_bad_position_and_no_clock() -> None:
    """Latitude beyond the pole and a date of zeros: the unlocking stands, at its receipt."""
    reading = alarm(0x34, bytes(6) + b"\xc8" + b"\xff" * 4 + AT_A_PLACE[11:])
    assert reading.seal_events == SealEvent.OPENED
    assert reading.flags & Flag.POSITION_REFUSED
    assert reading.flags & Flag.CLOCK_UNSET
    assert reading.occurred_at_ms == RECEIVED_AT_MS


@pytest.mark.parametrize(
    ("course", "latitude", "longitude", "kind"),
    [
        (0x1400, 23.1116822, 114.4092533, FixKind.GNSS),
        (0x1000, -23.1116822, 114.4092533, FixKind.GNSS),
        (0x1C00, 23.1116822, -114.4092533, FixKind.GNSS),
        (0x0400, 23.1116822, 114.4092533, FixKind.STALE),
    ],
)
def test_hemispheres(course: int, latitude: float, longitude: float, kind: FixKind) -> None:
    """The course word tells hemispheres and whether there is a fix."""
    reading = decoded(0x10, AT_A_PLACE[:16] + course.to_bytes(2))
    assert (reading.latitude_deg, reading.longitude_deg) == (latitude, longitude)
    assert reading.fix_kind == kind
    assert (reading.speed_kmh is None) == (kind == FixKind.STALE)


def test_zero_is_no_place() -> None:
    """Zero coordinates are how the field is filled without a fix."""
    assert decoded(0x10, AT_A_PLACE[:7] + bytes(11)).fix_kind == FixKind.NONE


@pytest.mark.parametrize(("state", "is_open"), [(0, False), (1, True), (3, True), (2, False)])
def test_door(state: int, is_open: bool) -> None:  # noqa: FBT001  a column of the table
    """Information about the door is its state and its event, with and without a time."""
    reading = decoded(0x94, bytes([5, state]), extended=True)
    assert reading.door_open is is_open
    assert reading.seal_events == (SealEvent.DOOR_OPENED if is_open else SealEvent.DOOR_CLOSED)


@pytest.mark.parametrize(
    ("status", "event", "state"),
    [
        (0x00, SealEvent.NONE, SealState.UNKNOWN),
        (0xA0, SealEvent.CLOSED, SealState.SEALED),
        (0xA1, SealEvent.OPENED, SealState.UNLOCKED),
        (0xA2, SealEvent.LOW_BATTERY, SealState.UNKNOWN),
        (0xA5, SealEvent.OPENED | SealEvent.DOOR_OPENED, SealState.UNLOCKED),
    ],
)
def test_padlock(status: int, event: SealEvent, state: SealState) -> None:
    """A padlock's report in parts gives what was done to it, with and without a place."""
    rest = bytes([0, 0, 0, status, 0])
    without = decoded(0x33, AT_A_PLACE[:6] + b"\0" + rest, extended=True)
    placed = decoded(0x33, AT_A_PLACE[:6] + b"\x0c" + AT_A_PLACE[6:] + rest, extended=True)
    for reading in (without, placed):
        assert (reading.seal_events, reading.seal_state) == (event, state)
    assert (without.fix_kind, placed.fix_kind) == (FixKind.NONE, FixKind.GNSS)
    assert placed.latitude_deg == 23.1116822


def test_heartbeat_of_a_padlock() -> None:
    """Type 23 has a voltage where type 13 has a level."""
    reading = decoded(0x23, bytes.fromhex("c00172040001"))
    assert (reading.battery_v, reading.battery_pct, reading.signal_pct) == (3.7, None, 100.0)


def test_times_without_date_are_told_apart() -> None:
    """Two equal alarms without a time are two; a copy with a time and another serial number is one."""
    cell_alarm = framed(0xA5, bytes.fromhex("012ed0000075df00000000009866150205041300"))
    first, second = (
        DECODER.decode(cell_alarm, DEVICE, RECEIVED_AT_MS + later)[0].reading_id for later in (0, 60_000)
    )
    assert first != second
    body = AT_A_PLACE + CELL + bytes([0x40, 4, 3, 0x34, 2])
    copies = {
        DECODER.decode(framed(0x16, body, serial), DEVICE, RECEIVED_AT_MS + serial)[0].reading_id
        for serial in (1, 2)
    }
    assert len(copies) == 1


def test_login_before_reports() -> None:
    """A login in the same bytes names the device, and the zone of its clock."""
    (plain,) = DECODER.decode(PLACE, DEVICE, RECEIVED_AT_MS)
    (west,) = DECODER.decode(LOGIN_WEST + PLACE, None, RECEIVED_AT_MS)
    assert west.device_id == DEVICE
    assert west.occurred_at_ms - plain.occurred_at_ms == 4 * 3_600_000


def test_impossible_speed_costs_only_itself() -> None:
    """The one form whose speed has two bytes: what no vehicle does isn't a speed, the place stays."""
    head = AT_A_PLACE[:15] + AT_A_PLACE[16:18]
    for speed_kmh, expected in ((1583, None), (83, 83.0)):
        reading = decoded(0x95, b"\xff\xff\x01" + head + speed_kmh.to_bytes(2) + b"\0\0\x80\0\0")
        assert (reading.speed_kmh, reading.fix_kind) == (expected, FixKind.GNSS)
        assert reading.seal_events == SealEvent.SHOCK | SealEvent.SOS


def test_unknown_form_keeps_time_and_place() -> None:
    """An alarm of another form isn't guessed at: time and place, and a mark that it wasn't read."""
    reading = decoded(0x16, AT_A_PLACE + CELL + b"\x40")
    assert reading.fix_kind == FixKind.GNSS
    assert (reading.extra or {})["unread"] is True


@settings(max_examples=300, deadline=None)
@given(st.integers(3 * 8, (len(TAMPER) - 2) * 8 - 1))
def test_a_flipped_bit_is_refused(bit: int) -> None:
    """Any single wrong bit after the length is found by the checksum."""
    frame = bytearray(TAMPER)
    frame[bit // 8] ^= 1 << bit % 8
    with pytest.raises(DecodeError, match="bad_crc"):
        DECODER.decode(bytes(frame), DEVICE, RECEIVED_AT_MS)


@settings(max_examples=600, deadline=None)
@given(data=st.data())
def test_sound_frames_of_any_content(data: st.DataObject) -> None:
    """A right checksum over any content of any type gives readings in range or a refusal by name."""
    kind, extended = data.draw(st.integers(0, 255)), data.draw(st.booleans())
    body = bytearray(
        data.draw(st.one_of(st.binary(max_size=80), st.just(AT_A_PLACE + CELL + b"\x40\4\3\0\2")))
    )
    if data.draw(st.booleans()):
        real = data.draw(st.sampled_from(REAL))
        kind, extended, body = real.kind, real.extended, bytearray(real.body)
    for _ in range(data.draw(st.integers(0, 3))):
        if body:
            body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    whole = bytes(body)[: data.draw(st.integers(0, len(body)))] if data.draw(st.booleans()) else bytes(body)
    decoded_or_refused("gt06", framed(kind, whole[:240], extended=extended), DEVICE)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, len(STREAM)), max_size=15))
def test_framing_knows_no_fragments(cuts: list[int]) -> None:
    """The same bytes give the same frames, wherever they are torn."""
    framing = WIRE.framing()
    edges = [0, *sorted(cuts), len(STREAM)]
    found = [frame for at, end in itertools.pairwise(edges) for frame in framing.cut(STREAM[at:end])]
    assert found == FRAMES
    assert framing.rest() == b""


@settings(max_examples=200, deadline=None)
@given(
    noise=st.lists(
        st.one_of(st.binary(max_size=12), st.sampled_from([b"\x78\x78", b"\x79\x79", b"\r\n"])), max_size=6
    ),
    cuts=st.lists(st.integers(0, 300), max_size=8),
)
def test_noise_is_cut_alike(noise: list[bytes], cuts: list[int]) -> None:
    """Noise between frames gives the same pieces, wherever the bytes are torn."""
    stream = b"".join(each + PLACE for each in noise) + PLACE
    whole = WIRE.framing()
    expected = whole.cut(stream)
    torn = WIRE.framing()
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    found = [frame for at, end in itertools.pairwise(edges) for frame in torn.cut(stream[at:end])]
    assert found == expected
    assert torn.rest() == whole.rest()


def test_noise_without_an_end_is_given_up() -> None:
    """A stream in which no frame begins ends the connection, and little is kept until then."""
    framing = WIRE.framing()
    assert framing.cut(b"a" * 4000) == []
    with pytest.raises(StreamError, match="no_start_mark"):
        framing.cut(b"a" * 100)


def test_start_marks_without_frames() -> None:
    """Start marks alone are one piece of noise; the frame after it is found, and endless noise is the end."""
    noise = b"x" * 3000 + bytes(200)
    assert WIRE.framing().cut(noise + PLACE) == [noise, PLACE]
    with pytest.raises(StreamError, match="no_start_mark"):
        WIRE.framing().cut(b"x" * 5000)


def test_conversation() -> None:
    """Login, heartbeat, alarm and the question for the time are answered with the serial number."""
    talk = WIRE.dialogue()
    login = talk.hear(LOGIN, RECEIVED_AT_MS)
    assert login == Heard(identity="864717003283581", answer=framed(0x01, b"", 9))
    heartbeat = framed(0x13, bytes.fromhex("4604030002"), 0x1234)
    assert talk.hear(heartbeat, RECEIVED_AT_MS) == Heard(message=heartbeat, answer=framed(0x13, b"", 0x1234))
    assert talk.hear(TAMPER, RECEIVED_AT_MS) == Heard(message=TAMPER, answer=framed(0xA4, b"", 9))
    assert talk.hear(PLACE, RECEIVED_AT_MS) == Heard(message=PLACE)
    asked = talk.hear(framed(0x8A, b"", 6), RECEIVED_AT_MS)
    assert asked == Heard(answer=framed(0x8A, bytes([26, 11, 23, 6, 30, 0]), 6))
    with pytest.raises(DecodeError, match="identity_mismatch"):
        talk.hear(LOGIN_WEST, RECEIVED_AT_MS)


def test_answer_of_the_makers_document() -> None:
    """The login's answer is the maker's own example."""
    login = framed(0x01, bytes.fromhex("0123456789012345"), 1)
    assert WIRE.dialogue().hear(login, RECEIVED_AT_MS).answer == bytes.fromhex("787805010001d9dc0d0a")


def test_zone_goes_with_every_message() -> None:
    """A message of a device with a local clock has its login before it and is read by itself."""
    talk = WIRE.dialogue()
    talk.hear(LOGIN_WEST, RECEIVED_AT_MS)
    assert talk.hear(PLACE, RECEIVED_AT_MS).message == LOGIN_WEST + PLACE


def test_conversation_without_checksums() -> None:
    """The dialect that counts is answered in its own form."""
    talk = WIRE.dialogue()
    assert talk.hear(BARE_LOGIN, RECEIVED_AT_MS) == Heard(
        identity="359339075005244", answer=bytes.fromhex("787801010d0a")
    )
    assert talk.hear(b"\x78\x78\x01\x08\r\n", RECEIVED_AT_MS) == Heard()
    assert talk.hear(COUNTED, RECEIVED_AT_MS).answer == bytes.fromhex("787800691710231108500d0a")


def test_reports_before_the_login_are_not_answered() -> None:
    """A report of nobody is refused, so that the device logs in again and repeats it."""
    with pytest.raises(DecodeError, match="no_login"):
        WIRE.dialogue().hear(TAMPER, RECEIVED_AT_MS)


def test_damaged_frames_are_not_answered() -> None:
    """A frame with a wrong checksum is refused by the conversation, too."""
    with pytest.raises(DecodeError, match="bad_crc"):
        WIRE.dialogue().hear(TAMPER[:-3] + b"\0\r\n", RECEIVED_AT_MS)


def test_zone_of_the_registry() -> None:
    """The operator's word about a device's clock goes before what its login says."""
    at_ms = DECODER.decode(PLACE, DEVICE, RECEIVED_AT_MS)[0].occurred_at_ms
    for frames in (PLACE, LOGIN_WEST + PLACE):
        reading = DECODER.in_zone(7_200_000).decode(
            frames, None if frames != PLACE else DEVICE, RECEIVED_AT_MS
        )[0]
        assert reading.occurred_at_ms == at_ms - 7_200_000


@pytest.mark.parametrize("kind", [0x63, 0x65, 0x66, 0x98])
def test_types_without_a_public_table(kind: int) -> None:
    """A sound report of such a type says that the device lives, with its bytes; it isn't refused."""
    reading = decoded(kind, b"\x05\x01")
    assert (reading.seal_events, reading.extra) == (
        0,
        {"rest": "0501", "type": f"{kind:02x}", "serial_number": 7},
    )


def test_a_supply_that_cannot_be_is_not_kept() -> None:
    """A battery of 653.89 V in a frame of modules is left out, one of 3.9 V is kept."""
    assert decoded(0x36, bytes.fromhex("1802ff6d")).battery_v is None
    assert decoded(0x36, bytes.fromhex("18020186")).battery_v == 3.9
