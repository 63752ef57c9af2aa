"""Bulk reading of MQTT packets gives every message exactly, however the bytes are cut."""

from __future__ import annotations

import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.frames import LONG_PACKET_BYTES, BadPacketError, Frames
from gateway.session import Delivery
from tests.gateway.publisher import publish_packet

PINGRESP = b"\xd0\x00"
KEEP = 1_000_000

MESSAGES = st.lists(
    st.tuples(st.text(max_size=40), st.binary(max_size=300), st.sampled_from([0, 1])), max_size=30
)


def fed(frames: Frames, data: bytes, cuts: list[int]) -> list[Delivery]:
    """What comes out when the bytes arrive in pieces."""
    found: list[Delivery] = []
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for begin, end in itertools.pairwise(places):
        found += frames.feed(data[begin:end])
    return found


@given(MESSAGES, st.lists(st.integers(min_value=0), max_size=60))
def test_messages_survive_any_cutting(messages: list[tuple[str, bytes, int]], cuts: list[int]) -> None:
    """Topics, payloads and tokens come out whole and in order, with pings between, wherever reads end."""
    packets = b"".join(
        publish_packet(topic, payload, qos, mid) + PINGRESP
        for mid, (topic, payload, qos) in enumerate(messages, start=1)
    )
    wanted = [
        (topic, payload, (3 << 16 | mid) if qos else 0)
        for mid, (topic, payload, qos) in enumerate(messages, start=1)
    ]
    assert fed(Frames(3, KEEP), packets, cuts) == wanted


@given(st.binary(max_size=400), st.lists(st.integers(min_value=0), max_size=10))
def test_random_bytes_raise_nothing_else(data: bytes, cuts: list[int]) -> None:
    """Bytes that are no MQTT are refused by name or wait for more; nothing else is ever raised."""
    try:
        fed(Frames(1, KEEP), data, cuts)
    except BadPacketError:
        return


@pytest.mark.parametrize("piece", [1_000, 65_536, 1_000_000])
def test_long_packet_is_never_held_whole(piece: int) -> None:
    """Of a packet longer than the limit the beginning is kept and the rest skipped, and the next is read."""
    payload = bytes(range(256)) * (5 * LONG_PACKET_BYTES // 256)
    data = publish_packet("a", payload, 1, 7) + publish_packet("b", b"next", 1, 8)
    frames = Frames(1, 1_001)
    found: list[Delivery] = []
    for begin in range(0, len(data), piece):
        found += frames.feed(data[begin : begin + piece])
        assert len(frames._partial) <= LONG_PACKET_BYTES + piece  # noqa: SLF001 - the bound under test
    assert found == [("a", payload[:1_001], 1 << 16 | 7), ("b", b"next", 1 << 16 | 8)]


def test_repetition_of_the_unacknowledged_is_dropped() -> None:
    """A packet identifier in hand is not handed over again; after its acknowledgement it is a new message."""
    frames = Frames(1, KEEP)
    packet = publish_packet("t", b"x", 1, 5)
    (first,) = frames.feed(packet)
    assert frames.feed(packet) == []
    frames.acknowledgements([first[2]])
    assert len(frames.feed(packet)) == 1


def test_acknowledgements_are_of_this_connection_only() -> None:
    """Tokens of an earlier connection and zeros give no PUBACK; the others one each."""
    frames = Frames(2, KEEP)
    assert frames.acknowledgements([0, 1 << 16 | 9, 2 << 16 | 9, 2 << 16 | 300]) == struct.pack(
        "!BBHBBH", 0x40, 2, 9, 0x40, 2, 300
    )


def test_topic_that_is_not_text_is_handed_over() -> None:
    """An unreadable topic doesn't end the connection; its message goes where bad topics go."""
    packet = publish_packet("ab", b"x", 0, 0).replace(b"ab", b"\xff\xfe")
    assert Frames(1, KEEP).feed(packet) == [("(topic is not UTF-8)", b"x", 0)]


@pytest.mark.parametrize(("code", "accepted"), [(0, True), (1, True), (0x80, False)])
def test_answer_to_the_subscription_is_understood(code: int, accepted: bool) -> None:  # noqa: FBT001 - a case
    """The SUBACK that stands among a kept session's messages says whether the subscription is refused."""
    frames = Frames(1, KEEP)
    packet = publish_packet("t", b"x", 1, 5)
    assert frames.subscription_accepted is None
    assert len(frames.feed(packet + bytes((0x90, 3, 0, 1, code)))) == 1
    assert frames.subscription_accepted is accepted
