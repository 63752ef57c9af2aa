"""Stages that are services, each alone with the parts that it needs."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from pathlib import Path

from pydantic import SecretStr

from bench import procfs
from bench.errors import BenchError
from bench.load import Load
from bench.parts import influxdb, mosquitto, nats, nats_settings, open_log, services
from bench.publisher import Broker, Work
from bench.publishing import publishing
from bench.result import Stage
from bench.stages import cut_alerts, readings_of
from sealtrail.contract import subjects
from sealtrail.contract.codec import encode_alert_events, encode_readings
from sealtrail.contract.public.subscriber import Channels, Subscriber, Webhook
from sealtrail.contract.reading import Reading
from sealtrail.demonstration.receiver import WebhookReceiver
from sealtrail.runtime.log import Log
from sealtrail.runtime.settings.nats import NatsSettings

LOOK_S = 0.1
DEADLINE_S = 120.0
WARM_UP = 5_000
WINDOW = 10_000
LOG_BATCH = 250
APPENDS_AT_ONCE = 16
ALERT_BATCH = 10


class _Watch:
    """CPU of one process while a counter grows to a target; that of a ``server`` beside it in the note."""

    def __init__(
        self, name: str, pid: int, count: Callable[[], int], server: tuple[str, int] | None = None
    ) -> None:
        self._name = name
        self._pid = pid
        self._server = procfs.Meter(dict([server]) if server is not None else {})
        self._server.start()
        self._count = count
        self._from = count()
        self._cpu_s = procfs.cpu_s(pid)
        self._begun_s = time.monotonic()

    async def until(self, target: int, unit: str, note: str) -> Stage:
        """The stage, once the counter has reached ``target``; raises `BenchError` when it doesn't."""
        deadline = self._begun_s + DEADLINE_S
        while (now := await asyncio.to_thread(self._count)) < target:
            if time.monotonic() > deadline:
                raise BenchError(f"{self._name}: {now} of {target} after {DEADLINE_S:.0f} s")
            await asyncio.sleep(LOOK_S)
        took_s, used_s = time.monotonic() - self._begun_s, procfs.cpu_s(self._pid) - self._cpu_s
        done = max(1, now - self._from)
        for server, usage in self._server.read().items():
            note += f", {server} {usage.cpu_s * 1e6 / done:.1f} µs"
        return Stage(
            name=self._name,
            unit=unit,
            count=done,
            cpu_us=round(used_s * 1e6 / done, 1),
            per_s=round(done / took_s),
            note=f"{note}, peak {procfs.peak_rss_mb(self._pid):.0f} MB",
        )


async def gateway_stage(folder: Path, program: str, load: Load, count: int, client: str = "own") -> Stage:
    """Mosquitto -> gateway -> log: nobody reads the log. ``client`` makes the MQTT connection."""
    with mosquitto(program, folder / "mosquitto") as broker, nats(folder / "nats") as endpoint:
        environment = {
            "SEALTRAIL_GATEWAY__MQTT__HOST": broker.host,
            "SEALTRAIL_GATEWAY__MQTT__PORT": str(broker.port),
            "SEALTRAIL_GATEWAY__MQTT__CLIENT": client,
        }
        async with services(folder / "state", endpoint, environment) as running:
            pid = await running.start("gateway")

            def stored() -> int:
                return running.counter("gateway", "sealtrail_gateway_readings_stored_total")

            async with publishing(Broker(host=broker.host, port=broker.port), load, WINDOW) as publisher:
                await publisher.prepare(Work(first=0, count=WARM_UP))
                warming = _Watch("gateway, warm-up", pid, stored)
                await publisher.go()
                await warming.until(WARM_UP, "message", "")
                await publisher.prepare(Work(first=WARM_UP, count=count))
                watch = _Watch(f"gateway (Mosquitto -> log), {load.family}, {client}", pid, stored)
                going = asyncio.create_task(publisher.go())
                try:
                    return await watch.until(WARM_UP + count, "message", "fsync before every acknowledgement")
                finally:
                    await going


