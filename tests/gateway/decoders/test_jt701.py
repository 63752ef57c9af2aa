"""Jointech JT701: the table of known frames, the status word, identities, text words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decoders.jt701 import ANSWER, DECODER, WIRE
from sealtrail.contract.clock import iso, parse_iso
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.reading import FixKind, Flag, Reading, SealEvent, SealState
from tests.shared import shared_rows

RECEIVED_AT_MS = parse_iso("2026-11-23T06:30:00Z")
LIVE = bytes.fromhex(
    "2475604055531611002311111600311326144436028210791d016c0000001f070000000020c03c4f6d07d80ccf"
)
STATUS = slice(36, 38)
BATTERY = 38

# beginning of the frame, time, place, status, battery (None = charging), kind of fix
KNOWN = [
    ("2480413009781914", "2021-10-06T07:54:43", (54.322718, -6.355705), "20e0", 100, FixKind.GNSS),
    ("2478807035371711", "2019-08-19T20:06:18", (51.634760, -3.427038), "20c0", None, FixKind.GNSS),
    ("2475801263981711", "2018-06-13T13:33:37", (23.836037, 90.369263), "20c0", 85, FixKind.GNSS),
    ("2480433966040111", "2019-03-18T19:19:58", (22.707583, 114.264813), "00f0", 15, FixKind.STALE),
    ("2475604055531611", "2016-11-11T00:31:13", (-26.240727, 28.351318), "20c0", 60, FixKind.GNSS),
    ("2475810297431713", "2000-01-01T00:03:01", None, "20e0", 100, FixKind.NONE),
]

STATES = [
    (0x00C0, SealState.SEALED),
    (0x0040, SealState.FAULT),  # the motor is open, and nobody says that it was opened
    (0x0140, SealState.UNLOCKED),
    (0x0080, SealState.OPEN),
    (0x0000, SealState.OPEN),
    (0x00C8, SealState.CUT),
    (0x0008, SealState.CUT),
]

EVENTS = {
    1: SealEvent.GEOFENCE_ENTERED,
    2: SealEvent.GEOFENCE_LEFT,
    3: SealEvent.CUT,
    4: SealEvent.SHOCK,
    8: SealEvent.OPENED,
    9: SealEvent.WRONG_PASSWORD,
    10: SealEvent.BAD_CARD,
    11: SealEvent.LOW_BATTERY,
    12: SealEvent.TAMPERED,
    14: SealEvent.LOCK_FAULT,
}


def decoded(frame: bytes) -> list[Reading]:
    """Readings of a frame whose device nobody vouches for."""
    return DECODER.decode(frame, None, RECEIVED_AT_MS)


def with_status(status: int, *, data_type: int = 1) -> bytes:
    """A real frame with another status word: the format has no checksum, so the frame stays sound.

    No published frame has the rope-cut bit set; this is the only way to have one.
    """
    frame = bytearray(LIVE)
    frame[STATUS] = status.to_bytes(2, "big")
    frame[7] = frame[7] & 0xF0 | data_type
    return bytes(frame)


@pytest.mark.parametrize(("start", "time", "place", "status", "battery", "kind"), KNOWN)
def test_known_frame(
    start: str,
    time: str,
    place: tuple[float, float] | None,
    status: str,
    battery: int | None,
    kind: FixKind,
) -> None:
    """The real frames have the time, place, status and battery that are known of them."""
    (frame,) = (
        row["frame"] for row in shared_rows("vectors/traccar/jt600.jsonl") if row["frame"].startswith(start)
    )
    (reading,) = decoded(bytes.fromhex(frame))
    claimed_ms = reading.occurred_at_ms if reading.device_time_ms is None else reading.device_time_ms
    assert iso(claimed_ms) == f"{time}.000Z"
    assert bool(reading.flags & Flag.CLOCK_UNSET) == time.startswith("2000")
    assert reading.fix_kind == kind
    if place is None:
        assert reading.latitude_deg is None
    else:
        assert (reading.latitude_deg, reading.longitude_deg) == pytest.approx(place, abs=1e-6)
    assert reading.extra is not None
    assert reading.extra["status"] == status
    assert reading.battery_pct == battery
    assert bool(reading.flags & Flag.CHARGING) == (battery is None)


@pytest.mark.parametrize(("status", "state"), STATES)
def test_seal_state(status: int, state: SealState) -> None:
    """Rope, motor and the cut bit give the level of the seal; cut comes first."""
    assert decoded(with_status(status))[0].seal_state == state


@pytest.mark.parametrize("bit", range(16))
def test_each_status_bit(bit: int) -> None:
    """Each bit of the status word alone gives its event, or none."""
    (reading,) = decoded(with_status(1 << bit))
    assert reading.seal_events == EVENTS.get(bit, SealEvent.NONE)
    assert (reading.fix_kind == FixKind.CELL) == (bit == 0)


@given(status=st.integers(0, 0xFFFF))
def test_no_event_hides_another(status: int) -> None:
    """Any combination of status bits gives exactly the events of its bits."""
    expected = sum(event.value for bit, event in EVENTS.items() if status >> bit & 1)
    assert decoded(with_status(status))[0].seal_events == expected


@pytest.mark.parametrize(
    ("status", "data_type", "flags"),
    [
        (0x20C0, 1, Flag.NONE),
        (0x20E0, 1, Flag.ACK_REQUIRED | Flag.BUFFERED),
        (0x20F0, 1, Flag.ACK_REQUIRED),
        (0x20F0, 3, Flag.ACK_REQUIRED | Flag.BUFFERED),
        (0x20E8, 4, Flag.ACK_REQUIRED | Flag.BUFFERED),
    ],
)
def test_live_or_from_memory(status: int, data_type: int, flags: Flag) -> None:
    """Bit 5 means alarm or memory, so without an alarm it is memory; the data type says so by itself."""
    assert decoded(with_status(status, data_type=data_type))[0].flags == flags


@pytest.mark.parametrize("battery", range(256))
def test_battery(battery: int) -> None:
    """FF is a charging device, 0 … 100 a percentage, anything between no number at all."""
    frame = bytearray(LIVE)
    frame[BATTERY] = battery
    (reading,) = decoded(bytes(frame))
    assert reading.battery_pct == (battery if battery <= 100 else None)
    assert bool(reading.flags & Flag.CHARGING) == (battery == 0xFF)


def test_copy_from_memory_is_the_same_reading() -> None:
    """A report sent again from memory (bit 5, data type, index) keeps its identity; other reports don't."""
    live = decoded(with_status(0x20C0))[0]
    again = bytearray(with_status(0x20E0, data_type=3))
    again[-1] ^= 0xFF
    assert decoded(bytes(again))[0].reading_id == live.reading_id
    assert decoded(with_status(0x20C8))[0].reading_id != live.reading_id


