"""`PahoSession`: an `MqttSession` that keeps one `PahoLink` after another alive in its own thread."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import threading
from collections.abc import Sequence

from gateway import mqtt_packets
from gateway.course import Course, LinkDownError, Retry
from gateway.dialling import filters_of, tls_context
from gateway.frames import Frames
from gateway.inbox import Inbox
from gateway.paho_link import PahoLink
from gateway.session import Delivery, OnState
from sealtrail.runtime.settings.gateway import GatewaySettings

JOIN_TIMEOUT_S = 5.0


class PahoSession:
    """See `MqttSession` for the contract."""

    def __init__(self, settings: GatewaySettings, on_state: OnState, retry: Retry | None = None) -> None:
        """Raises `SettingsError` when there is no broker to connect to or TLS can't be set up."""
        self._settings = settings
        self._context = tls_context(settings.mqtt)
        self._filters = filters_of(settings.mqtt)
        self._course = Course(on_state, retry or Retry())
        self._inbox: Inbox | None = None
        self._closing = threading.Event()
        self._poke_end, self._wake_end = socket.socketpair()
        self._poke_end.setblocking(False)
        self._wake_end.setblocking(False)
        self._thread: threading.Thread | None = None

    # ----------------------------------------------------------- event loop

    async def open(self) -> None:
        """See `MqttSession.open`."""
        self._inbox = Inbox(self._settings.max_pending_messages, self._settings.max_pending_bytes, self._poke)
        self._thread = threading.Thread(target=self._run, args=(self._inbox,), name="mqtt", daemon=True)
        self._thread.start()

    async def take(self, most: int, linger_s: float) -> list[Delivery]:
        """See `MqttSession.take`."""
        return await self._opened.take(most, linger_s)

    def ack(self, tokens: Sequence[int]) -> None:
        """See `MqttSession.ack`."""
        self._opened.settle(tokens)

    def reply(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """See `MqttSession.reply`."""
        self._opened.send(b"".join([mqtt_packets.publish(topic, payload) for topic, payload in messages]))

    def cease(self) -> None:
        """See `MqttSession.cease`."""
        if self._inbox is not None:
            self._inbox.end()

    async def close(self) -> None:
        """See `MqttSession.close`."""
        self.cease()
        self._closing.set()
        self._poke()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, JOIN_TIMEOUT_S)
            if self._thread.is_alive():  # it is inside a connection attempt and ends with the process
                return
        self._poke_end.close()
        self._wake_end.close()

    @property
    def _opened(self) -> Inbox:
        if self._inbox is None:
            raise RuntimeError("the session isn't open")
        return self._inbox

    def _poke(self) -> None:
        with contextlib.suppress(OSError):  # full: the thread wakes anyway; closed: it has ended
            self._poke_end.send(b"\0")

    # ------------------------------------------------------- network thread

    def _run(self, inbox: Inbox) -> None:
        for generation in itertools.count(1):
            if self._closing.is_set():
                break
            frames = Frames(generation, self._settings.max_payload_bytes + 1)
            try:
                link = PahoLink(
                    self._settings.mqtt, self._context, inbox, self._wake_end, frames, self._filters
                )
                link.serve(self._closing, self._course.subscribed)
            except LinkDownError as down:
                inbox.forget_unacknowledged()
                self._closing.wait(self._course.down(down.state, str(down)))
            except Exception as error:  # noqa: BLE001 - a fault of ours must not leave a deaf gateway behind
                inbox.forget_unacknowledged()
                self._closing.wait(self._course.fault(error))
        self._course.closed()
