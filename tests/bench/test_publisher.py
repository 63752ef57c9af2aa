"""The benchmark's publisher against a real Mosquitto, and against a broker that misbehaves."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Callable

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from bench.load import Load
from bench.mqtt import Connection, Encoder, publish
from bench.publisher import Broker, Work
from bench.publishing import publishing
from tests.parts.mosquitto import Mosquitto

DEADLINE_S = 20.0


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.01)


class Listener:
    """An independent subscriber that counts what the broker hands on."""

    def __init__(self, broker: Mosquitto) -> None:
        self.messages: list[tuple[str, bytes]] = []
        self._subscribed = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = lambda _client, _data, message: self.messages.append(
            (message.topic, bytes(message.payload))
        )
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()
        self._client.subscribe("sealtrail/#", qos=1)
        assert self._subscribed.wait(DEADLINE_S)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def test_acknowledgements_are_counted_as_the_broker_gives_them(mosquitto: Mosquitto) -> None:
    """As many PUBACKs are counted as messages were published, beyond one round of packet identifiers."""
    messages = [("sealtrail/json/a/up", b"%d" % number) for number in range(70_000)]
    encoder = Encoder()
    chunks = [encoder.chunk(messages[at : at + 100]) for at in range(0, len(messages), 100)]
    with Connection(mosquitto.host, mosquitto.port, "bench-test") as connection:
        publish(connection, chunks, window=5_000)
        assert (connection.sent, connection.acknowledged, connection.in_flight) == (70_000, 70_000, 0)


async def test_the_process_publishes_every_message_once(mosquitto: Mosquitto) -> None:
    """The publisher's process sends exactly the load's messages and cuts, and tells how many were taken."""
    load = Load(containers=10, cuts=3, start_ms=1_790_000_000_000)
    listener = await asyncio.to_thread(Listener, mosquitto)
    try:
        async with publishing(Broker(host=mosquitto.host, port=mosquitto.port), load, 100) as publisher:
            await publisher.prepare(Work(first=10, count=250, rate=2_000.0, cuts=3, seal_cuts=True))
            done = await publisher.go()
        assert done.acknowledged == 250 + 3 + 3
        assert len(done.cut_sent_at_s) == 3
        await asyncio.to_thread(until, lambda: len(listener.messages) >= 256)
        assert {load.message(number) for number in range(10, 260)} < set(listener.messages)
        assert len(set(listener.messages)) == len(listener.messages) == 256
        assert sum(b'"events":["cut"]' in payload for _, payload in listener.messages) == 3
    finally:
        listener.close()


class OddBroker:
    """Accepts one publisher, counts its messages, and answers what the test says."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.received = b""
        self._peer: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        self._peer, _ = self._listening.accept()
        self._peer.recv(4096)
        self._peer.sendall(b"\x20\x02\x00\x00")
        while data := self._peer.recv(65_536):
            self.received += data

    def answer(self, *mids: int) -> None:
        assert self._peer is not None
        self._peer.sendall(b"".join(struct.pack("!HH", 0x4002, mid) for mid in mids))

    def close(self) -> None:
        self._listening.close()
        self._thread.join(DEADLINE_S)
        if self._peer is not None:
            self._peer.close()


def test_an_acknowledgement_of_nothing_is_an_error() -> None:
    """A PUBACK for a message that wasn't sent never counts."""
    broker = OddBroker()
    try:
        with Connection("127.0.0.1", broker.port, "bench-test") as connection:
            connection.send(Encoder().chunk([("t", b"x")]), window=10)
            broker.answer(2)
            with pytest.raises(ConnectionError, match="wasn't sent"):
                connection.settle()
            assert connection.acknowledged == 0
    finally:
        broker.close()


def test_the_window_holds_the_publisher_back() -> None:
    """No more messages are under way than the window allows; each PUBACK makes room."""
    broker = OddBroker()
    encoder = Encoder()
    chunks = [encoder.chunk([("t", b"%05d" % number)]) for number in range(6)]
    size = len(chunks[0].packets)
    connection = Connection("127.0.0.1", broker.port, "bench-test")
    sending = threading.Thread(target=publish, args=(connection, chunks, 4))
    try:
        sending.start()
        until(lambda: len(broker.received) == 4 * size)
        sending.join(0.1)
        assert sending.is_alive()
        assert len(broker.received) == 4 * size
        broker.answer(1, 2)
        until(lambda: len(broker.received) == 6 * size)
        broker.answer(3, 4, 5, 6)
        sending.join(DEADLINE_S)
        assert connection.acknowledged == 6
    finally:
        connection.__exit__()
        broker.close()