@given(st.lists(st.binary(min_size=17, max_size=17), min_size=2, max_size=20))
def test_records_of_one_second(bodies: list[bytes]) -> None:
    """Records of one frame with the same time are one reading if their bytes are equal and else are not."""
    head = LIVE[10:27]
    bodies = [bytes((*body[:9], body[9], body[10] & 0xDF, *body[11:])) for body in bodies]
    records = b"".join(head + body for body in bodies)
    frame = LIVE[:8] + (len(records) + 1).to_bytes(2, "big") + records + b"\x07"
    readings = decoded(frame)
    assert len(readings) == len(bodies)
    assert len({reading.reading_id for reading in readings}) == len(set(bodies))


def test_no_clock_at_all() -> None:
    """A time of zeros is a report without clock; each delivery counts, since nothing tells them apart."""
    frame = bytearray(with_status(0x20C8))
    frame[10:16] = bytes(6)
    (first,) = DECODER.decode(bytes(frame), None, RECEIVED_AT_MS)
    (second,) = DECODER.decode(bytes(frame), None, RECEIVED_AT_MS + 60_000)
    assert first.flags & Flag.CLOCK_UNSET
    assert first.seal_events & SealEvent.CUT
    assert first.reading_id != second.reading_id


@pytest.mark.parametrize("damage", [b"\xfa\x00\x00\x00", b"\x91\x00\x00\x00", b"\x22\x60\x00\x00"])
def test_bad_latitude_keeps_the_cut(damage: bytes) -> None:
    """A latitude that is no BCD, beyond the pole or of 60 minutes costs the fix and nothing else."""
    frame = bytearray(with_status(0x20C8))
    frame[16:20] = damage
    (reading,) = decoded(bytes(frame))
    assert reading.seal_events == SealEvent.CUT
    assert reading.flags & Flag.POSITION_REFUSED
    assert reading.latitude_deg is None
    assert reading.longitude_deg is None


@pytest.mark.parametrize(
    ("unlock", "card", "password", "wrong", "events"),
    [
        ("1", "0012260888", "0", "0", SealEvent.OPENED),
        ("0", "0012260888", "0", "0", SealEvent.BAD_CARD),
        ("0", "0000000000", "1", "0", SealEvent.OPENED),
        ("0", "0000000000", "0", "3", SealEvent.WRONG_PASSWORD),
        ("1", "0012260888", "0", "2", SealEvent.OPENED | SealEvent.WRONG_PASSWORD),
        ("0", "0000000000", "0", "0", SealEvent.NONE),
    ],
)
def test_lock_event(unlock: str, card: str, password: str, wrong: str, events: SealEvent) -> None:
    """P45 names what was done and by which card; a card of zeros is none."""
    frame = f"(2050018634,P45,051124,204046,9.86,N,83.95,W,A,1,0,1,{unlock},{card},{password},{wrong},12)"
    (reading,) = decoded(frame.encode())
    assert reading.seal_events == events
    assert reading.card_id == (card if card.strip("0") else None)
    assert reading.seal_state == SealState.UNKNOWN


