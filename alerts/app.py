"""The alerts service as a list: events, incidents, ledger, position; beside it deliveries and commands."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine

from alerts.book import Book
from alerts.channels import Channel
from alerts.commands import answer_with
from alerts.dispatcher import Dispatcher
from alerts.feed import AlertFeed, events_of
from alerts.ledger import Ledger
from alerts.mqtt import MqttChannel, broker_of
from alerts.risk import desk
from alerts.store import IncidentStore
from alerts.subscribers import Subscribers
from alerts.voice import Voice
from alerts.webhook import WebhookChannel
from sealtrail.contract.clock import wall_clock_ms
from sealtrail.contract.errors import UnavailableError
from sealtrail.contract.incident import ChannelKind
from sealtrail.contract.subjects import INCIDENT_COMMAND, LEASES_BUCKET, RISK_REQUEST
from sealtrail.runtime.background import Background
from sealtrail.runtime.lease import Lease, process_identity
from sealtrail.runtime.log import Log
from sealtrail.runtime.service import Service
from sealtrail.runtime.settings.tree import Settings

LEASE_KEY = "alerts.0"
GROUP = "alerts"


async def main(service: Service) -> None:
    """Waits for its turn, then works until it is told to stop.

    Raises `UnavailableError` when the lease is lost: another worker may be
    active then, and this process starts anew from what is on disk.
    """
    service.health.waiting("lease", "another alerts worker is active; this one stands by")
    log = await service.connect_log()
    lease = Lease(await log.bucket(LEASES_BUCKET), LEASE_KEY, process_identity())
    try:
        if await lease.acquire(service.stop):
            service.health.waiting("alerts", "loading incidents and deliveries")
            service.health.ready("lease")
            await _until_lost(lease, _work(service, log))
    finally:
        await lease.release()
        await log.close()


async def _until_lost(lease: Lease, work: Coroutine[None, None, None]) -> None:
    working = asyncio.create_task(work)
    losing = asyncio.create_task(lease.lost.wait())
    await asyncio.wait({working, losing}, return_when=asyncio.FIRST_COMPLETED)
    losing.cancel()
    if not working.done():
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working
        raise UnavailableError("the lease of the alerts worker was lost")
    await working


async def _work(service: Service, log: Log) -> None:
    async with _voice(service.settings, log, service.background) as voice:
        feed = await AlertFeed.open(log)
        try:
            # a decision that fails on its way to disk leaves memory ahead of it: begin anew from disk
            await log.answer(
                INCIDENT_COMMAND, answer_with(voice), group=GROUP, on_failure=service.background.fail
            )
            risks = desk.RiskDesk(log, service.settings.risk, wall_clock_ms)
            await log.answer(RISK_REQUEST, desk.answer_with(risks), group=GROUP)
            service.health.ready("alerts")
            while not service.stop.is_set():
                messages = await feed.take()
                if messages:
                    await voice.hear([event for message in messages for event in events_of(message)])
                    await feed.done(messages)
        finally:
            await feed.close()


@contextlib.asynccontextmanager
async def _voice(settings: Settings, log: Log, background: Background) -> AsyncIterator[Voice]:
    """Everything loaded, and what was queued before being delivered again."""
    subscribers = await Subscribers.open(log, background)
    store, incidents = await IncidentStore.open(log)
    ledger, queued = await Ledger.open(log)
    mqtt = settings.alerts.mqtt
    channels: dict[ChannelKind, Channel] = {
        ChannelKind.WEBHOOK: WebhookChannel(settings.alerts.webhook, wall_clock_ms),
        ChannelKind.MQTT: MqttChannel(
            broker_of(mqtt, settings.gateway.mqtt), mqtt.client_id, mqtt.timeout_s, background
        ),
    }
    dispatcher = Dispatcher(settings.alerts, subscribers.get, channels, ledger, wall_clock_ms, background)
    await dispatcher.open()
    dispatcher.add(queued)
    try:
        yield Voice(settings.alerts, Book(incidents), store, ledger, subscribers, dispatcher, wall_clock_ms)
    finally:
        await dispatcher.close()
        await subscribers.close()
