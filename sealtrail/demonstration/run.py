"""One demonstration from start to account."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import msgspec
from pydantic import SecretStr

from sealtrail.composition import Platform, take_folder
from sealtrail.contract import queries, subjects
from sealtrail.contract.alert import AlertEvent
from sealtrail.contract.clock import wall_clock_ms
from sealtrail.contract.codec import decode_alert_events
from sealtrail.contract.completeness import DevicesAnswer, DevicesQuery, Totals
from sealtrail.contract.errors import UnavailableError
from sealtrail.contract.incident import Delivery, DeliveryState
from sealtrail.contract.public.subscriber import Channels, Subscriber, Webhook
from sealtrail.contract.trip import TripEvent
from sealtrail.demonstration.account import Account, counter_total, settle
from sealtrail.demonstration.receiver import WebhookReceiver
from sealtrail.runtime import streams
from sealtrail.runtime.embedded_nats import EmbeddedNats, nats_folder
from sealtrail.runtime.log import Log
from sealtrail.runtime.settings.simulator import PublisherSettings
from sealtrail.runtime.settings.tree import Settings
from sealtrail.runtime.trips import TripRecorder
from simulators.fleet import Fleet, FleetReport
from simulators.profile import HOUR_MS, Profile
from simulators.world import World

Say = Callable[[str], None]

SETTLE_DEADLINE_S = 60.0
DEVICES_DEADLINE_S = 15.0
QUIET_LOOKS = 3
CATCH_UP_LEAD_MS = 4_000
"""Between making the world and its first live moment: time to start publishing the past."""


def prepare_folder(settings: Settings) -> Settings:
    """Settings for a demonstration in a fresh folder of its own, on a free page port.

    An embedded server that a killed demonstration left behind is ended first.
    Raises `SettingsError` where a demonstration runs in that folder: nothing of it is touched.
    """
    folder = settings.state_dir / "demo"
    with take_folder(folder):
        EmbeddedNats(nats_folder(folder), settings.nats).end_left_behind()
        for part in ("nats", "logs", "run"):
            shutil.rmtree(folder / part, ignore_errors=True)
        for record in folder.glob("record*"):
            record.unlink()
    room = settings.controlroom
    if not _port_is_free(room.host, room.port):
        room = room.model_copy(update={"port": _free_port(room.host)})
    return settings.model_copy(update={"state_dir": folder, "controlroom": room})


def _port_is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            probe.bind((host, port))
            return port != 0
    return False


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def _messages(gateway_metrics: str) -> int:
    """Messages that the gateway has dealt with."""
    return sum(
        counter_total(gateway_metrics, f"sealtrail_gateway_messages_{name}")
        for name in ("accepted", "duplicate", "quarantined")
    )


class Demonstration:
    """The platform, a fleet, and a subscriber that listens; use as ``async with``."""

    def __init__(self, settings: Settings, settings_file: Path | None, say: Say) -> None:
        self._settings = settings
        self._say = say
        self._receiver = WebhookReceiver()
        self._log: Log | None = None
        self._begun_s = time.monotonic()
        shared = settings.access.model_copy(update={"shared_login": True})
        self.platform = Platform(
            settings.model_copy(update={"access": shared}),
            settings_file,
            {
                "SEALTRAIL_ACCESS__UNKNOWN_DEVICES": "accept",
                "SEALTRAIL_ALERTS__WEBHOOK__ALLOW_PRIVATE_ADDRESSES": "true",
                "SEALTRAIL_CONTROLROOM__PORT": str(settings.controlroom.port),
            },
        )

    async def __aenter__(self) -> Self:
        self._receiver.start()
        try:
            await self.platform.start()
            self._log = await Log.connect(self.platform.settings.nats, "demo")
            await self._subscribe(self._log)
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Stops everything that was started."""
        if self._log is not None:
            await self._log.close()
        await self.platform.stop()
        self._receiver.stop()

    @property
    def address(self) -> str:
        room = self.platform.settings.controlroom
        return f"http://{room.host}:{room.port}/"

    def _open_log(self) -> Log:
        if self._log is None:
            raise UnavailableError("the demonstration hasn't started")
        return self._log

    async def _subscribe(self, log: Log) -> None:
        bucket = await log.bucket(subjects.SUBSCRIBERS_BUCKET)
        customs = Subscriber(
            id="demo-customs",
            name="Customs control room (demonstration)",
            channels=Channels(
                webhook=Webhook(url=self._receiver.url, secret=SecretStr(secrets.token_urlsafe(32)))
            ),
        )
        await bucket.put(customs.id, customs.to_json())

    def world(self, run_s: float | None) -> World:
        """A world whose past begins the configured hours ago and whose live part begins in a moment."""
        simulator = self._settings.simulator
        live_ms = wall_clock_ms() + CATCH_UP_LEAD_MS
        return World(
            Profile(
                seed=simulator.seed,
                containers=simulator.containers,
                start_ms=live_ms - round(simulator.hours_past * HOUR_MS),
                live_ms=live_ms,
                end_ms=None if run_s is None else live_ms + round(run_s * 1000),
                duplicate_rate=simulator.duplicate_rate,
                corrupt_rate=simulator.corrupt_rate,
                cell_fix_rate=simulator.cell_fix_rate,
                stale_fix_rate=simulator.stale_fix_rate,
            )
        )

    async def run_fleet(self, run_s: float | None, stop: asyncio.Event) -> FleetReport:
        """Sends the fleet's past and present until its world ends or ``stop`` is set."""
        mqtt = self.platform.settings.gateway.mqtt
        user, password = self.platform.device_login()
        publisher = PublisherSettings(host=mqtt.host, port=mqtt.port, username=user, password=password)
        recorder = TripRecorder(self._open_log(), self._settings.partitions)

        async def record(event: TripEvent) -> None:
            await recorder.record(event)

        fleet = Fleet(self.world(run_s), publisher, record, wall_clock_ms)
        progress = asyncio.create_task(self._report_progress(fleet))
        try:
            return await fleet.run(stop)
        finally:
            progress.cancel()

    async def _report_progress(self, fleet: Fleet) -> None:
        live = False
        while True:
            await asyncio.sleep(1.0)
            state = fleet.progress
            if live:
                continue
            behind_min = state.behind_ms / 60_000
            if behind_min < 1:
                live = True
                self._say(f"  {state.published:,} reports sent; the fleet is live now")
            else:
                self._say(f"  {state.published:,} reports sent, {behind_min:.0f} min behind the present")

    async def account(self, report: FleetReport) -> Account:
        """Waits until everything sent has come through, then gives the account."""
        log = self._open_log()
        troubles = [] if await self._until_quiet(log, report.published) else ["it never came to rest"]
        troubles += self.platform.deaths()
        gateway_metrics = await asyncio.to_thread(self.platform.metrics, "gateway")
        return settle(
            seed=self._settings.simulator.seed,
            seconds=time.monotonic() - self._begun_s,
            report=report,
            gateway_metrics=gateway_metrics,
            anomaly_metrics=await asyncio.to_thread(self.platform.metrics, "anomaly"),
            stored=await self.stored(),
            devices=await self._devices(log, _messages(gateway_metrics)),
            events=await self._alert_events(log),
            received=self._receiver.received(),
            delivered_again=self._receiver.repeated,
            troubles=troubles,
        )

    async def stored(self) -> int:
        """Distinct readings that the record holds, as it counts them itself."""
        log = self._open_log()
        headers, body = await log.request(
            f"{subjects.RECORD_REQUEST}.counts", msgspec.msgpack.encode(queries.CountQuery()), 60.0
        )
        if "Sealtrail-Refused" in headers:
            raise UnavailableError(f"the record doesn't count: {body.decode(errors='replace')}")
        return msgspec.msgpack.decode(body, type=queries.Counts).readings

    async def _devices(self, log: Log, messages: int) -> Totals:
        """Sums over all devices, once they hold ``messages`` in all, or at the deadline."""
        question = msgspec.msgpack.encode(DevicesQuery(limit=1))
        deadline = time.monotonic() + DEVICES_DEADLINE_S
        while True:
            _, body = await log.request(f"{subjects.DEVICES_REQUEST}.list", question)
            totals = msgspec.msgpack.decode(body, type=DevicesAnswer).totals
            if totals.messages >= messages or time.monotonic() > deadline:
                return totals
            await asyncio.sleep(0.3)

    async def _alert_events(self, log: Log) -> list[AlertEvent]:
        """Every alert event so far, once."""
        last = await log.last_sequence(subjects.ALERT_STREAM)
        events: dict[str, AlertEvent] = {}
        reader = log.reader(subjects.ALERT_STREAM, subjects.ALERT_SUBJECTS, 1)
        try:
            position = 0
            while position < last:
                for message in await reader.take(most=256, wait_s=2.0):
                    position = message.sequence
                    for event in decode_alert_events(message.data):
                        events.setdefault(event.event_id, event)
        finally:
            await reader.close()
        return list(events.values())

    async def _until_quiet(self, log: Log, published: int) -> bool:
        """Until gateway, record, judgement and deliveries have nothing left to do; False at the deadline."""
        quiet = 0
        before: tuple[int, ...] = ()
        deadline = time.monotonic() + SETTLE_DEADLINE_S
        while quiet < QUIET_LOOKS and time.monotonic() < deadline:
            now = await self._work_left(log, published)
            quiet = quiet + 1 if now == before and now[0] <= 0 and not any(now[1:3]) else 0
            before = now
            await asyncio.sleep(0.3)
        return quiet >= QUIET_LOOKS

    async def _work_left(self, log: Log, published: int) -> tuple[int, ...]:
        gateway = await asyncio.to_thread(self.platform.metrics, "gateway")
        received = _messages(gateway)
        judged = counter_total(
            await asyncio.to_thread(self.platform.metrics, "anomaly"), "sealtrail_judged_readings"
        )
        lag = await log.lag(subjects.LOG_STREAM, streams.INGEST_READINGS)
        lag += await log.lag(subjects.ALERT_STREAM, streams.ALERTS_EVENTS)
        lag += await log.lag(subjects.ALERT_STREAM, streams.INGEST_ALERTS)
        lag += max(0, counter_total(gateway, "sealtrail_gateway_readings_stored") - judged)
        queued = 0
        for entry in await (await log.bucket(subjects.DELIVERIES_BUCKET)).items():
            if entry.value is not None:
                delivery = msgspec.json.decode(entry.value, type=Delivery)
                queued += delivery.state is DeliveryState.QUEUED
        return published - received, lag, queued, judged, await log.last_sequence(subjects.ALERT_STREAM)
