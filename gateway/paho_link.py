"""`PahoLink`: one connection to an MQTT 3.1.1 broker. The only file that knows paho-mqtt.

paho parses and keeps the protocol's state; its own thread and reconnect loop
are not used, because they read the socket whether or not there is room for what
comes, and acknowledge with one system call a message. Here one `select` drives
the connection: it reads in bursts and only while there is room (so that TCP
holds the broker back), and writes the acknowledgements of a batch at once.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from gateway.inbox import Inbox
from gateway.session import Delivery, SessionState
from sealtrail.contract.errors import UnavailableError
from sealtrail.runtime.settings.gateway import MqttSettings

CONNECT_TIMEOUT_S = 4.0
SUBSCRIBE_TIMEOUT_S = 15.0
CLOSE_TIMEOUT_S = 1.0
TICK_S = 1.0
BURST = 256
"""Packets that are read before the waiting acknowledgements get their turn."""

_PUBACK = 0x4002_0000
_PINGREQ = b"\xc0\x00"
_DISCONNECT = b"\xe0\x00"
_REFUSED_QOS = 0x80
_UNREADABLE_TOPIC = "(topic is not UTF-8)"
_REFUSALS = {
    "Not authorized": SessionState.CREDENTIALS_REFUSED,
    "Bad user name or password": SessionState.CREDENTIALS_REFUSED,
    "Client identifier not valid": SessionState.CLIENT_REFUSED,
}


class LinkDownError(UnavailableError):
    """The connection can't be made or has ended; ``state`` says which way."""

    def __init__(self, state: SessionState, detail: str) -> None:
        super().__init__(detail)
        self.state = state


