"""What every `MqttSession` does with a broker that cuts, repeats, falls silent or speaks nonsense."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.course import Retry
from gateway.session import Delivery, MqttSession, SessionState
from gateway.sessions import SESSIONS, mqtt_session
from sealtrail.runtime.settings.gateway import GatewaySettings, MqttSettings
from tests.gateway.brokers import eventually
from tests.gateway.publisher import publish_packet
from tests.gateway.scripted_broker import (
    CONNACK_KEPT,
    CONNACK_NEW,
    CONNECT,
    PINGREQ,
    PINGRESP,
    PUBACK,
    PUBLISH,
    SUBACK,
    SUBSCRIBE,
    Peer,
    Script,
    scripted_broker,
)

AT_ONCE = Retry(first_s=0.002, cap_s=0.002, refused_s=0.002)
TOPIC = "sealtrail/json/d1/up"
Told = list[tuple[SessionState, str]]


@pytest.fixture(params=sorted(SESSIONS))
def client(request: pytest.FixtureRequest) -> str:
    """Each implementation in turn."""
    return str(request.param)


@contextlib.asynccontextmanager
async def session_at(client: str, port: int, **changes: Any) -> AsyncIterator[tuple[MqttSession, Told]]:
    """An open session and what it has told; ``keep_alive_s`` may be shorter than the settings allow."""
    mqtt = MqttSettings.model_validate({"client": client, "host": "127.0.0.1", "port": port})
    mqtt = mqtt.model_copy(update={"keep_alive_s": changes.pop("keep_alive_s", 30), "foreign_topics": False})
    settings = GatewaySettings.model_validate({"max_pending_messages": 20_000, **changes, "mqtt": mqtt})
    settings = settings.model_copy(update={"mqtt": mqtt})
    told: Told = []
    session = mqtt_session(settings, lambda state, why: told.append((state, why)), AT_ONCE)
    await session.open()
    try:
        yield session, told
    finally:
        await session.close()


async def take_until(session: MqttSession, last: bytes) -> list[Delivery]:
    """Everything up to a payload, acknowledged."""
    found: list[Delivery] = []
    async with asyncio.timeout(10):
        while not found or found[-1][1] != last:
            batch = await session.take(1_000, 0)
            session.ack([token for _, _, token in batch])
            found += batch
    return found


async def good_connection(peer: Peer) -> None:
    """A sound broker with one message."""
    await peer.accept()
    peer.writer.write(publish_packet(TOPIC, b"good", 1, 9))
    assert await peer.acknowledged(1) == [9]
    await peer.until_gone()


async def test_a_stream_cut_at_every_byte_is_read_whole(client: str) -> None:
    """Wherever a packet is cut, the handshake and every message come out whole and are acknowledged."""
    long_topic = publish_packet(TOPIC + "é" * 60, b"x" * 90, 1, 2)
    stream = (
        SUBACK + publish_packet(TOPIC, b"", 1, 1) + PINGRESP + long_topic + publish_packet("t", b"end", 1, 3)
    )
    whole = CONNACK_NEW + stream
    cuts = range(1, len(whole))

    def cut_at(place: int) -> Script:
        async def script(peer: Peer) -> None:
            await peer.expect(CONNECT)
            peer.writer.write(whole[: min(place, len(CONNACK_NEW))])
            if place < len(CONNACK_NEW):
                await asyncio.sleep(0.001)  # so that it is a read of its own
                peer.writer.write(whole[place : len(CONNACK_NEW)])
            await peer.expect(SUBSCRIBE)
            middle = max(0, place - len(CONNACK_NEW))
            peer.writer.write(stream[:middle])
            await asyncio.sleep(0.001)
            peer.writer.write(stream[middle:])
            assert await peer.acknowledged(3) == [1, 2, 3]

        return script

    async with (
        scripted_broker(*map(cut_at, cuts)) as (port, played),
        session_at(client, port) as (session, _),
    ):
        found: list[Delivery] = []
        for _ in cuts:
            found += await take_until(session, b"end")
        await asyncio.wait_for(played, 5)
    wanted = [(TOPIC, b""), (TOPIC + "é" * 60, b"x" * 90), ("t", b"end")]
    assert [(topic, payload) for topic, payload, _ in found] == wanted * len(cuts)


async def test_single_bytes_and_one_burst_are_the_same(client: str) -> None:
    """A handshake and messages sent byte by byte, and the same in one write behind CONNACK, arrive alike."""
    messages = b"".join(publish_packet(TOPIC, b"%d" % n, 1, n) for n in range(1, 6))
    messages += publish_packet(TOPIC, b"end", 1, 6)

    async def by_bytes(peer: Peer) -> None:
        await peer.expect(CONNECT)
        for byte in CONNACK_NEW:
            peer.writer.write(bytes((byte,)))
            await asyncio.sleep(0.001)
        await peer.expect(SUBSCRIBE)
        for byte in SUBACK + messages:
            peer.writer.write(bytes((byte,)))
            await asyncio.sleep(0)
        assert await peer.acknowledged(6) == [1, 2, 3, 4, 5, 6]

    async def coalesced(peer: Peer) -> None:
        await peer.expect(CONNECT)
        peer.writer.write(CONNACK_KEPT + messages + SUBACK)
        await peer.expect(SUBSCRIBE)
        assert await peer.acknowledged(6) == [1, 2, 3, 4, 5, 6]

    async with (
        scripted_broker(by_bytes, coalesced) as (port, played),
        session_at(client, port) as (session, _),
    ):
        first = await take_until(session, b"end")
        second = await take_until(session, b"end")
        await asyncio.wait_for(played, 5)
    assert [payload for _, payload, _ in first] == [b"1", b"2", b"3", b"4", b"5", b"end"]
    assert [payload for _, payload, _ in second] == [payload for _, payload, _ in first]


MALFORMED = {
    "qos_2": publish_packet(TOPIC, b"x", 2, 5),
    "qos_3": publish_packet(TOPIC, b"x", 3, 5),
    "packet_identifier_0": publish_packet(TOPIC, b"x", 1, 0),
    "longer topic": b"\x32\x05\x00\x7fab\x00",
    "PUBLISH of 1 bytes": b"\x30\x01\x00",
    "more than four bytes": b"\x30\xff\xff\xff\xff\x01",
    "type 0": b"\x00\x00",
    "CONNECT": b"\x10\x00",
    "type 15": b"\xf0\x00",
    "bad_flags": b"\xd1\x00",
    "packet 0xd0 of 2 bytes": b"\xd0\x02\x00\x00",
    "packet 0x90 of 1 bytes": b"\x90\x01\x00",
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_malformed_packets_are_refused_by_name(client: str, name: str) -> None:
    """A packet that no broker may send ends the connection with its name, and the next one works."""

    async def nonsense(peer: Peer) -> None:
        await peer.accept()
        peer.writer.write(MALFORMED[name])
        await peer.until_gone()

    async with (
        scripted_broker(nonsense, good_connection) as (port, _),
        session_at(client, port) as (session, told),
    ):
        found = await take_until(session, b"good")
        assert [payload for _, payload, _ in found] == [b"good"]
        (_, why), (after, _) = told[-2:]  # the nonsense may have been read together with SUBACK
        assert [state for state, _ in told].count(SessionState.LOST) == 1
    assert after is SessionState.SUBSCRIBED
    assert name in why


async def test_message_in_one_read_with_nonsense_comes_again(client: str) -> None:
    """What stands before nonsense in the same read comes again and is acknowledged then."""
    acknowledged = asyncio.Event()

    async def half_sound(peer: Peer) -> None:
        await peer.accept()
        peer.writer.write(publish_packet(TOPIC, b"good", 1, 9) + MALFORMED["qos_2"])
        await peer.until_gone()

    async def sound(peer: Peer) -> None:
        await peer.accept()
        peer.writer.write(publish_packet(TOPIC, b"good", 1, 9))
        assert await peer.acknowledged(1) == [9]
        acknowledged.set()
        await peer.until_gone()

    async with (
        scripted_broker(half_sound, sound) as (port, _),
        session_at(client, port) as (session, _told),
    ):
        assert [payload for _, payload, _ in await take_until(session, b"good")] == [b"good"]
        await asyncio.wait_for(acknowledged.wait(), 5)


@pytest.mark.parametrize(
    ("code", "state"),
    [
        (1, SessionState.LOST),
        (2, SessionState.CLIENT_REFUSED),
        (3, SessionState.LOST),
        (4, SessionState.CREDENTIALS_REFUSED),
        (5, SessionState.CREDENTIALS_REFUSED),
    ],
)
async def test_refused_logins_are_named(client: str, code: int, state: SessionState) -> None:
    """Every return code of CONNACK is a state with a reason, told once however often it is tried."""
    refused = 0

    async def refuse(peer: Peer) -> None:
        nonlocal refused
        await peer.expect(CONNECT)
        peer.writer.write(bytes((0x20, 2, 0, code)))
        refused += 1
        await peer.until_gone()

    async with scripted_broker(refuse) as (port, _), session_at(client, port) as (_, told):
        await eventually(lambda: refused > 2)
        assert [each for each, _ in told] == [state]
    assert "refused the connection" in told[0][1] or (client, code) == ("paho", 1)  # a protocol error to it


async def test_refused_subscription_is_left_at_once(client: str) -> None:
    """A SUBACK that refuses the device topics is a named state, also in the middle of a kept backlog."""

    async def refuse(peer: Peer) -> None:
        await peer.expect(CONNECT)
        peer.writer.write(CONNACK_KEPT)
        await peer.expect(SUBSCRIBE)
        peer.writer.write(publish_packet(TOPIC, b"old", 1, 1) + b"\x90\x03\x00\x01\x80")
        await peer.until_gone()

    async with scripted_broker(refuse) as (port, _), session_at(client, port) as (_, told):
        await eventually(lambda: SessionState.SUBSCRIPTION_REFUSED in [state for state, _ in told])


async def test_copy_of_what_is_in_hand_is_not_handed_over_again(client: str) -> None:
    """DUP: a copy with the identifier in hand is dropped; after its PUBACK the identifier is free."""
    copy = bytearray(publish_packet(TOPIC, b"once", 1, 7))
    copy[0] |= 0x08

    async def repeat(peer: Peer) -> None:
        await peer.accept()
        peer.writer.write(publish_packet(TOPIC, b"once", 1, 7) + bytes(copy))
        peer.writer.write(bytes(copy) + publish_packet(TOPIC, b"mark", 1, 8))
        assert await peer.acknowledged(2) == [7, 8]
        peer.writer.write(bytes(copy) + publish_packet(TOPIC, b"end", 1, 8))
        assert await peer.acknowledged(2) == [7, 8]
        await peer.until_gone()

    async with scripted_broker(repeat) as (port, _), session_at(client, port) as (session, _):
        held: list[Delivery] = []
        async with asyncio.timeout(5):
            while not held or held[-1][1] != b"mark":
                held += await session.take(10, 0)
        assert [payload for _, payload, _ in held] == [b"once", b"mark"]
        session.ack([token for _, _, token in held])
        again = await take_until(session, b"end")
    assert [payload for _, payload, _ in again] == [b"once", b"end"]


async def test_tokens_of_a_lost_connection_acknowledge_nothing(client: str) -> None:
    """The same identifier on the next connection is another message, which an old token must not confirm."""

    async def lose(peer: Peer) -> None:
        await peer.accept()
        peer.writer.write(publish_packet(TOPIC, b"before", 1, 1))
        await first_taken.wait()

    async def next_one(peer: Peer) -> None:
        await peer.accept()
        peer.writer.write(publish_packet(TOPIC, b"after", 1, 1) + publish_packet(TOPIC, b"mark", 1, 2))
        assert await peer.acknowledged(1) == [2]
        await peer.until_gone()

    first_taken = asyncio.Event()
    async with scripted_broker(lose, next_one) as (port, _), session_at(client, port) as (session, _):
        (first,) = await asyncio.wait_for(session.take(1, 0), 5)
        first_taken.set()
        second: list[Delivery] = []
        async with asyncio.timeout(5):
            while len(second) < 2:
                second += await session.take(10, 0)
        session.ack([first[2]])
        session.ack([second[1][2]])
        assert first[2] != second[0][2]


async def test_silent_broker_is_pinged_then_left(client: str) -> None:
    """A broker that answers nothing any more is pinged and given up after one and a half keep-alives."""
    pinged = asyncio.Event()

    async def fall_silent(peer: Peer) -> None:
        await peer.accept()
        kind, _ = await peer.packet()
        assert kind == PINGREQ
        pinged.set()
        await peer.until_gone()

    async with (
        scripted_broker(fall_silent, good_connection) as (port, _),
        session_at(client, port, keep_alive_s=1) as (session, told),
    ):
        await take_until(session, b"good")
        assert pinged.is_set()
    assert "silent" in told[1][1]


async def test_full_session_stops_reading_and_goes_on_speaking(client: str) -> None:
    """While the log stands still the broker is held back, pinged, and hears what is acknowledged."""
    pieces, at_once = 400, 200
    big = b"x" * 1_000
    sent = 0
    paused_and_pinged = asyncio.Event()

    async def pour(peer: Peer) -> None:
        nonlocal sent
        await peer.accept()
        asking = asyncio.create_task(listen(peer))
        for piece in range(pieces):
            first = piece * at_once
            peer.writer.write(
                b"".join(publish_packet(TOPIC, big, 1, (first + n) % 60_000 + 1) for n in range(at_once))
            )
            await peer.writer.drain()
            sent = first + at_once
        await asking

    async def listen(peer: Peer) -> None:
        heard: list[int] = []
        while True:
            kind, body = await peer.packet()
            if kind == PINGREQ:
                peer.writer.write(PINGRESP)
                paused_and_pinged.set()
            elif kind == PUBACK:
                heard.append(struct.unpack("!H", body)[0])
                if len(heard) == 100:
                    acknowledged.set()

    acknowledged = asyncio.Event()
    async with (
        scripted_broker(pour) as (port, _),
        session_at(client, port, keep_alive_s=2, max_pending_messages=200) as (session, told),
    ):
        held: list[Delivery] = []
        async with asyncio.timeout(5):
            while len(held) < 200:
                held += await session.take(1_000, 0)
        await asyncio.wait_for(paused_and_pinged.wait(), 5)
        assert len(held) == 200
        assert sent < pieces * at_once, "eighty megabytes must not have gone anywhere"
        session.ack([token for _, _, token in held[:100]])
        await asyncio.wait_for(acknowledged.wait(), 5)
        assert [state for state, _ in told] == [SessionState.SUBSCRIBED]


async def test_replies_reach_the_broker(client: str) -> None:
    """A reply is one PUBLISH with QoS 0 on its topic."""
    heard: list[bytes] = []

    async def listen(peer: Peer) -> None:
        await peer.accept()
        heard.append(await peer.expect(PUBLISH))
        heard.append(await peer.expect(PUBLISH))

    async with scripted_broker(listen) as (port, played), session_at(client, port) as (session, told):
        await eventually(lambda: bool(told))
        session.reply([("sealtrail/jt701/1/down", b"(P69,0,1)"), ("sealtrail/jt701/2/down", b"x" * 200)])
        await asyncio.wait_for(played, 5)
    assert heard == [
        b"\x00\x16sealtrail/jt701/1/down(P69,0,1)",
        b"\x00\x16sealtrail/jt701/2/down" + b"x" * 200,
    ]
