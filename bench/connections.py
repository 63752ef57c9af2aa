"""``python -m bench.connections``: thousands of connections to a real gateway, and what they cost it.

A third has logged in and is silent, a third has sent half a frame and dribbles
on (slow-loris), a third says nothing at all. A good device beside them is timed.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
import struct
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import click

from bench import procfs
from bench.errors import BenchError
from bench.parts import Services, forget_settings, nats, services
from bench.table import columns
from gateway.decoders._crc16 import crc16_x25
from sealtrail.runtime import logs
from sealtrail.runtime.nats_endpoint import Endpoint
from sealtrail.runtime.settings.health import LoggingSettings
from tests.parts.ports import free_port

FAMILY = "gt06"
FROM_ONE_ADDRESS = 800
FILES_BESIDE = 256
LOGIN_S = 600
"""Nobody is cut for being silent while the measurement lasts."""
LOOK_S, DEADLINE_S = 0.05, 120.0
REPORTS = 200
DRIBBLE = b"\x78\x78\x1f\x12"
GATEWAY = "sealtrail_gateway_"


def frame(kind: int, body: bytes, serial: int) -> bytes:
    """A frame of GT06."""
    checked = bytes([len(body) + 5, kind]) + body + serial.to_bytes(2)
    return b"\x78\x78" + checked + crc16_x25(checked).to_bytes(2) + b"\r\n"


def login(number: int) -> bytes:
    """The login frame of a device, by its number."""
    return frame(0x01, bytes.fromhex(f"{868_000_000_000_000 + number:016d}"), 1)


class Row(NamedTuple):
    """Memory of the gateway at one moment, and the answers of a good device then."""

    state: str
    connections: int
    rss_mb: float
    answer_ms: str


class Crowd:
    """Connections of many addresses of this machine to one port."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._sockets: list[socket.socket] = []

    def grow(self, count: int) -> None:
        """Connects; a third each as the module says."""
        for number in range(count):
            address = f"127.0.{1 + number // FROM_ONE_ADDRESS}.1"
            sock = socket.create_connection(("127.0.0.1", self._port), 10, source_address=(address, 0))
            self._sockets.append(sock)
            if number % 3 == 0:
                sock.sendall(login(number))
            elif number % 3 == 1:
                sock.sendall(DRIBBLE)

    def dribble(self) -> None:
        """One more byte of every frame that never ends."""
        for sock in self._sockets[1::3]:
            sock.sendall(b"\0")

    def leave(self) -> None:
        """Ends all of them, half by a reset."""
        for number, sock in enumerate(self._sockets):
            if number % 2:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()
        self._sockets.clear()


def answers_ms(port: int) -> str:
    """Median and worst time until a good device's heartbeat is answered, one after the other."""
    times: list[float] = []
    with socket.create_connection(("127.0.0.1", port), 10) as good:
        good.settimeout(30)
        good.sendall(login(999_999))
        good.recv(64)
        for number in range(REPORTS):
            begun_s = time.perf_counter()
            good.sendall(frame(0x13, bytes.fromhex("4604030002"), number))
            if not good.recv(64):
                raise BenchError("the gateway cut a good device")
            times.append((time.perf_counter() - begun_s) * 1000)
    times.sort()
    return f"{times[len(times) // 2]:.1f} / {times[-1]:.1f}"


async def until(reached: Callable[[], bool], what: str) -> None:
    """Waits for it; raises `BenchError` where it doesn't come."""
    deadline_s = time.monotonic() + DEADLINE_S
    while not await asyncio.to_thread(reached):
        if time.monotonic() > deadline_s:
            raise BenchError(f"{what} after {DEADLINE_S:.0f} s")
        await asyncio.sleep(LOOK_S)


async def _measured(running: Services, port: int, count: int) -> list[Row]:
    pid = await running.start("gateway")
    rows: list[Row] = []

    def connections() -> int:
        return running.counter("gateway", f"{GATEWAY}door_connections")

    async def look(state: str) -> None:
        answer = await asyncio.to_thread(answers_ms, port)
        rows.append(Row(state, connections(), procfs.rss_mb(pid), answer))

    crowd = Crowd(port)
    try:
        await look("nobody")
        await asyncio.to_thread(crowd.grow, count)
        await until(lambda: connections() >= count, "not all were accepted")
        await look("all connected")
        for _ in range(20):
            await asyncio.to_thread(crowd.dribble)
        await look("after dribbling")
    finally:
        crowd.leave()
    await until(lambda: connections() == 0, "some were not let go")
    await look("all gone")
    refused = running.counter("gateway", f"{GATEWAY}door_refused_total")
    if refused:
        raise BenchError(f"{refused} connections were refused")
    return rows


async def _run(count: int, folder: Path) -> list[Row]:
    port = free_port()

    def environment(endpoint: Endpoint) -> dict[str, str]:
        return {
            "SEALTRAIL_GATEWAY__MQTT__HOST": "127.0.0.1",
            "SEALTRAIL_GATEWAY__MQTT__PORT": str(endpoint.mqtt_port),
            "SEALTRAIL_GATEWAY__MQTT__USERNAME": endpoint.mqtt_user,
            "SEALTRAIL_GATEWAY__MQTT__PASSWORD": endpoint.mqtt_password,
            "SEALTRAIL_GATEWAY__LISTEN__GT06__PORT": str(port),
            "SEALTRAIL_GATEWAY__DOORS__LOGIN_TIMEOUT_S": str(LOGIN_S),
        }

    with nats(folder / "nats") as endpoint:
        async with services(folder / "state", endpoint, environment(endpoint)) as running:
            return await _measured(running, port, count)


@click.command()
@click.option("--connections", "count", default=10_000, show_default=True, help="How many at one time.")
def main(*, count: int) -> None:
    """Measure what connections cost the gateway that say little or nothing.

    Example: python -m bench.connections --connections 10000
    """
    forget_settings()
    logs.configure(LoggingSettings(level="error"), "bench")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + FILES_BESIDE
    if hard != resource.RLIM_INFINITY and wanted > hard:
        raise click.ClickException(f"{hard} open files at most, {wanted} are needed: see ulimit -n")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    with tempfile.TemporaryDirectory(prefix="sealtrail-bench-") as folder:
        try:
            rows = asyncio.run(_run(count, Path(folder)))
        except (BenchError, OSError) as error:
            raise click.ClickException(str(error)) from error
    table = [["gateway", "connections", "resident MB", "answer ms, median / worst"]]
    table += [[row.state, f"{row.connections:,}", f"{row.rss_mb:.0f}", row.answer_ms] for row in rows]
    for line in columns(table):
        print(line)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
