"""The whole system for a test: real parts, a recording fleet, and a way to kill any process."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path

import msgspec

from gateway.decoders import decoder_for
from sealtrail.commands.devices_ask import list_all
from sealtrail.contract import subjects
from sealtrail.contract.clock import wall_clock_ms
from sealtrail.contract.completeness import DevicesAnswer, DevicesQuery
from sealtrail.contract.errors import DecodeError
from sealtrail.contract.incident import Incident
from sealtrail.contract.reading import Flag
from sealtrail.contract.trip import TripEvent
from sealtrail.demonstration.receiver import Received
from sealtrail.demonstration.run import Demonstration
from sealtrail.runtime import streams
from sealtrail.runtime.settings import tree
from sealtrail.runtime.settings.simulator import PublisherSettings
from sealtrail.runtime.trips import TripRecorder
from simulators.fleet import Fleet, FleetReport
from simulators.truth import Outgoing, OutgoingKind
from simulators.world import World
from tests.parts.influxd import InfluxServer
from tests.parts.mosquitto import Mosquitto

RAISED = "org.sealtrail.alert.raised"


def settings_toml(
    folder: Path,
    *,
    seed: int,
    containers: int,
    mosquitto: Mosquitto | None = None,
    influxd: InfluxServer | None = None,
    bucket: str = "",
) -> Path:
    """A settings file for one test's system in ``folder``."""
    lines = [
        f'state_dir = "{folder / "state"}"',
        "[nats]",
        "mqtt_ack_wait_s = 2",  # a sped-up fleet's hours pass in seconds: so must a redelivery
        "[simulator]",
        f"seed = {seed}",
        f"containers = {containers}",
    ]
    if mosquitto is not None:
        lines += ["[gateway.mqtt]", f'host = "{mosquitto.host}"', f"port = {mosquitto.port}"]
    if influxd is not None:
        lines += [
            "[ingest]",
            'store = "influxdb"',
            f'influxdb_url = "{influxd.url}"',
            f'influxdb_token = "{influxd.token}"',
            f'influxdb_org = "{influxd.org}"',
            f'influxdb_bucket = "{bucket}"',
        ]
    path = folder / "sealtrail.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


class RecordingFleet(Fleet):
    """A fleet that remembers which messages the broker has acknowledged."""

    def remember(self) -> list[Outgoing]:
        """Every message whose PUBACK has come, in that order; grows while the fleet runs."""
        self.acknowledged: list[Outgoing] = []
        return self.acknowledged

    def _published(self, outgoing: Outgoing) -> None:
        super()._published(outgoing)
        self.acknowledged.append(outgoing)


class Rig(Demonstration):
    """A running system with a free page port and its own state folder."""

    def __init__(self, settings_path: Path) -> None:
        settings = tree.load(settings_path)
        room = settings.controlroom.model_copy(update={"port": 0})
        super().__init__(settings.model_copy(update={"controlroom": room}), settings_path, print)
        self.acknowledged: list[Outgoing] = []

    @property
    def record_file(self) -> Path:
        return self._settings.state_dir / "record.sqlite3"

    def notifications(self) -> list[Received]:
        """Webhooks received so far, each idempotency key once."""
        return self._receiver.received()

    async def send(self, world: World, pace: float, stop: asyncio.Event) -> FleetReport:
        """Sends a world at ``pace`` times real time, remembering what was acknowledged."""
        mqtt = self.platform.settings.gateway.mqtt
        user, password = self.platform.device_login()
        publisher = PublisherSettings(
            host=mqtt.host,
            port=mqtt.port,
            username=user,
            password=password,
            max_backoff_s=1.0,
            puback_timeout_s=5.0,
        )
        recorder = TripRecorder(self._open_log(), self._settings.partitions)

        async def record(event: TripEvent) -> None:
            await recorder.record(event)

        fleet = RecordingFleet(world, publisher, record, wall_clock_ms, pace)
        self.acknowledged = fleet.remember()
        return await fleet.run(stop)

    def kill(self, name: str) -> bool:
        """Sends SIGKILL to a service, or to the embedded ``nats``; False where it isn't running."""
        assert self.platform.supervisor is not None
        pid = self.platform.nats_pid() if name == "nats" else self.platform.supervisor.children[name].pid
        if pid is None:
            return False
        os.kill(pid, signal.SIGKILL)
        return True

    async def devices(self) -> DevicesAnswer:
        """The ledger's sums; raises `UnavailableError` while nobody keeps it."""
        return await list_all(self._open_log(), DevicesQuery(), 0)

    async def incidents(self) -> list[Incident]:
        """All incidents as they stand."""
        bucket = await self._open_log().bucket(subjects.INCIDENTS_BUCKET)
        return [msgspec.json.decode(entry.value or b"", type=Incident) for entry in await bucket.items()]

    async def recorded(self) -> bool:
        """Whether the record has taken every reading and alert event from the log."""
        log = self._open_log()
        lags = (
            await log.lag(subjects.LOG_STREAM, streams.INGEST_READINGS),
            await log.lag(subjects.ALERT_STREAM, streams.INGEST_ALERTS),
        )
        return not any(lags)

    def acknowledged_readings(self) -> set[int]:
        """Identities of all readings in acknowledged messages, computed by the decoders themselves.

        Left out are those whose identity hangs on the time of receipt: reports without any clock.
        """
        found: set[int] = set()
        for message in self.acknowledged:
            if message.kind is OutgoingKind.CORRUPT:
                continue
            family = message.topic.split("/")[1]
            try:
                readings = decoder_for(family).decode(message.payload, message.device_id, wall_clock_ms())
            except DecodeError:
                continue
            found |= {
                reading.reading_id
                for reading in readings
                if not (reading.flags & Flag.CLOCK_UNSET and reading.device_time_ms is None)
            }
        return found

    def stored_readings(self) -> set[int]:
        """Identities of all readings in the embedded record."""
        with sqlite3.connect(f"file:{self.record_file}?mode=ro", uri=True) as connection:
            rows = connection.execute("SELECT reading_id FROM reading").fetchall()
        connection.close()
        return {identity % 2**64 for (identity,) in rows}


async def until(condition: Callable[[], bool], seconds: float, what: str | Callable[[], str]) -> None:
    """Waits for a condition of real parts; fails naming it."""
    try:
        async with asyncio.timeout(seconds):
            while not await asyncio.to_thread(condition):
                await asyncio.sleep(0.2)
    except TimeoutError:
        text = what if isinstance(what, str) else what()
        raise AssertionError(f"not within {seconds:.0f} s: {text}") from None
