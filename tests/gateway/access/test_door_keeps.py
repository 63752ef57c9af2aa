"""The real gateway with the registry: who is believed, what is kept apart, what is told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from sealtrail.contract.device import DeviceState, Suspicion
from sealtrail.runtime.devices import DeviceRegistry
from sealtrail.runtime.log import Log
from sealtrail.runtime.nats_endpoint import Endpoint
from sealtrail.runtime.settings.gateway import MqttSettings
from tests.gateway.access.desk import client, enter, identity_events, within
from tests.gateway.brokers import eventually
from tests.gateway.door import Door, logged_refusals
from tests.parts.nats import settings_of

REPORT = b'{"occurred_at":"2026-09-21T06:30:00Z","sequence":%d}'


@pytest.fixture
def door(endpoint: Endpoint, tmp_path: Path) -> Iterator[Door]:
    """A gateway that keeps unknown devices apart."""
    mqtt = MqttSettings(
        host=endpoint.host,
        port=endpoint.mqtt_port,
        username=endpoint.mqtt_user,
        password=SecretStr(endpoint.mqtt_password),
    )
    door = Door(tmp_path, settings_of(endpoint), mqtt, unknown_devices="quarantine")
    door.start()
    try:
        yield door
    finally:
        door.stop()


async def test_only_who_is_known_and_allowed_is_believed(
    door: Door, endpoint: Endpoint, open_log: Log
) -> None:
    """A device that was just added is heard at once; the others' reports are kept with their reason."""
    registry = DeviceRegistry(open_log)
    await enter(open_log, "stolen")
    await registry.set_state("stolen", DeviceState.SUSPENDED, "test")
    bridge = client(endpoint.mqtt_port, endpoint.device_user, endpoint.device_password, "bridge")
    async with within(20), bridge:
        for number in range(5):
            await enter(open_log, f"new-{number}")
            await bridge.publish(f"sealtrail/json/new-{number}/up", REPORT % number, qos=1)
        for device_id in ("stolen", "stranger"):
            await bridge.publish(f"sealtrail/json/{device_id}/up", REPORT % 1, qos=1)
        await eventually(lambda: door.settled(7))
    assert door.counts()["accepted"] == 5
    refusals = await logged_refusals(open_log)
    assert {(one.device_id, one.reason, one.payload) for one in refusals} == {
        ("stolen", "suspended_device", REPORT % 1),
        ("stranger", "unknown_device", REPORT % 1),
    }
    async with within(10):
        while len(events := await identity_events(open_log)) < 2:
            await asyncio.sleep(0.05)
    assert {(event.device_id, event.container_id, event.suspicion) for event in events} == {
        ("stolen", "stolen", Suspicion.SUSPENDED_DEVICE.value),
        ("stranger", "stranger", Suspicion.UNKNOWN_DEVICE.value),
    }


async def test_first_report_makes_a_device_active(door: Door, endpoint: Endpoint, open_log: Log) -> None:
    """The registry says since when, and who saw it."""
    await enter(open_log, "KE-0001")
    registry = DeviceRegistry(open_log)
    bridge = client(endpoint.mqtt_port, endpoint.device_user, endpoint.device_password, "bridge")
    async with within(20), bridge:
        await bridge.publish("sealtrail/json/KE-0001/up", REPORT % 1, qos=1)
        while True:
            known = await registry.get("KE-0001")
            assert known is not None
            if known.device.state is DeviceState.ACTIVE:
                break
            await asyncio.sleep(0.05)
    assert known.device.changed_by == "gateway"
    assert door.ready()
