"""A broker that says byte for byte what a test tells it, one script for each connection."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Awaitable, Callable

CONNECT, PUBLISH, PUBACK, SUBSCRIBE, PINGREQ, DISCONNECT = 1, 3, 4, 8, 12, 14
CONNACK_NEW, CONNACK_KEPT = b"\x20\x02\x00\x00", b"\x20\x02\x01\x00"
SUBACK = b"\x90\x03\x00\x01\x01"
PINGRESP = b"\xd0\x00"


class Peer:
    """The gateway's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    async def packet(self) -> tuple[int, bytes]:
        """(type, body) of the next packet; ``IncompleteReadError`` at the end."""
        (first,) = await self._reader.readexactly(1)
        length = shift = 0
        while True:
            (digit,) = await self._reader.readexactly(1)
            length |= (digit & 0x7F) << shift
            if not digit & 0x80:
                return first >> 4, await self._reader.readexactly(length)
            shift += 7

    async def expect(self, kind: int) -> bytes:
        """Body of the next packet of that type; pings on the way are answered."""
        while True:
            found, body = await self.packet()
            if found == kind:
                return body
            assert found == PINGREQ, f"packet {found} where {kind} was expected"
            self.writer.write(PINGRESP)

    async def acknowledged(self, count: int) -> list[int]:
        """Identifiers of so many PUBACKs."""
        return [struct.unpack("!H", await self.expect(PUBACK))[0] for _ in range(count)]

    async def accept(self, connack: bytes = CONNACK_NEW) -> None:
        """Takes CONNECT and SUBSCRIBE, as a sound broker does."""
        await self.expect(CONNECT)
        self.writer.write(connack)
        await self.expect(SUBSCRIBE)
        self.writer.write(SUBACK)

    async def until_gone(self) -> None:
        """Reads until the gateway has closed the connection."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                await self.packet()


Script = Callable[[Peer], Awaitable[None]]


@contextlib.asynccontextmanager
async def scripted_broker(*scripts: Script) -> AsyncIterator[tuple[int, asyncio.Future[None]]]:
    """Port of a server that plays one script for each connection, and what becomes done with the last.

    A script that fails fails that future. Further connections get the last script again.
    """
    played: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    count = 0
    serving: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        number, count = count, count + 1
        try:
            await scripts[min(number, len(scripts) - 1)](Peer(reader, writer))
            if number == len(scripts) - 1 and not played.done():
                played.set_result(None)
        except Exception as error:  # noqa: BLE001 - it is the test's
            if not played.done() and number < len(scripts):
                played.set_exception(error)
        finally:
            writer.close()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving[asyncio.create_task(serve(reader, writer))] = writer

    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], played
    finally:
        for _ in range(10):  # what was just accepted needs some turns, and a server that is still open
            await asyncio.sleep(0)
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        for writer in serving.values():  # a task that was cancelled before its first step has closed nothing
            writer.transport.abort()
        await asyncio.gather(*(writer.wait_closed() for writer in serving.values()), return_exceptions=True)
        if played.done() and not played.cancelled():
            played.exception()
