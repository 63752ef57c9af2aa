"""`UdpPort`: datagrams of one family. Every datagram is a conversation of its own.

The socket isn't read while there is no room; what the kernel then drops, it
drops unseen, as UDP does anywhere on the way. A device that must not lose
anything waits for the family's answer and sends again.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import Counter
from typing import Any

import structlog

from gateway.listeners.door import Door
from gateway.listeners.talk import Talk
from gateway.listeners.tcp import bound_socket
from sealtrail.runtime.settings.gateway import ListenerSettings

LOGGER = structlog.get_logger(__name__)

DATAGRAM_BYTES = 65_535
TURN = 64
"""Datagrams that are read before anything else has its turn."""
RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
"""Asked of the kernel, which may give less."""

Address = tuple[Any, ...]


class UdpPort:
    """Reads within the bounds; one address can't fill them all."""

    def __init__(self, door: Door, settings: ListenerSettings) -> None:
        self.door = door
        self._settings = settings
        self._socket: socket.socket | None = None
        self._waiting: Counter[str] = Counter()  # datagrams by address of which the log doesn't have all yet
        self._reading = False

    @property
    def port(self) -> int:
        """The port in fact."""
        return int(self._opened.getsockname()[1])

    @property
    def _opened(self) -> socket.socket:
        if self._socket is None:
            raise RuntimeError("the port isn't open")
        return self._socket

    def open(self) -> None:
        """Listens; raises `SettingsError` where that can't be."""
        wanted = self.door.wire.default_port if self._settings.port is None else self._settings.port
        self._socket = bound_socket(self.door.family, self._settings.host, wanted, socket.SOCK_DGRAM)
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        self._watch(reading=True)

    def _watch(self, *, reading: bool) -> None:
        if reading == self._reading:
            return
        self._reading = reading
        loop = asyncio.get_running_loop()
        if reading:
            loop.add_reader(self._opened, self._read)
        else:
            loop.remove_reader(self._opened)

    def _read(self) -> None:
        for _ in range(TURN):
            if not self.door.intake.has_room:
                self._watch(reading=False)
                self.door.intake.want_room(self)
                return
            try:
                data, address = self._opened.recvfrom(DATAGRAM_BYTES)
            except BlockingIOError:
                return
            except OSError as error:  # an answer that could not be delivered is told here
                LOGGER.debug("udp_error", family=self.door.family, detail=str(error))
                continue
            self._hear(data, address)

    def _hear(self, data: bytes, address: Address) -> None:
        host = str(address[0])
        if self._waiting[host] >= self.door.bounds.max_pending_per_connection:
            self.door.refused("too_many_from_address")
            return
        _Datagram(self, host, address).hear(data)

    def begun(self, host: str) -> None:
        """A datagram of that address waits for the log."""
        self._waiting[host] += 1

    def ended(self, host: str) -> None:
        """It doesn't any more."""
        self._waiting[host] -= 1
        if self._waiting[host] <= 0:
            del self._waiting[host]

    def answer(self, data: bytes, address: Address) -> None:
        """Sends one datagram, if it can be sent."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.sendto(data, address)

    # ------------------------------------------------------------- as a party of the intake

    def settled(self, entry: object) -> None:
        """See `gateway.listeners.intake.Party`; the port has no messages of its own."""

    def flush(self) -> None:
        """See `gateway.listeners.intake.Party`."""

    def resume(self) -> None:
        """See `gateway.listeners.intake.Party`."""
        if self._socket is not None:
            self._watch(reading=True)

    # ----------------------------------------------------------------------------- the end

    def sweep(self) -> None:
        """Nothing lasts here."""

    def finish(self) -> None:
        """Reads nothing more; answers still go out."""
        self._watch(reading=False)
        self.door.intake.forget(self)

    async def close(self) -> None:
        """Closes the port."""
        if self._socket is not None:
            self._watch(reading=False)
            self._socket.close()
            self._socket = None


class _Datagram:
    """One datagram until the log has what is in it."""

    def __init__(self, port: UdpPort, host: str, address: Address) -> None:
        self._port = port
        self._host = host
        self._address = address
        self._talk = Talk(port.door, host, self._send, self._over, self._ready)
        self._ended = False

    def hear(self, data: bytes) -> None:
        self._port.begun(self._host)
        self._talk.feed(data)
        self._talk.finish()  # a datagram is heard whole or not at all: it is small

    def _send(self, answer: bytes) -> None:
        self._port.answer(answer, self._address)

    def _over(self, reason: str) -> None:
        del reason  # what was wrong with it stands in the quarantine
        if not self._ended:
            self._ended = True
            self._port.ended(self._host)

    def _ready(self) -> None:
        """There is nothing more to read."""
