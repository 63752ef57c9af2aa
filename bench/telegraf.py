"""The peer: Telegraf from the same broker into the same InfluxDB, without any judgement.

It is set as its documentation advises for throughput: QoS 1 with a persistent
session (it acknowledges what the output has taken), room for several batches
undelivered, large batches, and no compression on the way to a server on the
same machine. It keeps the same values of a report as SealTrail does, texts
included.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

from bench import query
from bench.errors import BenchError
from bench.load import Load
from bench.publisher import Broker, Work
from bench.publishing import publishing
from bench.system import Progress
from tests.parts.influxd import InfluxServer
from tests.parts.mosquitto import Mosquitto

READY_DEADLINE_S = 60.0
STOP_DEADLINE_S = 15.0

_CONFIG = """\
[agent]
  interval = "1s"
  flush_interval = "1s"
  metric_batch_size = {batch}
  metric_buffer_limit = {buffer}
  omit_hostname = true
[[inputs.mqtt_consumer]]
  servers = ["tcp://{host}:{port}"]
  topics = ["sealtrail/+/+/up"]
  qos = 1
  client_id = "telegraf"
  persistent_session = true
  max_undelivered_messages = {undelivered}
  data_format = "json"
  json_time_key = "occurred_at"
  json_time_format = "2006-01-02T15:04:05Z07:00"
  json_string_fields = ["seal_state", "seal_number", "seal_events_0"]
[[outputs.influxdb_v2]]
  urls = ["{url}"]
  token = "{token}"
  organization = "{org}"
  bucket = "{bucket}"
  content_encoding = "identity"
"""
SETTINGS = {"batch": 5_000, "buffer": 200_000, "undelivered": 30_000}


class Telegraf:
    """A `System`. Use `telegraf_system`."""

    def __init__(self, pid: int, broker: Mosquitto, influx: InfluxServer) -> None:
        self.name = "Telegraf: Mosquitto -> InfluxDB (no detection)"
        self.broker = Broker(host=broker.host, port=broker.port)
        self.pids = {"mosquitto": broker.pid, "telegraf": pid, "influxd": influx.pid}
        self._influx = influx

    def progress(self) -> Progress:
        return Progress(query.points_taken(self._influx), None)

    async def queryable(self) -> int:
        return query.points(self._influx, "mqtt_consumer", "sequence")

    def false_alerts(self) -> int | None:
        return None


def _write_config(folder: Path, broker: Mosquitto, influx: InfluxServer) -> Path:
    folder.mkdir(parents=True)
    config = folder / "telegraf.conf"
    config.write_text(
        _CONFIG.format(
            host=broker.host,
            port=broker.port,
            url=influx.url,
            token=influx.token,
            org=influx.org,
            bucket=influx.bucket,
            **SETTINGS,
        ),
        encoding="utf-8",
    )
    return config


@contextlib.asynccontextmanager
async def telegraf_system(
    binary: Path, folder: Path, load: Load, broker: Mosquitto, influx: InfluxServer
) -> AsyncIterator[Telegraf]:
    """Telegraf, subscribed; the first message of the load has gone through."""
    config = _write_config(folder, broker, influx)
    log = folder / "telegraf.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            str(binary), "--config", str(config), stdout=output, stderr=output, cwd=folder
        )
    try:
        await _until_subscribed(process, log, broker, influx, load)
        yield Telegraf(process.pid, broker, influx)
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_DEADLINE_S)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _until_subscribed(
    process: asyncio.subprocess.Process, log: Path, broker: Mosquitto, influx: InfluxServer, load: Load
) -> None:
    """Publishes the first message until it comes out; copies of it are one point."""
    deadline = time.monotonic() + READY_DEADLINE_S
    async with publishing(Broker(host=broker.host, port=broker.port), load, window=1) as publisher:
        while time.monotonic() < deadline and process.returncode is None:
            await publisher.prepare(Work(first=0, count=1))
            await publisher.go()
            await asyncio.sleep(0.5)
            if query.points(influx, "mqtt_consumer", "sequence"):
                return
    said = await asyncio.to_thread(log.read_text, errors="replace")
    raise BenchError(f"Telegraf passes nothing on: {said[-2000:]}")
