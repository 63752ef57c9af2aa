"""A gateway without MQTT in this process, over a real log, and devices that speak to it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import ClassVar, Protocol

from prometheus_client import CollectorRegistry

from gateway.batch import BatchDecoder
from gateway.decoders import decoders
from gateway.listeners.access import Access, Anyone
from gateway.listeners.door import House
from gateway.listeners.server import Listeners
from gateway.listeners.sources import Sources
from gateway.metrics import DoorMetrics, Metrics
from gateway.pairings import Pairings
from gateway.pipeline import Pipeline
from gateway.session import Delivery
from sealtrail.contract.clock import wall_clock_ms
from sealtrail.contract.quarantine import QuarantinedMessage
from sealtrail.contract.reading import Reading
from sealtrail.runtime.log import Log
from sealtrail.runtime.settings.gateway import GatewaySettings
from tests.gateway.door import logged_readings, logged_refusals

ANSWER_S = 10.0
HERE = "127.0.0.1"


class OpenGate(Protocol):
    """Opens a gate with settings of the section ``gateway``."""

    async def __call__(self, **settings: object) -> Gate: ...


class QuietSession:
    """An `MqttSession` on which nothing is ever published, or what a test gives it."""

    def __init__(self) -> None:
        self.waiting: list[Delivery] = []
        self.acknowledged: list[int] = []
        self.replies: list[tuple[str, bytes]] = []
        self._news = asyncio.Event()
        self._ceased = False

    async def open(self) -> None:
        pass

    def reply(self, messages: Sequence[tuple[str, bytes]]) -> None:
        self.replies += messages

    def publish(self, deliveries: Sequence[Delivery]) -> None:
        self.waiting += deliveries
        self._news.set()

    async def take(self, most: int, linger_s: float) -> list[Delivery]:
        del linger_s
        while not self.waiting and not self._ceased:
            self._news.clear()
            await self._news.wait()
        taken, self.waiting = self.waiting[:most], self.waiting[most:]
        return taken

    def ack(self, tokens: Sequence[int]) -> None:
        self.acknowledged += tokens

    def cease(self) -> None:
        self._ceased = True
        self._news.set()

    async def close(self) -> None:
        pass


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


class Gate:
    """Listeners, sources and pipeline as `gateway.app` puts them together."""

    def __init__(
        self, log: Log, settings: GatewaySettings, access: Access, monotonic: Callable[[], float]
    ) -> None:
        self._log = log
        self.registry = CollectorRegistry()
        house = House(settings.doors, access, DoorMetrics(self.registry), wall_clock_ms, monotonic)
        self.listeners = Listeners(settings, house)
        self.session = QuietSession()
        self._stop = asyncio.Event()
        self.sources = Sources(self.session, self.listeners.intakes, settings.batch_messages, 0.001)
        self._pipeline = Pipeline(
            self.sources,
            BatchDecoder(decoders(), 4, settings.max_payload_bytes),
            Pairings(),
            log,
            Metrics(self.registry),
            settings,
            wall_clock_ms,
            self._stop,
        )
        self._running: asyncio.Task[None] | None = None

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(cls, log: Log, settings: dict[str, object]) -> AsyncIterator[Gate]:
        """``access`` and ``monotonic`` may stand among the settings."""
        access = settings.pop("access", None) or Anyone()
        monotonic = settings.pop("monotonic", time.monotonic)
        wanted = {"linger_ms": 1, **settings}
        gate = cls(log, GatewaySettings.model_validate(wanted), access, monotonic)  # type: ignore[arg-type]
        await gate.sources.open()
        await gate.listeners.open()
        gate._running = asyncio.create_task(gate._pipeline.run())
        try:
            yield gate
        finally:
            await gate.stop()

    async def stop(self) -> None:
        """Ends as the service does."""
        if self._running is not None:
            self._stop.set()
            self.listeners.finish()
            self.sources.cease()
            running, self._running = self._running, None
            await asyncio.wait_for(running, 15)
            await self.listeners.close()
            await self.sources.close()

    def port(self, family: str) -> int:
        return self.listeners.tcp[family].port

    async def readings(self) -> list[Reading]:
        return await logged_readings(self._log)

    async def refusals(self) -> list[QuarantinedMessage]:
        return await logged_refusals(self._log)

    def count(self, name: str, **labels: str) -> float:
        """A counter summed over the labels that aren't given."""
        total = 0.0
        for metric in self.registry.collect():
            for sample in metric.samples:
                if sample.name == f"sealtrail_gateway_{name}" and labels.items() <= sample.labels.items():
                    total += sample.value
        return total

    def outcomes(self) -> Counter[str]:
        """How often messages were accepted, duplicate and quarantined."""
        names = ("accepted", "duplicate", "quarantined")
        return Counter({name: int(self.count(f"messages_{name}_total")) for name in names})

    def all_settled(self) -> bool:
        """Whether every message that came in at a door is accounted for."""
        return self.count("door_messages_total") == sum(self.outcomes().values())


class Device:
    """One TCP connection."""

    all: ClassVar[list[Device]] = []

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connected(cls, port: int, **options: object) -> Device:
        device = cls(*await asyncio.open_connection(HERE, port, **options))  # type: ignore[arg-type]
        cls.all.append(device)
        return device

    @classmethod
    async def close_all(cls) -> None:
        """Ends every connection of a test."""
        devices, cls.all = cls.all, []
        for device in devices:
            device.writer.transport.abort()
            await device.close()

    async def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()

    async def heard(self, end: bytes) -> bytes:
        """What the gateway answers, up to that mark."""
        return await asyncio.wait_for(self.reader.readuntil(end), ANSWER_S)

    async def closed(self) -> bytes:
        """What comes until the gateway closes the connection."""
        try:
            return await asyncio.wait_for(self.reader.read(), ANSWER_S)
        except ConnectionError:
            return b""

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


class Datagrams(asyncio.DatagramProtocol):
    """A device that sends datagrams and keeps what it hears."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: object) -> None:
        del addr
        self.heard.put_nowait(data)

    async def next(self) -> bytes:
        """The next datagram that comes back."""
        return await asyncio.wait_for(self.heard.get(), ANSWER_S)


async def datagrams_to(gate: Gate, family: str) -> tuple[asyncio.DatagramTransport, Datagrams]:
    """A device of a family that speaks by datagrams."""
    return await asyncio.get_running_loop().create_datagram_endpoint(
        Datagrams, remote_addr=(HERE, gate.listeners.udp[family].port)
    )


async def eventually_async(condition: Callable[[], Awaitable[bool]], deadline_s: float = 20.0) -> None:
    """Waits until an awaited condition holds."""
    until_s = time.monotonic() + deadline_s
    while not await condition():
        if time.monotonic() > until_s:
            raise AssertionError("it didn't come to pass in time")
        await asyncio.sleep(0.02)
