"""The gateway: devices speak over MQTT or at its own ports, the log keeps what they say."""

from __future__ import annotations

import asyncio

from gateway.access.activation import Activation
from gateway.access.admission import Admission
from gateway.access.gate import Gate
from gateway.access.registry import RegistryView
from gateway.access.suspicions import Suspicions
from gateway.batch import BatchDecoder
from gateway.decoders import decoders
from gateway.listeners.access import Access
from gateway.listeners.door import House
from gateway.listeners.server import Listeners
from gateway.listeners.sources import Sources
from gateway.metrics import DoorMetrics, Metrics
from gateway.pairings import Pairings
from gateway.pipeline import Pipeline
from gateway.session import SessionState
from gateway.sessions import mqtt_session
from sealtrail.contract.clock import wall_clock_ms
from sealtrail.runtime.service import Service


async def main(service: Service) -> None:
    """Runs until ``service.stop``: sources -> decode -> log -> acknowledge (`gateway.pipeline`)."""
    settings = service.settings
    health = service.health

    def on_state(state: SessionState, why: str) -> None:
        if state is SessionState.SUBSCRIBED:
            health.ready("mqtt")
        else:
            health.waiting("mqtt", f"{state.value}: {why}")

    health.waiting("mqtt", "not connected yet")
    session = mqtt_session(settings.gateway, on_state)
    pairings = Pairings()
    view = RegistryView(settings.access)
    activation = Activation()
    suspicions = Suspicions(settings.partitions, settings.access.suspicion_every_s)
    admission = Admission(view, settings.access, suspicions, activation.ask, lambda: pairings.containers)
    access: Access = Gate(admission, settings.gateway.doors.idle_timeout_s)
    house = House(settings.gateway.doors, access, DoorMetrics(), wall_clock_ms)
    listeners = Listeners(settings.gateway, house)
    linger_s = settings.gateway.linger_ms / 1000
    sources = Sources(session, listeners.intakes, settings.gateway.batch_messages, linger_s)
    log = await service.connect_log()
    decoder = BatchDecoder(decoders(), settings.partitions, settings.gateway.max_payload_bytes, admission)
    pipeline = Pipeline(
        sources, decoder, pairings, log, Metrics(), settings.gateway, wall_clock_ms, service.stop
    )
    try:
        async with asyncio.TaskGroup() as group:
            beside = [
                group.create_task(pairings.follow(log)),
                group.create_task(view.follow(log)),
                group.create_task(activation.write(log)),
                group.create_task(suspicions.write(log)),
                group.create_task(_cease_on(service.stop, sources, listeners, pairings, view)),
            ]
            await pairings.loaded.wait()
            await view.loaded.wait()
            if not service.stop.is_set():
                await sources.open()
                await listeners.open()
                await pipeline.run()
            for task in beside:
                task.cancel()
    finally:
        await listeners.close()
        await sources.close()
        await log.close()


async def _cease_on(
    stop: asyncio.Event, sources: Sources, listeners: Listeners, pairings: Pairings, view: RegistryView
) -> None:
    """Lets go of whatever waits for input once the service is told to stop."""
    await stop.wait()
    listeners.finish()
    sources.cease()
    pairings.loaded.set()
    view.loaded.set()
