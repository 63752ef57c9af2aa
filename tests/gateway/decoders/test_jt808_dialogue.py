"""JT/T 808: framing and conversation."""

from __future__ import annotations

import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decoders._jt808_dialogue import SUB_PACKET_WAIT_MS
from gateway.decoders._jt808_frame import Frame, parse
from gateway.decoders.jt808 import DECODER, WIRE
from gateway.wire import Heard
from sealtrail.contract.clock import parse_iso
from sealtrail.contract.errors import DecodeError
from tests.gateway.decoders.jt808_frames import framed, location

NOW_MS = parse_iso("2026-11-23T06:30:00Z")
LOCK_ASKS = bytes.fromhex(
    "7e55028436740190311185091607200239270613212607536108630000170a000000014600005ded05e203000000000b010d0c06"
    "005b003e00ab0a0302dc65100100a37e"
)


def answers(heard: Heard) -> list[Frame]:
    """The frames of an answer."""
    framing = WIRE.framing()
    return [parse(frame) for frame in framing.cut(heard.answer)]


def hear(frame: bytes) -> Heard:
    """What one frame means at the beginning of a conversation."""
    return WIRE.dialogue().hear(frame, NOW_MS)


def general(frame: Frame) -> tuple[int, int, int]:
    """Serial, message and result of a general answer."""
    assert frame.message_id == 0x8001
    serial, message_id, result = struct.unpack(">HHB", frame.body)
    return serial, message_id, result


STREAM = [
    framed(0x0100, bytes(37)),
    framed(0x0200, location() + bytes.fromhex("14047e7d017e"), serial=2),
    b"(740190311185,1,001,ELOCK,3,529439)",
    framed(0x0002, b"", mark=0xE7),
    framed(0x0200, location(), serial=3, version=1, identity=bytes(10)),
]


@given(cuts=st.lists(st.integers(0, sum(map(len, STREAM))), max_size=12))
def test_framing_does_not_depend_on_fragments(cuts: list[int]) -> None:
    """The same bytes give the same frames, wherever they are cut."""
    data = b"".join(STREAM)
    edges = [0, *sorted(cuts), len(data)]
    framing = WIRE.framing()
    frames = [frame for a, b in pairwise(edges) for frame in framing.cut(data[a:b])]
    assert frames == STREAM
    assert framing.rest() == b""


def test_noise_is_a_frame_that_is_refused() -> None:
    """What stands before a frame costs neither the frame nor the record of the noise."""
    frames = WIRE.framing().cut(b"GET / HTTP/1.1\r\n" + STREAM[1])
    assert frames[-1] == STREAM[1]
    with pytest.raises(DecodeError, match="unknown_header"):
        hear(frames[0])


def test_noise_does_not_swallow_frames() -> None:
    """A bracket or an E7 in the middle of garbage doesn't hide the sound frames behind it."""
    noise = b"\x01(\x02\xe7\x99\x98"
    assert WIRE.framing().cut(noise + STREAM[1] + STREAM[4])[-2:] == [STREAM[1], STREAM[4]]


def test_registration() -> None:
    """A registration is answered by 8100 with serial, success and an authentication code, or refused by 4."""
    heard = hear(framed(0x0100, bytes(37), serial=0x1234))
    (answer,) = answers(heard)
    assert (heard.identity, heard.message) == ("013812345678", None)
    assert answer.message_id == 0x8100
    assert answer.body == b"\x12\x34\x00013812345678"
    assert parse(heard.refusal).body == b"\x12\x34\x04"


def test_authentication() -> None:
    """The code that everybody gets proves nothing; any other one is the device's own."""
    heard = hear(framed(0x0102, b"013812345678"))
    assert heard.secret == b""
    assert [general(frame) for frame in answers(heard)] == [(7, 0x0102, 0)]
    assert general(parse(heard.refusal)) == (7, 0x0102, 1)
    assert hear(framed(0x0102, b"s3cret")).secret == b"s3cret"


def test_authentication_of_2019() -> None:
    """In 2019 the code has its length before it, and IMEI and version behind; the answer has its header."""
    body = b"\x06s3cret" + b"867567041100769" + b"V1".ljust(20, b"\0")
    heard = hear(framed(0x0102, body, version=1, identity=bytes(10)))
    assert heard.secret == b"s3cret"
    (answer,) = answers(heard)
    assert (answer.version, answer.identity) == (1, bytes(10))


