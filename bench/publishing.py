"""The publisher's process from outside."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator

import msgspec

from bench.errors import BenchError
from bench.load import Load
from bench.publisher import Broker, Done, Start, Work

STOP_DEADLINE_S = 15.0


class PublisherProcess:
    """`bench.publisher` from outside. Use `publishing`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    def _write(self, line: bytes) -> None:
        if self._process.stdin is None:
            raise AssertionError("opened with a pipe")
        self._process.stdin.write(line + b"\n")

    async def _read(self) -> bytes:
        if self._process.stdout is None:
            raise AssertionError("opened with a pipe")
        line = await self._process.stdout.readline()
        if not line:
            raise BenchError("the publisher has died; its error stands above")
        return line

    def begin(self, start: Start) -> None:
        self._write(msgspec.json.encode(start))

    async def prepare(self, work: Work) -> None:
        """Encodes the work; the next call must be `go`."""
        self._write(msgspec.json.encode(work))
        await self._read()

    async def go(self) -> Done:
        """Publishes what was prepared; returns when all of it is acknowledged."""
        self._write(b"")
        return msgspec.json.decode(await self._read(), type=Done)

    async def close(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_DEADLINE_S)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


@contextlib.asynccontextmanager
async def publishing(broker: Broker, load: Load, window: int) -> AsyncIterator[PublisherProcess]:
    """A publisher that is connected to the broker, or will say why not at its first work."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.publisher",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    publisher = PublisherProcess(process)
    try:
        publisher.begin(Start(broker=broker, load=load, window=window))
        yield publisher
    finally:
        await publisher.close()
