"""`PahoLink`: one connection to an MQTT 3.1.1 broker. The only file that knows paho-mqtt.

paho makes the connection: TLS, CONNECT, SUBSCRIBE and the broker's refusals.
From the subscription on the socket is driven here, because paho reads
it whether or not there is room for what comes, takes four system calls and
15 µs a message to do so, and one more for each acknowledgement. Here it is read
only while there is room (so that TCP holds the broker back), a read is parsed
as a whole (`gateway.frames`), and the acknowledgements of a batch are one write.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from paho.mqtt.client import Client, ConnectFlags, MQTTMessage, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from gateway.course import LinkDownError, check_subscription
from gateway.frames import DISCONNECT, PINGREQ, UNREADABLE_TOPIC, Frames
from gateway.inbox import Inbox
from gateway.session import Delivery, SessionState
from sealtrail.runtime.settings.gateway import MqttSettings

LOGGER = structlog.get_logger(__name__)

CONNECT_TIMEOUT_S = 4.0
SUBSCRIBE_TIMEOUT_S = 15.0
CLOSE_TIMEOUT_S = 1.0
TICK_S = 1.0
HANDSHAKE_TICK_S = 0.1
READ_BYTES = 65_536
BURST = 512
"""Messages that are read before the waiting acknowledgements get their turn."""

_REFUSALS = {
    "Not authorized": SessionState.CREDENTIALS_REFUSED,
    "Bad user name or password": SessionState.CREDENTIALS_REFUSED,
    "Client identifier not valid": SessionState.CLIENT_REFUSED,
}


class PahoLink:
    """One connection, used once."""

    def __init__(
        self,
        settings: MqttSettings,
        context: ssl.SSLContext | None,
        inbox: Inbox,
        wake: socket.socket,
        frames: Frames,
        filters: Sequence[str],
    ) -> None:
        """``wake`` becomes readable when the inbox has news.

        A broker that refuses the first of ``filters`` is left; of the others the log tells.
        """
        self._settings = settings
        self._inbox = inbox
        self._wake = wake
        self._frames = frames
        self._filters = filters
        self._selector = selectors.DefaultSelector()
        self._watched = 0  # the socket's events in the selector
        self._burst: list[Delivery] = []  # read, and not yet in the inbox
        self._unread = False  # more may be waiting than was read
        self._outgoing = bytearray()
        self._heard_s = self._pinged_s = time.monotonic()
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
        client.subscribe([(each, 1) for each in self._filters])

    def _on_subscribe(
        self, _client: Client, _data: Any, _mid: int, reasons: list[ReasonCode], _more: Properties | None
    ) -> None:
        try:
            check_subscription(self._filters, [reason.value for reason in reasons])
        except LinkDownError as refused:
            self._failure = refused
            return
        self._subscribed = True

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        """Takes what a kept session delivers before the subscription is confirmed."""
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = UNREADABLE_TOPIC
        delivery = self._frames.accept(topic, bytes(message.payload), message.mid if message.qos else 0)
        if delivery is not None:
            self._burst.append(delivery)

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
            if not self._subscribe(closing):
                return
            self._selector.register(self._wake, selectors.EVENT_READ)
            announced = False
            while not (closing.is_set() and self._nothing_to_send()):
                if self._subscribed and not announced:
                    announced = True
                    on_subscribed(self._resumed)
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

    def _subscribe(self, closing: threading.Event) -> bool:
        """Lets paho work until the broker has a subscription of ours; False when ``closing`` came first.

        In a session that the broker has kept it is there already. Its answer
        to the new SUBSCRIBE then stands behind the whole backlog, which must
        not be read without a bound; `Frames` finds it there.
        """
        deadline_s = time.monotonic() + SUBSCRIBE_TIMEOUT_S
        while not (self._subscribed or self._resumed) or self._client.want_write():
            sock = self._sock()
            self._watch(sock, reading=True)
            if self._selector.select(HANDSHAKE_TICK_S) or self._tls_has_more(sock):
                self._must(self._client.loop_read())  # one packet, and no byte beyond it
            if self._failure is not None:
                raise self._failure
            self._must(self._client.loop_write())
            if closing.is_set():
                return False
            if time.monotonic() > deadline_s:
                raise LinkDownError(SessionState.LOST, "the broker didn't answer CONNECT and SUBSCRIBE")
        return True

    def _turn(self, room: int) -> None:
        """Waits for something to do and does it once."""
        sock = self._sock()
        self._watch(sock, reading=room > 0)
        wait_s = 0 if room and (self._unread or self._burst) else TICK_S
        ready = {key.fileobj: events for key, events in self._selector.select(wait_s)}
        if self._wake in ready:
            self._wake.recv(4096)
        if room and (self._unread or ready.get(sock, 0) & selectors.EVENT_READ):
            self._read(sock, room)
        if room and self._burst:
            self._inbox.put(self._burst[:room])
            del self._burst[:room]
        self._outgoing += self._frames.acknowledgements(self._inbox.settled()) + self._inbox.to_send()
        self._stay_alive(paused=not room)
        self._write(sock)

    def _watch(self, sock: socket.socket, *, reading: bool) -> None:
        wanted = (selectors.EVENT_READ if reading else 0) | (selectors.EVENT_WRITE if self._outgoing else 0)
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
        self._outgoing += self._frames.acknowledgements(self._inbox.settled()) + self._inbox.to_send()
        return not self._outgoing

    @staticmethod
    def _tls_has_more(sock: socket.socket) -> bool:
        return isinstance(sock, ssl.SSLSocket) and sock.pending() > 0

    def _read(self, sock: socket.socket, room: int) -> None:
        """Reads until the socket is dry or there is as much as there is room for."""
        self._unread = True
        while len(self._burst) < room:
            try:
                data = sock.recv(READ_BYTES)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                self._unread = False
                return
            if not data:
                raise LinkDownError(SessionState.LOST, "the broker closed the connection")
            self._heard_s = time.monotonic()
            self._burst += self._frames.feed(data)
            answers, self._frames.subscription_answers = self._frames.subscription_answers, b""
            if answers or self._frames.subscription_accepted is False:
                check_subscription(self._filters, answers)
            if self._burst or answers:
                self._subscribed = True
            if len(self._burst) >= BURST:
                return

    def _write(self, sock: socket.socket) -> None:
        if self._outgoing:
            with contextlib.suppress(BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                sent = sock.send(self._outgoing)
                del self._outgoing[:sent]

    def _stay_alive(self, *, paused: bool) -> None:
        """Pings so that the broker doesn't give us up, and gives up a broker that is silent.

        While the socket isn't read, or not yet dry, silence means nothing.
        """
        now_s = time.monotonic()
        keep_alive_s = self._settings.keep_alive_s
        if now_s - self._pinged_s > keep_alive_s / 2:
            self._pinged_s = now_s
            self._outgoing += PINGREQ
        if paused or self._unread:
            self._heard_s = now_s
        elif now_s - self._heard_s > 1.5 * keep_alive_s:
            raise LinkDownError(
                SessionState.LOST, f"the broker has been silent for {1.5 * keep_alive_s:.0f} s"
            )

    def _say_goodbye(self, sock: socket.socket) -> None:
        """Sends DISCONNECT and reads to the end.

        Closing with unread data would reset the connection and could destroy
        acknowledgements that are still on their way.
        """
        with contextlib.suppress(OSError):
            sock.settimeout(CLOSE_TIMEOUT_S)
            sock.sendall(DISCONNECT)
            sock.shutdown(socket.SHUT_WR)
            deadline_s = time.monotonic() + CLOSE_TIMEOUT_S
            while time.monotonic() < deadline_s and sock.recv(65_536):
                pass
