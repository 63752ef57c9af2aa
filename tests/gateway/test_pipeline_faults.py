"""What the gateway does when storing fails in a way that nobody expected."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

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
from sealtrail.contract.errors import UnavailableError
from sealtrail.contract.subjects import QUARANTINE_STREAM
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

    async def broken(_batches: object, _message_ids: object) -> None:
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


async def test_a_lost_confirmation_stores_nothing_twice(
    nats_broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that the log has, though it seemed to refuse it, is there once after it was tried again."""
    assert nats_broker.server.endpoint is not None
    log = await Log.connect(settings_of(nats_broker.server.endpoint), "test")
    append_all, tries = log.append_all, 0

    async def silent(
        batches: Sequence[tuple[str, bytes]], message_ids: Sequence[str]
    ) -> list[int | UnavailableError]:
        nonlocal tries
        tries += 1
        results = await append_all(batches, message_ids)
        return [UnavailableError("no answer") for _ in results] if tries == 1 else results

    monkeypatch.setattr(log, "append_all", silent)
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
            await log.declare()
            before = await log.last_sequence(QUARANTINE_STREAM)
            await asyncio.to_thread(device.publish, [("sealtrail/nobody/d1/up", b"refused, so quarantined")])
            await eventually(lambda: tries == 2)
            session.cease()
            await asyncio.wait_for(running, 10)
            assert await log.last_sequence(QUARANTINE_STREAM) == before + 1
    finally:
        await session.close()
        await log.close()
