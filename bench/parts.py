"""The parts that a measurement runs on, each in a folder of its own on free ports, ended by process id."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from pydantic import SecretStr

from bench.counters import counter, metrics
from bench.errors import BenchError
from bench.load import Load
from sealtrail.runtime.embedded_nats import EmbeddedNats
from sealtrail.runtime.log import Log
from sealtrail.runtime.nats_endpoint import Endpoint
from sealtrail.runtime.settings.nats import NatsSettings
from sealtrail.runtime.supervisor import Supervisor, health_port
from sealtrail.runtime.trips import TripRecorder
from tests.parts import build
from tests.parts.influxd import InfluxServer
from tests.parts.mosquitto import Mosquitto
from tests.parts.ports import free_port

READY_DEADLINE_S = 60.0
TRIPS_AT_ONCE = 64
NOT_SETTINGS = ("SEALTRAIL_PARTS_DIR",)


def find_telegraf(given: Path | None) -> Path | None:
    """The peer's binary: given, ``$SEALTRAIL_TELEGRAF``, on PATH, or built before; else None."""
    if given is not None:
        return given
    configured = os.environ.get("SEALTRAIL_TELEGRAF") or shutil.which("telegraf")
    if configured:
        return Path(configured)
    built = build.cached("telegraf")
    return built if built.exists() else None


def forget_settings() -> None:
    """Drops settings of the caller's environment, which would change what is measured."""
    for name in [name for name in os.environ if name.startswith("SEALTRAIL_") and name not in NOT_SETTINGS]:
        del os.environ[name]


@contextlib.contextmanager
def mosquitto(program: str, folder: Path) -> Iterator[Mosquitto]:
    """A broker without windows of its own: nobody waits for it, and it drops nothing."""
    folder.mkdir(parents=True)
    broker = Mosquitto(program, folder)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


@contextlib.contextmanager
def influxdb(binary: Path, folder: Path) -> Iterator[InfluxServer]:
    """A fresh InfluxDB with an organisation, a bucket and a token."""
    folder.mkdir(parents=True)
    server = InfluxServer(binary, folder, free_port())
    server.start()
    try:
        server.set_up()
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def nats(folder: Path) -> Iterator[Endpoint]:
    """A NATS server as `sealtrail up` starts it, fsync before every acknowledgement included."""
    server = EmbeddedNats(folder, NatsSettings())
    endpoint = server.start()
    try:
        yield endpoint
    finally:
        server.stop()


def nats_settings(endpoint: Endpoint) -> NatsSettings:
    return NatsSettings(url=endpoint.url, user=endpoint.user, password=SecretStr(endpoint.password))


@contextlib.asynccontextmanager
async def open_log(settings: NatsSettings) -> AsyncIterator[Log]:
    """A connection to the log with everything declared."""
    log = await Log.connect(settings, "bench")
    try:
        await log.declare()
        yield log
    finally:
        await log.close()


async def plan_trips(log: Log, load: Load, partitions: int) -> None:
    """Puts the plans of all containers on the log."""
    recorder = TripRecorder(log, partitions)
    slots = asyncio.Semaphore(TRIPS_AT_ONCE)

    async def plan(index: int) -> None:
        async with slots:
            await recorder.record(load.trip(index))

    await asyncio.gather(*(plan(index) for index in range(load.containers + load.cuts)))


class Services:
    """Some of the services alone, on a NATS server that runs already."""

    def __init__(self, folder: Path, endpoint: Endpoint, environment: dict[str, str]) -> None:
        self._folder = folder
        self._supervisor = Supervisor(
            folder / "logs",
            {
                "SEALTRAIL_STATE_DIR": str(folder),
                "SEALTRAIL_NATS__URL": endpoint.url,
                "SEALTRAIL_NATS__USER": endpoint.user,
                "SEALTRAIL_NATS__PASSWORD": endpoint.password,
                **environment,
            },
        )

    async def start(self, name: str) -> int:
        """Starts a service and returns its process id once it is ready."""
        self._supervisor.start(name, [name])
        deadline = time.monotonic() + READY_DEADLINE_S
        while time.monotonic() < deadline:
            if await asyncio.to_thread(self._ready, name):
                pid = self._supervisor.children[name].pid
                if pid is not None:
                    return pid
            await asyncio.sleep(0.05)
        raise BenchError(f"{name} isn't ready: {(self._folder / 'logs' / f'{name}.log').read_text()[-2000:]}")

    def _ready(self, name: str) -> bool:
        port = health_port(self._folder, name)
        with contextlib.suppress(OSError):
            if port is not None:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2):
                    return True
        return False

    def counter(self, name: str, metric: str) -> int:
        """Sum of a counter over its labels; raises ``OSError`` where the service has gone."""
        return counter(metrics(self._folder, name), metric)

    async def stop(self) -> None:
        await self._supervisor.stop()


@contextlib.asynccontextmanager
async def services(
    folder: Path, endpoint: Endpoint, environment: dict[str, str] | None = None
) -> AsyncIterator[Services]:
    """None at first; `Services.start` starts them, and all are ended."""
    found = Services(folder, endpoint, environment or {})
    try:
        yield found
    finally:
        await found.stop()
