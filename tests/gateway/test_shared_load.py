"""Several gateways at one broker: each takes its share, and one that is killed under load loses nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sealtrail.runtime.embedded_nats import EmbeddedNats
from sealtrail.runtime.settings.nats import NatsSettings
from tests.gateway.brokers import Broker, MosquittoBroker, NatsBroker, eventually, publisher
from tests.gateway.door import Door, connected, logged_readings
from tests.gateway.test_gateway_service import report
from tests.parts.nats import settings_of

MESSAGES = 10_000
DEVICES = 40
SHARED = "$share/gateways/sealtrail/+/+/up"


@pytest.fixture
def parted_nats(tmp_path: Path) -> Iterator[NatsBroker]:
    """An embedded server that divides the devices between two gateways."""
    server = EmbeddedNats(tmp_path / "parted", NatsSettings(mqtt_ack_wait_s=2, mqtt_parts=2, sync="interval"))
    server.start()
    try:
        yield NatsBroker(server)
    finally:
        server.stop()


async def _killed_under_load(
    folder: Path, broker: Broker, log: NatsSettings, filters: tuple[str, str]
) -> None:
    doors = [
        Door(
            folder / f"state-{number}",
            log,
            broker.mqtt().model_copy(update={"client_id": f"gateway-{number}", "topic_filter": each}),
        )
        for number, each in enumerate(filters)
    ]
    try:
        await asyncio.gather(*(asyncio.to_thread(door.start) for door in doors))

        def publish() -> set[int]:
            with publisher(broker) as device:
                device.publish([report(n % DEVICES, n) for n in range(MESSAGES)])
                return device.acknowledged

        publishing = asyncio.create_task(asyncio.to_thread(publish))
        await eventually(lambda: all(door.counts()["accepted"] > 0 for door in doors))
        await asyncio.to_thread(doors[0].kill)
        acknowledged = await publishing
        before = doors[1].counts()["accepted"]
        await asyncio.to_thread(doors[0].start)
        assert len(acknowledged) == MESSAGES
        assert before > 0
        deadline_s = time.monotonic() + 40
        async with connected(log) as reader:
            while True:
                readings = await logged_readings(reader)
                if acknowledged <= {reading.sequence for reading in readings}:
                    break
                assert time.monotonic() < deadline_s, "acknowledged reports are missing"
                await asyncio.sleep(0.2)
        identities = {(reading.sequence, reading.reading_id) for reading in readings}
        assert len(identities) == MESSAGES, "a copy must have the identity of what it is a copy of"
    finally:
        for door in doors:
            door.kill()


async def test_shared_subscription_on_mosquitto(
    tmp_path: Path, mosquitto_broker: MosquittoBroker, nats_broker: NatsBroker
) -> None:
    """Two gateways in one group, one killed under load: every acknowledged report is in the log."""
    assert nats_broker.server.endpoint is not None
    log = settings_of(nats_broker.server.endpoint)
    await _killed_under_load(tmp_path, mosquitto_broker, log, (SHARED, SHARED))


async def test_parts_of_the_devices_on_nats(tmp_path: Path, parted_nats: NatsBroker) -> None:
    """Two gateways with a part of the devices each, one killed under load: the same."""
    assert parted_nats.server.endpoint is not None
    log = settings_of(parted_nats.server.endpoint)
    filters = ("sealtrail/+/+/up/0", "sealtrail/+/+/up/1")
    await _killed_under_load(tmp_path, parted_nats, log, filters)