@pytest.mark.parametrize("message_id", [0x0002, 0x0003, 0x0506])
def test_heartbeat(message_id: int) -> None:
    """A heartbeat is answered at once and leaves nothing to keep."""
    heard = hear(framed(message_id, b""))
    assert heard.message is None
    assert [general(frame) for frame in answers(heard)] == [(7, message_id, 0)]


def test_report_is_answered_with_its_message() -> None:
    """A report's answer goes with its message, so that it is sent only once the log has that."""
    frame = framed(0x0200, location(), serial=515)
    heard = hear(frame)
    assert heard.message == frame
    assert [general(each) for each in answers(heard)] == [(515, 0x0200, 0)]
    assert general(parse(heard.refusal)) == (515, 0x0200, 1)


def test_our_messages_are_numbered_one_by_one() -> None:
    """From 0, as the standard has it, whichever of answer and refusal is sent; both have one number."""
    dialogue = WIRE.dialogue()
    said = [
        framed(0x0100, bytes(37), serial=1),
        framed(0x0102, b"code", serial=2),
        framed(0x0200, location(), serial=3),
        framed(0x0704, bytes(9), serial=4, part=(1, 2)),
        framed(0x0704, bytes(9), serial=5, part=(2, 2)),
        framed(0x0002, b"", serial=6),
    ]
    heard = [dialogue.hear(frame, NOW_MS) for frame in said]
    assert [frame.serial for each in heard for frame in answers(each)] == list(range(6))
    refusals = [parse(each.refusal).serial for each in heard]
    assert refusals == [0, 1, 2, 3, 3, 5]


def test_unknown_message_is_answered_as_unsupported() -> None:
    """A message that nobody reads goes to the quarantine and the device hears 3."""
    frame = framed(0x0F00, b"?")
    heard = hear(frame)
    assert heard.message == frame
    assert [general(each) for each in answers(heard)] == [(7, 0x0F00, 3)]


def test_an_answer_is_not_answered() -> None:
    """The terminal's own general answer gets none."""
    assert hear(framed(0x0001, bytes(5))).answer == b""


def test_answer_in_the_mark_of_the_question() -> None:
    """A terminal that frames with E7 is answered so."""
    assert parse(hear(framed(0x0002, b"", mark=0xE7)).answer).mark == 0xE7


def test_time() -> None:
    """Questions for the time are answered with that of receipt, in UTC."""
    assert answers(hear(framed(0x0004, b"")))[0].body == bytes.fromhex("261123063000")
    assert answers(hear(framed(0x0109, b"")))[0].body == struct.pack(">HBBBBB", 2026, 11, 23, 6, 30, 0)
    assert hear(b"(794104004140,1,001,BASE,2,TIME)").answer == b"(794104004140,1,001,BASE,2,20261123063000)"


def test_lock_report_is_answered_where_it_asks() -> None:
    """Bit 15 asks for 4401 with the message's id; without it there is no answer."""
    asked = hear(LOCK_ASKS).answer
    assert asked[1:-2] == bytes.fromhex("4401000374019031118501550200")
    content = bytearray(LOCK_ASKS)
    content[3] ^= 0x80
    content[-2] ^= 0x80
    assert hear(bytes(content)).answer == b""


def parts(total: int = 3, first: int = 40) -> list[bytes]:
    """A batch in sub-packets."""
    reports = [location(time=bytes.fromhex(f"2611231400{second:02d}")) for second in range(20)]
    body = struct.pack(">HB", 20, 0) + b"".join(struct.pack(">H", len(each)) + each for each in reports)
    size = -(-len(body) // total)
    return [
        framed(
            0x0704, body[number * size : (number + 1) * size], serial=first + number, part=(number + 1, total)
        )
        for number in range(total)
    ]


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (2, 1, 0)])
def test_sub_packets_make_one_message(order: tuple[int, ...]) -> None:
    """The last sub-packet completes the message, which answers all of them; none is acknowledged before."""
    dialogue, sent = WIRE.dialogue(), parts()
    heard = [dialogue.hear(sent[at], NOW_MS) for at in order]
    assert [each.message for each in heard[:-1]] == [None, None]
    assert all(frame.message_id != 0x8001 for each in heard[:-1] for frame in answers(each))
    assert heard[-1].message == b"".join(sent)
    assert [general(frame) for frame in answers(heard[-1])] == [
        (40, 0x0704, 0),
        (41, 0x0704, 0),
        (42, 0x0704, 0),
    ]
    assert len(DECODER.decode(heard[-1].message or b"", None, NOW_MS)) == 20


