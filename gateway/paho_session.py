"""`PahoSession`: an `MqttSession` that keeps one `PahoLink` after another alive in its own thread."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from gateway.decoders import decoders
from gateway.foreign_topics import ForeignTopics
from gateway.frames import Frames
from gateway.inbox import Inbox
from gateway.paho_link import LinkDownError, PahoLink
from gateway.session import Delivery, OnState, SessionState
from sealtrail.contract.errors import SettingsError
from sealtrail.runtime.backoff import backoff_s
from sealtrail.runtime.settings.gateway import GatewaySettings, MqttSettings

LOGGER = structlog.get_logger(__name__)

STEADY_S = 5.0
"""A connection that lasted this long starts the waiting times anew."""
JOIN_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Retry:
    """Seconds between tries: growing while the broker is away, long while it refuses us."""

    first_s: float = 0.2
    cap_s: float = 15.0
    refused_s: float = 30.0


def _tls_context(settings: MqttSettings) -> ssl.SSLContext | None:
    if not settings.tls:
        return None
    try:
        context = ssl.create_default_context(cafile=str(settings.tls_ca) if settings.tls_ca else None)
        if settings.tls_cert is not None:
            context.load_cert_chain(settings.tls_cert, settings.tls_key)
    except OSError as error:
        raise SettingsError(f"gateway.mqtt: TLS files can't be used: {error}") from error
    return context


class PahoSession:
    """See `MqttSession` for the contract."""

    def __init__(self, settings: GatewaySettings, on_state: OnState, retry: Retry | None = None) -> None:
        """Raises `SettingsError` when there is no broker to connect to or TLS can't be set up."""
        if not settings.mqtt.host:
            raise SettingsError("gateway.mqtt.host is empty: set it, or start everything with `sealtrail up`")
        self._settings = settings
        self._on_state = on_state
        self._retry = retry or Retry()
        self._context = _tls_context(settings.mqtt)
        foreign = ForeignTopics(decoders()) if settings.mqtt.foreign_topics else ForeignTopics({})
        self._more_filters = foreign.filters(like=settings.mqtt.topic_filter)
        self._inbox: Inbox | None = None
        self._closing = threading.Event()
        self._state = SessionState.CONNECTING
        self._poke_end, self._wake_end = socket.socketpair()
        self._poke_end.setblocking(False)
        self._wake_end.setblocking(False)
        self._thread: threading.Thread | None = None
        self._subscribed_at_s: float | None = None
        self._waits = backoff_s(self._retry.first_s, self._retry.cap_s)

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
                    self._settings.mqtt, self._context, inbox, self._wake_end, frames, self._more_filters
                )
                link.serve(self._closing, self._subscribed)
            except LinkDownError as down:
                self._is_down(inbox, down.state, str(down))
            except Exception as error:  # a fault of ours must not leave a deaf gateway behind
                LOGGER.exception("mqtt_link_failed")
                self._is_down(
                    inbox, SessionState.LOST, f"fault in the MQTT link: {type(error).__name__}: {error}"
                )
        self._enter(SessionState.CLOSED, "disconnected")

    def _is_down(self, inbox: Inbox, state: SessionState, why: str) -> None:
        """Forgets what the broker delivers again, and waits before the next try."""
        inbox.forget_unacknowledged()
        self._enter(state, why)
        self._closing.wait(self._wait_s(state))

    def _subscribed(self, resumed: bool) -> None:  # noqa: FBT001 - the link's callback
        self._subscribed_at_s = time.monotonic()
        how = "resumed the broker's session" if resumed else "the broker had no session of ours"
        self._enter(SessionState.SUBSCRIBED, how)

    def _wait_s(self, state: SessionState) -> float:
        if self._subscribed_at_s is not None and time.monotonic() - self._subscribed_at_s > STEADY_S:
            self._waits = backoff_s(self._retry.first_s, self._retry.cap_s)
        self._subscribed_at_s = None
        return next(self._waits) if state is SessionState.LOST else self._retry.refused_s

    def _enter(self, state: SessionState, why: str) -> None:
        if state is self._state:
            return
        self._state = state
        as_wished = state in (SessionState.SUBSCRIBED, SessionState.CLOSED)
        (LOGGER.info if as_wished else LOGGER.warning)(f"mqtt_{state.value}", detail=why)
        self._on_state(state, why)
