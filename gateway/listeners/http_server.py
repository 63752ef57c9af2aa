"""`HttpServer`: uvicorn behind our own door, which counts connections before it hands them over."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from gateway.listeners.accepting import accept
from gateway.listeners.limits import Limits

REFUSED = (
    b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
    b"Retry-After: 5\r\nConnection: close\r\n\r\n%b"
)
STATUS = {"too_many_from_address": b"429 Too Many Requests"}
BUSY = b"503 Service Unavailable"


@dataclass(frozen=True, slots=True)
class HttpDoor:
    """What the server needs to know about its port."""

    listening: socket.socket
    context: ssl.SSLContext | None
    limits: Limits
    patience_s: float  # for the TLS handshake, and for a whole request to come
    is_proxy: Callable[[str], bool]  # whether an address is a proxy's, which speaks for many
    refused: Callable[[str], None]  # hears why a connection was turned away


class _Impatient(H11Protocol):
    """A connection that is cut when no whole request comes in its time, twice it at most."""

    patience_s = 15.0
    made = False

    def __init__(self, config: uvicorn.Config, server: uvicorn.Server, left: Callable[[], None]) -> None:
        super().__init__(config, server.server_state, server.lifespan.state)
        self._left = left

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        self.made = True
        super().connection_made(transport)
        self._last: object = None
        self._look_later()

    def _look_later(self) -> None:
        self._looking = self.loop.call_later(self.patience_s, self._look)

    def _look(self) -> None:
        waits = self.cycle is None or self.cycle.response_complete
        if waits and self.cycle is self._last:
            self.transport.abort()
            return
        self._last = self.cycle
        self._look_later()

    def connection_lost(self, exc: Exception | None) -> None:
        self._looking.cancel()
        super().connection_lost(exc)
        self._left()


class HttpServer(uvicorn.Server):
    """uvicorn's server in a process that has its own way to end, and its own way to accept."""

    def __init__(self, config: uvicorn.Config, door: HttpDoor) -> None:
        super().__init__(config)
        self._door = door
        self._tasks: set[asyncio.Task[None]] = set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accepts connections; see `uvicorn.Server`."""
        del sockets
        await self.lifespan.startup()
        self.servers = []
        self._keep(asyncio.create_task(accept(self._door.listening, "http", self._begin)))
        self.started = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accepts no more; see `uvicorn.Server`."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await super().shutdown(sockets)

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _begin(self, sock: socket.socket, host: str) -> None:
        door = self._door
        refused = door.limits.enter(host, of_many=door.is_proxy(host))
        if refused is None:
            self._keep(asyncio.create_task(self._set_up(sock, host)))
            return
        door.refused(refused)
        if door.context is None:
            body = b'{"refused":"%b"}' % refused.encode()
            with contextlib.suppress(OSError):
                sock.send(REFUSED % (STATUS.get(refused, BUSY), len(body), body))
                sock.shutdown(socket.SHUT_WR)
        sock.close()

    async def _set_up(self, sock: socket.socket, host: str) -> None:
        door = self._door
        protocol = _Impatient(self.config, self, lambda: door.limits.leave(host))
        protocol.patience_s = door.patience_s
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: protocol,
                sock,
                ssl=door.context,
                ssl_handshake_timeout=door.patience_s if door.context else None,
            )
        except OSError:  # counted: what strangers do isn't worth a line each
            door.refused("tls_handshake")
        finally:
            if not protocol.made:
                sock.close()
                door.limits.leave(host)