def test_missing_sub_packets_are_asked_for() -> None:
    """After the last sub-packet, or one that comes twice, those that are missing are asked for by 8003."""
    dialogue, sent = WIRE.dialogue(), parts(4)
    dialogue.hear(sent[0], NOW_MS)
    (asked,) = answers(dialogue.hear(sent[3], NOW_MS))
    assert (asked.message_id, asked.body) == (0x8003, struct.pack(">HBHH", 40, 2, 2, 3))
    (again,) = answers(dialogue.hear(sent[3], NOW_MS))
    assert again.message_id == 0x8003
    dialogue.hear(sent[1], NOW_MS)
    assert dialogue.hear(sent[2], NOW_MS).message == b"".join(sent)


@pytest.mark.parametrize("wait_ms", [0, SUB_PACKET_WAIT_MS + 1])
def test_what_is_left_of_a_message_is_quarantined(wait_ms: int) -> None:
    """Sub-packets of a message that another one follows go to the log, where they are refused by name."""
    dialogue = WIRE.dialogue()
    dialogue.hear(parts()[0], NOW_MS)
    heard = dialogue.hear(parts(first=90)[0], NOW_MS + wait_ms)
    assert heard.message == parts()[0]
    with pytest.raises(DecodeError, match="missing_sub_packets"):
        DECODER.decode(heard.message, None, NOW_MS)


def test_expired_sub_packets_leave_with_the_next_heartbeat() -> None:
    """Sub-packets whose others never come don't stay in memory for good."""
    dialogue = WIRE.dialogue()
    dialogue.hear(parts()[1], NOW_MS)
    assert dialogue.hear(framed(0x0002, b""), NOW_MS + SUB_PACKET_WAIT_MS).message is None
    assert dialogue.hear(framed(0x0002, b""), NOW_MS + SUB_PACKET_WAIT_MS + 1).message == parts()[1]
    assert dialogue.hear(framed(0x0002, b""), NOW_MS + 10 * SUB_PACKET_WAIT_MS).message is None


def test_sub_packets_are_bounded() -> None:
    """A message of more sub-packets than the bound is refused by name."""
    with pytest.raises(DecodeError, match="too_many_sub_packets"):
        hear(framed(0x0704, b"x", part=(1, 65)))


@given(
    data=st.binary(max_size=300), at=st.integers(0, 4), changed=st.integers(0, 255), where=st.integers(0, 60)
)
def test_a_conversation_survives_anything(data: bytes, at: int, changed: int, where: int) -> None:
    """Random bytes and damaged frames are heard or refused by name, nothing else."""
    damaged = bytearray(STREAM[at])
    damaged[where % len(damaged)] = changed
    dialogue = WIRE.dialogue()
    for frame in (data, bytes(damaged), b"\x7e" + data + b"\x7e"):
        try:
            heard = dialogue.hear(frame, NOW_MS)
        except DecodeError as error:
            assert error.reason  # noqa: PT017  either outcome is right
        else:
            assert heard.identity


def test_a_picture_is_confirmed_by_its_own_answer() -> None:
    """Once all of a picture is there, 8800 says that none of its packets is missing."""
    head = bytes.fromhex("0000002a00000401")
    talk = WIRE.dialogue()
    first = framed(0x0801, head + location() + b"\xff\xd8" * 50, serial=1, part=(1, 2))
    last = framed(0x0801, b"\xff\xd9" * 50, serial=2, part=(2, 2))
    assert answers(talk.hear(first, NOW_MS)) == []
    said = answers(talk.hear(last, NOW_MS))
    assert [frame.message_id for frame in said] == [0x8001, 0x8800, 0x8001]
    assert said[1].body == head[:4]
