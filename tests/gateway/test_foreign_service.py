"""The whole gateway on real brokers: what other systems publish on their own topics is in the log."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sealtrail.contract.reading import SealEvent
from tests.gateway.brokers import Broker, NatsBroker, eventually, publisher
from tests.gateway.door import Door, connected, logged_readings, logged_refusals
from tests.parts.nats import settings_of

EUI = "70b3d57ed0000007"
OWNTRACKS = {"_type": "transition", "event": "leave", "lat": 1, "lon": 2, "tst": 1_795_415_000, "tid": "CS"}
TTN = {
    "end_device_ids": {"device_id": "seal-7", "dev_eui": EUI},
    "received_at": "2026-11-23T06:00:00Z",
    "uplink_message": {"decoded_payload": {"tamper": True}},
}
CHIRPSTACK = {
    "time": "2026-11-23T06:00:00Z",
    "deviceInfo": {"devEui": EUI},
    "fCnt": 3,
    "object": {"seal": "cut"},
}
MESSAGES = [
    ("owntracks/jane/phone/event", OWNTRACKS),
    ("v3/customs@ttn/devices/seal-7/up", TTN),
    (f"application/1/device/{EUI}/event/up", CHIRPSTACK),
    ("owntracks/jane~doe/phone", OWNTRACKS),
    ("owntracks/jane/phone", {"_type": "encrypted", "data": "x"}),
]


@pytest.fixture
def door(tmp_path: Path, nats_broker: NatsBroker, broker: Broker) -> Iterator[Door]:
    """A running gateway between the broker under test and the log."""
    assert nats_broker.server.endpoint is not None
    door = Door(tmp_path / "state", settings_of(nats_broker.server.endpoint), broker.mqtt())
    door.start()
    try:
        yield door
    finally:
        door.kill()


def publish(broker: Broker) -> None:
    with publisher(broker) as device:
        device.publish((topic, json.dumps(payload).encode()) for topic, payload in MESSAGES)


async def test_topics_of_other_systems(door: Door, broker: Broker, nats_broker: NatsBroker) -> None:
    """Messages on foreign topics are decoded by their family under the topic's identity, or quarantined."""
    await asyncio.to_thread(publish, broker)
    await eventually(lambda: door.settled(len(MESSAGES)))
    assert nats_broker.server.endpoint is not None
    async with connected(settings_of(nats_broker.server.endpoint)) as log:
        readings = await logged_readings(log)
        refused = await logged_refusals(log)
    assert {(each.family, each.device_id, each.seal_events) for each in readings} == {
        ("owntracks", "jane-phone", SealEvent.GEOFENCE_LEFT),
        ("ttn", "seal-7", SealEvent.TAMPERED),
        ("chirpstack", EUI, SealEvent.CUT),
    }
    assert {(each.family, each.reason) for each in refused} == {
        ("owntracks", "bad_topic"),
        ("owntracks", "encrypted"),
    }
