"""What a lock waits for over MQTT: the answer on its own topic, and only when the log has its report."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from gateway.access.admission import Admission
from gateway.access.registry import RegistryView
from gateway.access.suspicions import Suspicions
from gateway.batch import BatchDecoder
from gateway.decoders import decoders
from gateway.sessions import SESSIONS
from sealtrail.runtime.settings.access import AccessSettings
from tests.gateway.brokers import Broker, MosquittoBroker, NatsBroker, eventually
from tests.gateway.door import Door, connected, logged_readings
from tests.parts.nats import settings_of

LOCK = "2050018634"
SILENT = "7560405553"
NOW_MS = 1_795_000_000_000


def lock_event(index: int) -> bytes:
    return b"(%s,P45,051124,2040%02d,9.861502,N,83.950336,W,A,1,0,1,1,0012260888,0,0,%d)" % (
        LOCK.encode(),
        index,
        index,
    )


def long_frame(status: int, index: int) -> bytes:
    """A padlock's binary report."""
    head = "2475604055531611002311111600311326144436028210791d016c0000001f0700000000"
    return bytes.fromhex(f"{head}{status:04x}3c4f6d07d80c{index:02x}")


class DeviceEnd:
    """A device at a broker: hears its ``down`` topic, reports with QoS 1."""

    def __init__(self, broker: Broker, device_id: str) -> None:
        mqtt = broker.mqtt()
        self.heard: queue.Queue[bytes] = queue.Queue()
        self._topic = f"sealtrail/jt701/{device_id}"
        listening = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=f"lock-{device_id}")
        if mqtt.username:
            self._client.username_pw_set(mqtt.username, mqtt.password.get_secret_value())
        self._client.on_message = self._on_message
        self._client.on_subscribe = lambda *_: listening.set()
        self._client.connect(mqtt.host, mqtt.port)
        self._client.loop_start()
        self._client.subscribe(f"{self._topic}/down")
        assert listening.wait(10)

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self.heard.put(bytes(message.payload))

    def report(self, frame: bytes) -> None:
        """Returns when the broker has it."""
        self._client.publish(f"{self._topic}/up", frame, qos=1).wait_for_publish(10)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


Devices = Callable[[Broker, str], DeviceEnd]


@pytest.fixture
def devices() -> Iterator[Devices]:
    """Connects devices, and disconnects them at the end."""
    found: list[DeviceEnd] = []

    def connect(broker: Broker, device_id: str) -> DeviceEnd:
        found.append(DeviceEnd(broker, device_id))
        return found[-1]

    yield connect
    for device in found:
        device.close()


async def heard(device: DeviceEnd) -> bytes:
    return await asyncio.to_thread(device.heard.get, timeout=10)


@pytest.mark.parametrize("client", sorted(SESSIONS))
async def test_lock_is_answered_on_its_own_topic(
    tmp_path: Path, broker: Broker, nats_broker: NatsBroker, devices: Devices, client: Any
) -> None:
    """A lock event and a frame that asks are answered by their index, also when repeated; others aren't."""
    broker.client = client
    assert nats_broker.server.endpoint is not None
    door = Door(tmp_path / "state", settings_of(nats_broker.server.endpoint), broker.mqtt())
    door.start()
    try:
        lock, other = devices(broker, LOCK), devices(broker, SILENT)
        await asyncio.to_thread(lock.report, lock_event(7))
        assert await heard(lock) == b"(P69,0,7)"
        await asyncio.to_thread(other.report, long_frame(0x20C0, 1))
        await asyncio.to_thread(other.report, long_frame(0x20E8, 2))
        assert await heard(other) == b"(P69,0,2)"
        await asyncio.to_thread(lock.report, lock_event(7))
        assert await heard(lock) == b"(P69,0,7)"
        await eventually(lambda: door.settled(4))
        assert door.counts()["duplicate"] == 1
        assert lock.heard.empty()
        assert other.heard.empty()
    finally:
        door.kill()


async def test_nothing_is_answered_before_the_log_has_it(
    tmp_path: Path, nats_broker: NatsBroker, mosquitto_broker: MosquittoBroker, devices: Devices
) -> None:
    """While the log is down a lock hears nothing; it is answered when its report is on disk."""
    assert nats_broker.server.endpoint is not None
    log_settings = settings_of(nats_broker.server.endpoint)
    door = Door(tmp_path / "state", log_settings, mosquitto_broker.mqtt())
    door.start()
    try:
        lock = devices(mosquitto_broker, LOCK)
        await asyncio.to_thread(nats_broker.server.stop)
        await asyncio.to_thread(lock.report, lock_event(9))
        await eventually(lambda: door.counts()["received"] == 1)
        with pytest.raises(queue.Empty):
            await asyncio.to_thread(lock.heard.get, timeout=1.0)
        await asyncio.to_thread(nats_broker.server.start)
        assert await heard(lock) == b"(P69,0,9)"
        async with connected(log_settings) as log:
            assert [reading.device_id for reading in await logged_readings(log)] == [LOCK]
    finally:
        door.kill()


def test_a_stranger_is_not_answered_where_strangers_are_refused() -> None:
    """Who isn't believed gets no answer that would let it forget its report; a refused frame does."""
    settings = AccessSettings(unknown_devices="quarantine")
    admission = Admission(RegistryView(settings), settings, Suspicions(4, 60.0), lambda _: None, dict)
    up = f"sealtrail/jt701/{LOCK}/up"
    deliveries = [(up, lock_event(1), 1), (up, lock_event(2)[:-2] + b"x,3)", 2)]
    strict = BatchDecoder(decoders(), 4, 65_536, admission).decode(deliveries, NOW_MS, {}, set())
    assert strict.answers == []
    open_door = BatchDecoder(decoders(), 4, 65_536).decode(deliveries[:1], NOW_MS, {}, set())
    assert open_door.answers == [(f"sealtrail/jt701/{LOCK}/down", b"(P69,0,1)")]
    unreadable = (up, lock_event(5).replace(b"051124", b"991399"), 3)
    refused = BatchDecoder(decoders(), 4, 65_536).decode([unreadable], NOW_MS, {}, set())
    assert refused.quarantined.total() == 1
    assert refused.answers == [(f"sealtrail/jt701/{LOCK}/down", b"(P69,0,5)")]