class PahoLink:
    """One connection, used once. Tokens are its generation and the packet identifier."""

    def __init__(
        self,
        settings: MqttSettings,
        context: ssl.SSLContext | None,
        inbox: Inbox,
        wake: socket.socket,
        *,
        generation: int,
        keep_bytes: int,
    ) -> None:
        """``wake`` becomes readable when the inbox has news; longer payloads are cut to ``keep_bytes``."""
        self._settings = settings
        self._inbox = inbox
        self._wake = wake
        self._generation = generation
        self._keep_bytes = keep_bytes
        self._selector = selectors.DefaultSelector()
        self._watched = 0  # the socket's events in the selector
        self._burst: list[Delivery] = []
        self._packets = 0
        self._unread = False  # more may be waiting than was read
        self._unacknowledged: set[int] = set()
        self._outgoing = bytearray()
        self._torn = False  # a part of `_outgoing` has been sent, perhaps of a packet
        self._last_ping_s = time.monotonic()
        self._subscribed = False
        self._resumed = False
        self._failure: LinkDownError | None = None
        self._client = self._new_client(context)

    def _new_client(self, context: ssl.SSLContext | None) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._settings.client_id,
            clean_session=False,
            protocol=MQTTv311,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.connect_timeout = CONNECT_TIMEOUT_S
        if self._settings.username:
            client.username_pw_set(self._settings.username, self._settings.password.get_secret_value())
        if context is not None:
            client.tls_set_context(context)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    def _on_connect(
        self, client: Client, _data: Any, flags: ConnectFlags, reason: ReasonCode, _more: Properties | None
    ) -> None:
        if reason.is_failure:
            state = _REFUSALS.get(str(reason), SessionState.LOST)
            self._failure = LinkDownError(state, f"the broker refused the connection: {reason}")
            return
        self._resumed = flags.session_present
        client.subscribe(self._settings.topic_filter, qos=1)

    def _on_subscribe(
        self, _client: Client, _data: Any, _mid: int, reasons: list[ReasonCode], _more: Properties | None
    ) -> None:
        if any(reason.value >= _REFUSED_QOS for reason in reasons):
            self._failure = LinkDownError(
                SessionState.SUBSCRIPTION_REFUSED,
                f"the broker refused the subscription to {self._settings.topic_filter}",
            )
        else:
            self._subscribed = True

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self._packets += 1
        token = 0
        if message.qos:
            if message.mid in self._unacknowledged:
                return  # the broker's own repetition of what is already in hand
            self._unacknowledged.add(message.mid)
            token = self._generation << 16 | message.mid
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = _UNREADABLE_TOPIC
        payload = bytes(message.payload)
        if len(payload) > self._keep_bytes:
            payload = payload[: self._keep_bytes]
        self._burst.append((topic, payload, token))

    def serve(self, closing: threading.Event, on_subscribed: Callable[[bool], None]) -> None:
        """Connects, subscribes, then moves messages and acknowledgements until ``closing`` is set.

        ``on_subscribed`` gets whether the broker had kept the session. Raises
        `LinkDownError` when the connection can't be made or ends.
        """
        try:
            self._client.connect_async(
                self._settings.host, self._settings.port, keepalive=self._settings.keep_alive_s
            )
            self._must(self._client.reconnect())
            self._selector.register(self._wake, selectors.EVENT_READ)
            self._subscribe(closing)
            if self._subscribed:
                on_subscribed(self._resumed)
            while not (closing.is_set() and self._nothing_to_send()):
                self._turn(self._inbox.room())
            self._say_goodbye(self._sock())
        except (OSError, ValueError) as error:
            where = f"{self._settings.host}:{self._settings.port}"
            raise LinkDownError(SessionState.LOST, f"MQTT broker {where}: {error}") from error
        finally:
            self._selector.close()
            left = self._client.socket()
            if left is not None:
                left.close()

    def _sock(self) -> socket.socket:
        sock = self._client.socket()
        if not isinstance(sock, socket.socket):
            raise self._failure or LinkDownError(SessionState.LOST, "the broker closed the connection")
        return sock

    def _must(self, code: MQTTErrorCode) -> None:
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise self._failure or LinkDownError(
                SessionState.LOST, f"the connection to the broker ended: {code.name}"
            )

    def _subscribe(self, closing: threading.Event) -> None:
        """Reads on until the broker has answered, even where there is no room for messages."""
        deadline_s = time.monotonic() + SUBSCRIBE_TIMEOUT_S
        while not (self._subscribed or closing.is_set()):
            self._turn(self._inbox.room() or 1)
            if time.monotonic() > deadline_s:
                raise LinkDownError(SessionState.LOST, "the broker didn't answer CONNECT and SUBSCRIBE")

    def _turn(self, room: int) -> None:
        """Waits for something to do and does it once."""
        sock = self._sock()
        self._watch(sock, reading=room > 0)
        wait_s = 0 if room and self._unread else TICK_S
        ready = {key.fileobj: events for key, events in self._selector.select(wait_s)}
        if self._wake in ready:
            self._wake.recv(4096)
        if room and (self._unread or ready.get(sock, 0) & selectors.EVENT_READ):
            self._read(sock, room)
        self._acknowledge(self._inbox.settled())
        self._write(self._sock())
        self._stay_alive(paused=not room)
        if self._failure is not None:
            raise self._failure

    def _watch(self, sock: socket.socket, *, reading: bool) -> None:
        writing = bool(self._outgoing) or self._client.want_write()
        wanted = (selectors.EVENT_READ if reading else 0) | (selectors.EVENT_WRITE if writing else 0)
        if wanted == self._watched:
            return
        if not self._watched:
            self._selector.register(sock, wanted)
        elif not wanted:
            self._selector.unregister(sock)
        else:
            self._selector.modify(sock, wanted)
        self._watched = wanted

    def _nothing_to_send(self) -> bool:
        self._acknowledge(self._inbox.settled())
        return not self._outgoing and not self._client.want_write()

    def _read(self, sock: socket.socket, room: int) -> None:
        """Reads until the socket is dry, at most a burst and at most what there is room for."""
        self._unread = True
        for _ in range(min(room, BURST)):
            before = self._packets
            self._must(self._client.loop_read())
            if self._packets == before:  # nothing whole was there, or a packet that isn't a message
                self._unread = isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
                break
        if self._burst:
            burst, self._burst = self._burst, []
            self._inbox.put(burst)

    def _acknowledge(self, tokens: Sequence[int]) -> None:
        mids = [token & 0xFFFF for token in tokens if token >> 16 == self._generation]
        if mids:
            self._unacknowledged.difference_update(mids)
            self._outgoing += struct.pack(f"!{len(mids)}I", *[_PUBACK | mid for mid in mids])

    def _write(self, sock: socket.socket) -> None:
        """Packets of paho's own go first, never in the middle of ours."""
        if not self._torn and self._client.want_write():
            self._must(self._client.loop_write())
        if self._outgoing and not self._client.want_write():
            with contextlib.suppress(BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                sent = sock.send(self._outgoing)
                del self._outgoing[:sent]
            self._torn = bool(self._outgoing)

    def _stay_alive(self, *, paused: bool) -> None:
        """Keeps the broker from giving us up, and gives it up when it is silent.

        While the socket isn't read, or not yet dry, an answer to paho's ping
        can't be seen and its absence means nothing; then only the ping is sent.
        """
        if not (paused or self._unread or self._outgoing):
            self._must(self._client.loop_misc())
            return
        now_s = time.monotonic()
        if now_s - self._last_ping_s > self._settings.keep_alive_s / 2 and not self._outgoing:
            self._last_ping_s = now_s
            self._outgoing += _PINGREQ

    def _say_goodbye(self, sock: socket.socket) -> None:
        """Sends DISCONNECT and reads to the end.

        Closing with unread data would reset the connection and could destroy
        acknowledgements that are still on their way.
        """
        with contextlib.suppress(OSError):
            sock.settimeout(CLOSE_TIMEOUT_S)
            sock.sendall(_DISCONNECT)
            sock.shutdown(socket.SHUT_WR)
            deadline_s = time.monotonic() + CLOSE_TIMEOUT_S
            while time.monotonic() < deadline_s and sock.recv(65_536):
                pass
