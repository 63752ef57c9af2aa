"""`OwnSession`: an `MqttSession` in the event loop: no thread, no lock, one `OwnLink` after another."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
from collections.abc import Sequence

from gateway.course import Course, LinkDownError, Retry
from gateway.dialling import filters_of, tls_context
from gateway.frames import Frames
from gateway.own_link import OwnLink
from gateway.pending import Pending
from gateway.session import Delivery, OnState, SessionState
from sealtrail.runtime.settings.gateway import GatewaySettings

CONNECT_TIMEOUT_S = 10.0
"""For the connection and the TLS handshake."""


class OwnSession:
    """See `MqttSession` for the contract."""

    def __init__(self, settings: GatewaySettings, on_state: OnState, retry: Retry | None = None) -> None:
        """Raises `SettingsError` when there is no broker to connect to or TLS can't be set up."""
        self._settings = settings
        self._context = tls_context(settings.mqtt)
        self._filters = filters_of(settings.mqtt)
        self._course = Course(on_state, retry or Retry())
        self._pending = Pending(settings.max_pending_messages, settings.max_pending_bytes, self._has_room)
        self._link: OwnLink | None = None
        self._running: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """See `MqttSession.open`."""
        self._running = asyncio.create_task(self._run())
        self._running.add_done_callback(self._ran)

    async def take(self, most: int, linger_s: float) -> list[Delivery]:
        """See `MqttSession.take`."""
        return await self._pending.take(most, linger_s)

    def ack(self, tokens: Sequence[int]) -> None:
        """See `MqttSession.ack`."""
        if self._link is not None:
            self._link.acknowledge(tokens)
        self._pending.settle(len(tokens))

    def reply(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """See `MqttSession.reply`."""
        if self._link is not None:
            self._link.reply(messages)

    def cease(self) -> None:
        """See `MqttSession.cease`."""
        self._pending.end()

    async def close(self) -> None:
        """See `MqttSession.close`."""
        self.cease()
        if self._link is not None:
            await self._link.close()
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running
        self._course.closed()

    def _has_room(self) -> None:
        if self._link is not None:
            self._link.resume()

    def _ran(self, running: asyncio.Task[None]) -> None:
        """A session that can't go on lets its taker go, so that the gateway ends instead of being deaf."""
        if not running.cancelled() and running.exception() is not None:
            self.cease()

    async def _run(self) -> None:
        for generation in itertools.count(1):
            frames = Frames(generation, self._settings.max_payload_bytes + 1)
            try:
                await self._connection(frames)
            except LinkDownError as down:
                wait_s = self._course.down(down.state, str(down))
            except Exception as error:  # noqa: BLE001 - a fault of ours must not leave a deaf gateway behind
                wait_s = self._course.fault(error)
            else:
                return  # closed by us
            await asyncio.sleep(wait_s)

    async def _connection(self, frames: Frames) -> None:
        """Connects and returns when the connection was closed by us; else raises `LinkDownError`."""
        link = OwnLink(self._settings.mqtt, self._filters, frames, self._pending, self._course.subscribed)
        self._link = link
        try:
            await self._dial(link)
            await link.ended
        finally:
            self._link = None
            link.abandon()
            self._pending.forget_unacknowledged()

    async def _dial(self, link: OwnLink) -> None:
        mqtt = self._settings.mqtt
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await asyncio.get_running_loop().create_connection(
                    lambda: link, mqtt.host, mqtt.port, ssl=self._context
                )
        except (OSError, TimeoutError) as error:
            raise LinkDownError(
                SessionState.LOST, f"MQTT broker {mqtt.host}:{mqtt.port}: {_why(error)}"
            ) from error


def _why(error: OSError) -> str:
    """A reason for people: asyncio's own text hides the system's, which says most."""
    if isinstance(error, ConnectionError) and error.errno is not None:
        return os.strerror(error.errno)
    return str(error) or f"no answer within {CONNECT_TIMEOUT_S:.0f} s"
