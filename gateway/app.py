"""The gateway: devices publish over MQTT, the log keeps what they say."""

from __future__ import annotations

import asyncio

from gateway.batch import BatchDecoder
from gateway.decoders import decoders
from gateway.metrics import Metrics
from gateway.paho_session import PahoSession
from gateway.pairings import Pairings
from gateway.pipeline import Pipeline
from gateway.session import MqttSession, SessionState
from sealtrail.contract.clock import wall_clock_ms
from sealtrail.runtime.service import Service


async def main(service: Service) -> None:
    """Runs until ``service.stop``: session -> decode -> log -> acknowledge (`gateway.pipeline`)."""
    settings = service.settings
    health = service.health

    def on_state(state: SessionState, why: str) -> None:
        if state is SessionState.SUBSCRIBED:
            health.ready("mqtt")
        else:
            health.waiting("mqtt", f"{state.value}: {why}")

    health.waiting("mqtt", "not connected yet")
    session = PahoSession(settings.gateway, on_state)
    log = await service.connect_log()
    pairings = Pairings()
    decoder = BatchDecoder(decoders(), settings.partitions, settings.gateway.max_payload_bytes)
    pipeline = Pipeline(
        session, decoder, pairings, log, Metrics(), settings.gateway, wall_clock_ms, service.stop
    )
    try:
        async with asyncio.TaskGroup() as group:
            beside = [
                group.create_task(pairings.follow(log)),
                group.create_task(_cease_on(service.stop, session, pairings)),
            ]
            await pairings.loaded.wait()
            if not service.stop.is_set():
                await session.open()
                await pipeline.run()
            for task in beside:
                task.cancel()
    finally:
        await session.close()
        await log.close()


async def _cease_on(stop: asyncio.Event, session: MqttSession, pairings: Pairings) -> None:
    """Lets go of whatever waits for input once the service is told to stop."""
    await stop.wait()
    session.cease()
    pairings.loaded.set()
