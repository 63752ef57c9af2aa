"""SealTrail as users run it: every service a process, detection on, one subscriber with a webhook."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
from pydantic import SecretStr

from bench import query
from bench.counters import counter, metrics
from bench.errors import BenchError
from bench.load import Load
from bench.parts import open_log, plan_trips
from bench.publisher import Broker
from bench.system import Progress
from sealtrail.composition import Platform
from sealtrail.contract import queries, subjects
from sealtrail.contract.public.subscriber import Channels, Subscriber, Webhook
from sealtrail.demonstration.receiver import WebhookReceiver
from sealtrail.runtime.log import Log
from sealtrail.runtime.settings.tree import load as load_settings
from tests.parts.influxd import InfluxServer
from tests.parts.mosquitto import Mosquitto
from tests.parts.ports import free_port

RAISED = "org.sealtrail.alert.raised"


def _write_settings(folder: Path, broker: Mosquitto | None, influx: InfluxServer | None) -> Path:
    """A settings file with the addresses only: all else is the default, as users get it."""
    lines = [f'state_dir = "{folder / "state"}"']
    if broker is not None:
        lines += ["[gateway.mqtt]", f'host = "{broker.host}"', f"port = {broker.port}"]
    if influx is not None:
        lines += [
            "[ingest]",
            'store = "influxdb"',
            f'influxdb_url = "{influx.url}"',
            f'influxdb_token = "{influx.token}"',
            f'influxdb_org = "{influx.org}"',
            f'influxdb_bucket = "{influx.bucket}"',
        ]
    lines += ["[alerts.webhook]", "allow_private_addresses = true", "[controlroom]", f"port = {free_port()}"]
    folder.mkdir(parents=True)
    file = folder / "sealtrail.toml"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


class SealTrail:
    """A `System`. Use `sealtrail_system`."""

    def __init__(
        self, name: str, platform: Platform, log: Log, load: Load, receiver: WebhookReceiver
    ) -> None:
        self.name = name
        self.receiver = receiver
        self.load = load
        self._platform = platform
        self._log = log
        self._influx: InfluxServer | None = None
        self._cut_containers = frozenset(
            load.container_id(index) for index in range(load.containers, load.containers + load.cuts)
        )
        mqtt = platform.settings.gateway.mqtt
        self.broker = Broker(
            host=mqtt.host, port=mqtt.port, user=mqtt.username, password=mqtt.password.get_secret_value()
        )
        self.pids = self._pids()

    def _pids(self) -> dict[str, int]:
        supervisor, nats_pid = self._platform.supervisor, self._platform.nats_pid()
        if supervisor is None or nats_pid is None:
            raise BenchError("the platform isn't running")
        found = {"nats": nats_pid}
        for name in ("gateway", "ingest", "anomaly", "alerts", "controlroom"):
            pid = supervisor.children[name].pid
            if pid is None:
                raise BenchError(f"{name} has died")
            found[name] = pid
        return found

    def use(self, broker: Mosquitto | None, influx: InfluxServer | None) -> None:
        """Names the external parts, whose cost belongs to the way too."""
        self._influx = influx
        if broker is not None:
            self.pids = {"mosquitto": broker.pid, **self.pids}
        if influx is not None:
            self.pids["influxd"] = influx.pid

    def progress(self) -> Progress:
        folder = self._platform.settings.state_dir
        stored = counter(metrics(folder, "ingest"), "sealtrail_ingest_written_total", 'kind="readings"')
        judged = counter(metrics(folder, "anomaly"), "sealtrail_judged_readings_total")
        return Progress(stored, judged)

    async def queryable(self) -> int:
        if self._influx is not None:
            return query.points(self._influx, "reading", "received_at_ms")
        headers, body = await self._log.request(
            f"{subjects.RECORD_REQUEST}.counts", msgspec.msgpack.encode(queries.CountQuery()), 60.0
        )
        if "Sealtrail-Refused" in headers:
            raise BenchError(f"the record doesn't count: {body.decode(errors='replace')}")
        return msgspec.msgpack.decode(body, type=queries.Counts).readings

    def cut_received_at_ms(self) -> dict[str, int]:
        """When the raised alert of each cut container was received, by container."""
        return {
            one.container_id: one.at_ms
            for one in self.receiver.received()
            if one.kind == RAISED and one.container_id in self._cut_containers
        }

    def false_alerts(self) -> int | None:
        return sum(
            one.container_id not in self._cut_containers
            for one in self.receiver.received()
            if one.kind == RAISED
        )


@contextlib.asynccontextmanager
async def sealtrail_system(
    name: str, folder: Path, load: Load, broker: Mosquitto | None, influx: InfluxServer | None
) -> AsyncIterator[SealTrail]:
    """The whole platform, ready, with every trip planned and a subscriber that listens."""
    file = _write_settings(folder, broker, influx)
    settings = load_settings(file)
    platform = Platform(settings, file)
    receiver = WebhookReceiver()
    receiver.start()
    try:
        await platform.start()
        async with open_log(platform.settings.nats) as log:
            await _subscribe(log, receiver)
            await plan_trips(log, load, settings.partitions)
            system = SealTrail(name, platform, log, load, receiver)
            system.use(broker, influx)
            yield system
    finally:
        await platform.stop()
        receiver.stop()


async def _subscribe(log: Log, receiver: WebhookReceiver) -> None:
    bucket = await log.bucket(subjects.SUBSCRIBERS_BUCKET)
    webhook = Webhook(url=receiver.url, secret=SecretStr(secrets.token_urlsafe(32)))
    subscriber = Subscriber(id="bench", name="Benchmark", channels=Channels(webhook=webhook))
    await bucket.put(subscriber.id, subscriber.to_json())
