"""`TcpPort`: one listening port for one family, with TLS and PROXY protocol where they are wanted."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Coroutine
from typing import Any

from gateway.listeners.accepting import accept
from gateway.listeners.door import Door
from gateway.listeners.limits import Limits
from gateway.listeners.proxy_protocol import HEAD_BYTES, ProxyError, body_length, source_address
from gateway.listeners.talk import END_OF_INPUT, Talk
from sealtrail.contract.errors import SettingsError
from sealtrail.runtime.settings.gateway import ListenerSettings

READ_BYTES = 16_384
BACKLOG = 1_024
CLOSE_S = 10.0
"""How long a connection that we close may take to read its last answers."""
GOODBYE_S = 1.0
"""How long the end of the gateway waits for answers that are leaving."""
DEAF_BYTES = 65_536
"""Answers that a device may leave unread before it isn't heard any more."""

_buffer = memoryview(bytearray(READ_BYTES))
"""One for all connections: a read is copied out of it before the next one begins."""


class Connection(asyncio.BufferedProtocol):
    """One connection of a device."""

    def __init__(self, port: TcpPort, address: str) -> None:
        self._port = port
        self._door = port.door
        self.address = address
        self._transport: asyncio.Transport | None = None
        self._paused = self._deaf = False
        self.lost = False  # once it is closed
        self._cut_at_s: float | None = None
        self._made_s = self._door.monotonic()
        self.talk = Talk(self._door, address, self._send, self._cut, self._ready)

    @property
    def made(self) -> bool:
        """Whether the connection stands, or stood."""
        return self._transport is not None

    # ------------------------------------------------------------------------ asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.BaseProtocol`."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("a stream transport is needed")
        self._transport = transport
        transport.set_write_buffer_limits(high=DEAF_BYTES)
        self._port.connections[self] = None
        self._door.counts.connections.inc()

    def get_buffer(self, sizehint: int) -> memoryview:
        """See `asyncio.BufferedProtocol`."""
        del sizehint
        return _buffer

    def buffer_updated(self, nbytes: int) -> None:
        """See `asyncio.BufferedProtocol`."""
        self.talk.feed(bytes(_buffer[:nbytes]))
        self._regulate()

    def eof_received(self) -> bool:
        """The device sends nothing more; over TCP (not TLS) its answers can still reach it."""
        if self._door.name != "tcp":
            return False
        self.talk.no_more_input()
        return True

    def pause_writing(self) -> None:
        """The device leaves its answers unread."""
        self._deaf = True
        self._regulate()

    def resume_writing(self) -> None:
        """It reads again."""
        self._deaf = False
        self._regulate()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.BaseProtocol`."""
        del exc
        self.lost = True
        self._port.one_lost.set()
        self._door.counts.connections.dec()
        self.talk.gone()
        self._release_if_done()

    # ------------------------------------------------------------------------- the talk's side

    def _send(self, answer: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(answer)

    def _cut(self, reason: str) -> None:
        if reason != END_OF_INPUT:
            self._door.refused(reason)
        self._cut_at_s = self._door.monotonic()
        if self._transport is not None:
            self._transport.close()

    def _ready(self) -> None:
        self._regulate()
        self._release_if_done()

    def _regulate(self) -> None:
        """Reads while there is room for what comes and the device reads what it gets."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        held = self.talk.held or self._deaf
        if held and not self._paused:
            self._paused = True
            transport.pause_reading()
        elif not held and self._paused:
            self._paused = False
            self.talk.heard_s = self._door.monotonic()
            transport.resume_reading()

    def _release_if_done(self) -> None:
        if self.lost and self.talk.drained and self in self._port.connections:
            del self._port.connections[self]
            self._port.limits.leave(self.address)

    # ------------------------------------------------------------------------- the port's side

    def sweep(self, now_s: float) -> None:
        """Ends what has been silent for too long or may speak no longer."""
        bounds = self._door.bounds
        if self.lost:
            return
        if self._cut_at_s is not None:
            if now_s - self._cut_at_s > CLOSE_S and self._transport is not None:
                self._transport.abort()
            return
        waits_for_log = self._paused and not self._deaf
        if not waits_for_log and not self.talk.named and now_s - self._made_s > bounds.login_timeout_s:
            self.talk.end("login_timeout")
        elif not waits_for_log and now_s - self.talk.heard_s > bounds.idle_timeout_s:
            self.talk.end("idle_timeout")
        else:
            self.talk.check_standing()
        self._regulate()

    def finish(self) -> None:
        """Hears what was received, reads nothing more."""
        self.talk.finish()
        self._regulate()

    def close(self, *, at_once: bool = False) -> None:
        """Closes when what was sent has left; ``at_once`` without waiting for that."""
        if self._transport is not None and not self.lost:
            if at_once:
                self._transport.abort()
            else:
                self._transport.close()


class TcpPort:
    """Accepts connections within the limits."""

    def __init__(
        self, door: Door, settings: ListenerSettings, limits: Limits, context: ssl.SSLContext | None
    ) -> None:
        self.door = door
        self.limits = limits
        self.connections: dict[Connection, None] = {}  # also those that are gone while their bytes wait
        self._settings = settings
        self._context = context
        self._listening: list[socket.socket] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.one_lost = asyncio.Event()  # a connection has ended

    @property
    def port(self) -> int:
        """The port in fact."""
        return int(self._listening[0].getsockname()[1])

    def open(self) -> None:
        """Listens; raises `SettingsError` where that can't be."""
        wanted = self.door.wire.default_port if self._settings.port is None else self._settings.port
        self._listening = [bound_socket(self.door.family, self._settings.host, wanted, socket.SOCK_STREAM)]
        self._listening[0].listen(BACKLOG)
        self._start(accept(self._listening[0], self.door.family, self._begin))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _begin(self, sock: socket.socket, host: str) -> None:
        refused = self.limits.enter(host)
        if refused is not None:
            sock.close()
            self.door.refused(refused)
            return
        self._start(self._set_up(sock, host))

    async def _set_up(self, sock: socket.socket, host: str) -> None:
        loop = asyncio.get_running_loop()
        bounds = self.door.bounds
        connection: Connection | None = None
        reason = ""
        try:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if self._settings.proxy_protocol:
                reason = "no_proxy_header"
                async with asyncio.timeout(bounds.login_timeout_s):
                    host = await self._proxied(sock, host)
            reason = "tls_handshake"
            made = connection = Connection(self, host)
            await loop.connect_accepted_socket(
                lambda: made,
                sock,
                ssl=self._context,
                ssl_handshake_timeout=bounds.login_timeout_s if self._context else None,
            )
        except (OSError, TimeoutError):  # counted: what strangers do isn't worth a line each
            self.door.refused(reason)
        except ProxyError as error:
            self.door.refused(error.reason)
        finally:
            if connection is None or not connection.made:
                sock.close()
                self.limits.leave(host)

    async def _proxied(self, sock: socket.socket, host: str) -> str:
        head = await _received(sock, HEAD_BYTES)
        found = source_address(head, await _received(sock, body_length(head)))
        if found is None:
            return host
        refused = self.limits.move(host, found)
        if refused is not None:
            raise ProxyError(refused)
        return found

    def sweep(self) -> None:
        """See `Connection.sweep`."""
        now_s = self.door.monotonic()
        for connection in list(self.connections):
            connection.sweep(now_s)

    def finish(self) -> None:
        """Accepts and reads nothing more; hears what was received."""
        for task in list(self._tasks):
            task.cancel()
        for listening in self._listening:
            listening.close()
        for connection in list(self.connections):
            connection.finish()

    async def close(self) -> None:
        """Closes all connections."""
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in list(self.connections):
            connection.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_S):
                while not all(connection.lost for connection in self.connections):
                    self.one_lost.clear()
                    await self.one_lost.wait()
        for connection in list(self.connections):
            connection.close(at_once=True)


async def _received(sock: socket.socket, size: int) -> bytes:
    """Exactly that many bytes."""
    loop = asyncio.get_running_loop()
    data = b""
    while len(data) < size:
        more = await loop.sock_recv(sock, size - len(data))
        if not more:
            raise ProxyError("no_proxy_header", "the connection ended before it")
        data += more
    return data


def bound_socket(family: str, host: str, port: int, kind: socket.SocketKind) -> socket.socket:
    """A non-blocking socket on that address; raises `SettingsError` where that can't be."""
    sock: socket.socket | None = None
    try:
        inet, kind_found, protocol, _, address = socket.getaddrinfo(
            host, port, type=kind, flags=socket.AI_PASSIVE
        )[0]
        sock = socket.socket(inet, kind_found, protocol)
        sock.setblocking(False)
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
    except OSError as error:
        if sock is not None:
            sock.close()
        raise SettingsError(f"gateway.listen.{family}: can't listen on {host}:{port}: {error}") from error
    return sock
