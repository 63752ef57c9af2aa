"""What the gateway does when storing fails in a way that nobody expected."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import CollectorRegistry

from gateway.batch import BatchDecoder
from gateway.decoders import decoders
from gateway.metrics import Metrics
from gateway.pairings import Pairings
from gateway.pipeline import Pipeline
from gateway.session import SessionState
from gateway.sessions import mqtt_session
from sealtrail.contract.clock import wall_clock_ms
from sealtrail.runtime.log import Log
from tests.gateway.brokers import NatsBroker, eventually, gateway_settings, publisher
from tests.parts.nats import settings_of


async def test_a_fault_while_storing_ends_the_work_at_once(
    nats_broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last message of a quiet hour isn't held, unacknowledged and unseen, until another one comes."""
    assert nats_broker.server.endpoint is not None
    log = await Log.connect(settings_of(nats_broker.server.endpoint), "test")
    fault = RuntimeError("nobody expected this")

    async def broken(_batches: object) -> None:
        raise fault

    monkeypatch.setattr(log, "append_all", broken)
    settings = gateway_settings(nats_broker)
    states: list[SessionState] = []
    session = mqtt_session(settings, lambda state, _: states.append(state))
    await session.open()
    await eventually(lambda: SessionState.SUBSCRIBED in states)
    decoder = BatchDecoder(decoders(), 4, settings.max_payload_bytes)
    metrics = Metrics(CollectorRegistry())
    pipeline = Pipeline(session, decoder, Pairings(), log, metrics, settings, wall_clock_ms, asyncio.Event())
    running = asyncio.create_task(pipeline.run())
    try:
        with publisher(nats_broker) as device:
            await asyncio.to_thread(device.publish, [("sealtrail/nobody/d1/up", b"refused, so quarantined")])
            with pytest.raises(RuntimeError, match="nobody expected this"):
                await asyncio.wait_for(running, 10)
    finally:
        await session.close()
        await log.close()
