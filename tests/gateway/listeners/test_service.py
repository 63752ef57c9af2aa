"""The gateway's own process with ports: settings from the environment, MQTT beside TCP, an orderly end."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.gateway.brokers import NatsBroker, eventually, nats_broker, publisher
from tests.gateway.door import Door, connected, logged_readings
from tests.gateway.listeners.gate import Device
from tests.gateway.listeners.test_tcp import line
from tests.parts.nats import settings_of
from tests.parts.ports import free_port

__all__ = ["nats_broker"]


async def test_ports_of_the_service(tmp_path: Path, nats_broker: NatsBroker) -> None:
    """Reports over MQTT and TCP meet in one log and one count; SIGTERM under load loses no answered one."""
    assert nats_broker.server.endpoint is not None
    settings = settings_of(nats_broker.server.endpoint)
    port = free_port()
    door = Door(tmp_path / "state", settings, nats_broker.mqtt(), listen__json__port=port)
    await asyncio.to_thread(door.start)
    device = await Device.connected(port)
    try:
        with publisher(nats_broker) as publishing:
            published = [("sealtrail/json/m1/up", line(n, "m1")) for n in range(500)]
            sending = asyncio.create_task(asyncio.to_thread(publishing.publish, published))
            await device.send(b"".join(line(n) for n in range(500)))
            for _ in range(500):
                assert b"stored" in await device.heard(b"\n")
            await sending
        await eventually(lambda: door.settled(1_000))
        await device.send(b"".join(line(n) for n in range(500, 5_000)))
        ending = asyncio.create_task(asyncio.to_thread(door.stop))
        answered = 500 + (await device.closed()).count(b"stored")
        assert await ending == 0
    finally:
        door.kill()
        await Device.close_all()
    async with connected(settings) as log:
        readings = await logged_readings(log)
    assert len({r.sequence for r in readings if r.device_id == "d1"}) >= answered
    assert len({r.sequence for r in readings if r.device_id == "m1"}) == 500