def test_escaped_sensor_frame() -> None:
    """The escaped form of a paren-binary frame, as it comes over TCP, gives the same values."""
    (row,) = (row for row in shared_rows("vectors/traccar/jt600.jsonl") if row["msg"] == "paren-binary")
    frame = bytes.fromhex(row["frame"])
    body = bytearray(frame[frame.index(b"WLNET,5,2,") + 10 : -1])
    body[28] = ord(")")
    prefix = frame[: -len(body) - 1]
    plain = prefix + bytes(body) + b")"
    escaped = prefix + bytes(body).replace(b")", bytes((0x3D, ord(")") ^ 0x3D))) + b")"
    assert escaped != plain
    (first,), (second,) = decoded(plain), decoded(escaped)
    assert first.temperature_c == second.temperature_c == 27.5
    assert first.extra == second.extra


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"(abc,P45)", "bad_identity"),
        (b"(8000632862,P45,290322,132412)", "missing_field"),
        (b"(8000632862,P45,290322,139912,1.0,N,1.0,E,A,0,0,5,0,0000000000,0,0,9)", "bad_time"),
        (b"(8000632862,P45,290322,132412,1.0,N,1.0,E,A,fast,0,5,0,0000000000,0,0,9)", "bad_field"),
        (b"(8000632862,P45,290322,132412", "bad_ending"),
        (b"(8000632862,\xff)", "not_text"),
        (b"(8000632862)", "missing_field"),
        (b"%8000632862", "unknown_header"),
    ],
)
def test_refusals(frame: bytes, reason: str) -> None:
    """What is wrong with a frame has a stable name."""
    with pytest.raises(DecodeError) as refusal:
        decoded(frame)
    assert refusal.value.reason == reason


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFF), st.integers(0, 0xFF))
def test_answer_is_wanted_by_bit_5_of_the_status_alone(status: int, battery: int, index: int) -> None:
    """A long frame is answered by its index exactly where bit 5 is set, whatever stands beside the status."""
    frame = bytearray(LIVE)
    frame[STATUS] = status.to_bytes(2, "big")
    frame[BATTERY], frame[-1] = battery, index
    assert ANSWER(bytes(frame)) == (b"(P69,0,%d)" % index if status >> 5 & 1 else b"")


@given(st.binary(max_size=80))
def test_answer_never_fails(frame: bytes) -> None:
    """Whatever the bytes, there is an answer or none."""
    for head in (b"", b"$", b"("):
        assert ANSWER(head + frame).startswith(b"(P69,0,") or ANSWER(head + frame) == b""


@pytest.mark.parametrize("text", ["P43,1", "P35", "1,001,ELOCK,3,529439"])
def test_answer_to_a_command(text: str) -> None:
    """What a lock answers to a command is kept in its words and is no event."""
    (reading,) = DECODER.decode(f"(8000632862,{text})".encode(), None, RECEIVED_AT_MS)
    assert (reading.device_id, reading.seal_events, reading.seal_state) == ("8000632862", 0, 0)
    assert (reading.extra or {})["result"] == f"8000632862,{text}"


def test_question_for_the_time() -> None:
    """A lock that asks for the time hears it at once and reports nothing."""
    question = b"(8000632862,1,001,BASE,2,TIME)"
    assert DECODER.decode(question, None, RECEIVED_AT_MS) == []
    heard = WIRE.dialogue().hear(question, RECEIVED_AT_MS)
    assert (heard.identity, heard.message) == ("8000632862", None)
    assert heard.answer == b"(8000632862,1,001,BASE,2,20261123063000)"


@pytest.mark.parametrize(
    ("word", "answer"), [("U01", b"(S39)"), ("U03", b"(S39)"), ("U06,1", b"(S20)"), ("U04", b"")]
)
def test_text_reports_are_answered(word: str, answer: bytes) -> None:
    """A tracker hears of each text report that it has come, of an alarm in other words."""
    frame = (
        f"(3301210003,{word},040812,185302,T,22.5,N,113.2,E,5,152,9,32%,0011,10133,5173,22,100,1)".encode()
    )
    heard = WIRE.dialogue().hear(frame, RECEIVED_AT_MS)
    assert (heard.message, heard.answer) == (frame, answer)
    assert ANSWER(frame) == answer