async def _fill(log: Log, load: Load, count: int, partitions: int = 4) -> None:
    """Readings on the log as the gateway leaves them there."""
    readings: dict[int, list[Reading]] = {}
    for reading in readings_of(load, 0, count):
        partition = subjects.partition_of(reading.key, partitions)
        readings.setdefault(partition, []).append(reading)
    messages = [
        (subjects.readings_subject(partition), encode_readings(found[at : at + LOG_BATCH]))
        for partition, found in readings.items()
        for at in range(0, len(found), LOG_BATCH)
    ]
    for at in range(0, len(messages), APPENDS_AT_ONCE):
        for result in await log.append_all(messages[at : at + APPENDS_AT_ONCE]):
            if not isinstance(result, int):
                raise result


async def ingest_stage(folder: Path, load: Load, count: int, influxd: Path | None) -> Stage:
    """A log that is full already -> ingest -> SQLite, or InfluxDB where one is given."""
    if influxd is None:
        return await _ingest("ingest (log -> SQLite)", folder, load, count, {}, None)
    with influxdb(influxd, folder / "influxdb") as server:
        environment = {
            "SEALTRAIL_INGEST__STORE": "influxdb",
            "SEALTRAIL_INGEST__INFLUXDB_URL": server.url,
            "SEALTRAIL_INGEST__INFLUXDB_TOKEN": server.token,
            "SEALTRAIL_INGEST__INFLUXDB_ORG": server.org,
            "SEALTRAIL_INGEST__INFLUXDB_BUCKET": server.bucket,
        }
        return await _ingest(
            "ingest (log -> InfluxDB)", folder, load, count, environment, ("influxd", server.pid)
        )


async def _ingest(
    name: str,
    folder: Path,
    load: Load,
    count: int,
    environment: dict[str, str],
    server: tuple[str, int] | None,
) -> Stage:
    with nats(folder / "nats") as endpoint:
        async with open_log(nats_settings(endpoint)) as log:
            await _fill(log, load, count)
        async with services(folder / "state", endpoint, environment) as running:
            pid = await running.start("ingest")

            def written() -> int:
                return running.counter("ingest", "sealtrail_ingest_written_total")

            watch = _Watch(name, pid, written, server)
            return await watch.until(count, "reading", f"log messages of {LOG_BATCH}")


async def alerts_stage(folder: Path, load: Load) -> Stage:
    """Alert events on the log -> alerts -> incidents, ledger, webhook of one subscriber."""
    events = cut_alerts(load)
    batches = [
        (subjects.alerts_subject(0), encode_alert_events(events[at : at + ALERT_BATCH]))
        for at in range(0, len(events), ALERT_BATCH)
    ]
    receiver = WebhookReceiver()
    receiver.start()
    try:
        with nats(folder / "nats") as endpoint:
            settings: NatsSettings = nats_settings(endpoint)
            environment = {"SEALTRAIL_ALERTS__WEBHOOK__ALLOW_PRIVATE_ADDRESSES": "true"}
            async with (
                open_log(settings) as log,
                services(folder / "state", endpoint, environment) as running,
            ):
                bucket = await log.bucket(subjects.SUBSCRIBERS_BUCKET)
                webhook = Webhook(url=receiver.url, secret=SecretStr(secrets.token_urlsafe(32)))
                subscriber = Subscriber(id="bench", name="Benchmark", channels=Channels(webhook=webhook))
                await bucket.put(subscriber.id, subscriber.to_json())
                pid = await running.start("alerts")
                watch = _Watch("alerts (log -> webhook)", pid, lambda: len(receiver.received()))
                for result in await log.append_all(batches):
                    if not isinstance(result, int):
                        raise result
                return await watch.until(
                    len(events), "alert", "incident, ledger and attempt on disk for each"
                )
    finally:
        receiver.stop()
