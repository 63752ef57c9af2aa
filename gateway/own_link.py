"""`OwnLink`: one connection to an MQTT 3.1.1 broker, as an `asyncio.Protocol`.

A read of the socket is walked as a whole (`gateway.frames`), the
acknowledgements of a batch are one write, and while there is no room the socket
isn't read, so that TCP holds the broker back; pings and acknowledgements go on.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from gateway import mqtt_packets
from gateway.course import LinkDownError, check_subscription
from gateway.frames import DISCONNECT, PINGREQ, BadPacketError, Frames
from gateway.pending import Pending
from gateway.session import SessionState
from sealtrail.runtime.settings.gateway import MqttSettings

ANSWER_TIMEOUT_S = 15.0
"""For CONNECT and SUBSCRIBE together."""
CLOSE_TIMEOUT_S = 3.0
MOST_UNSENT_BYTES = 1 << 20
"""Messages for devices are dropped beyond it: a broker that doesn't read gets no queue."""
TICKS_PER_KEEP_ALIVE = 4

_ACCEPTED = 0
_REFUSALS = {
    1: (SessionState.LOST, "it doesn't speak MQTT 3.1.1"),
    2: (SessionState.CLIENT_REFUSED, "client identifier not valid"),
    3: (SessionState.LOST, "server unavailable"),
    4: (SessionState.CREDENTIALS_REFUSED, "bad user name or password"),
    5: (SessionState.CREDENTIALS_REFUSED, "not authorised"),
}


class OwnLink(asyncio.Protocol):
    """One connection, used once; ``ended`` fails with `LinkDownError` or ends with None after `close`."""

    def __init__(
        self,
        settings: MqttSettings,
        filters: Sequence[str],
        frames: Frames,
        pending: Pending,
        on_subscribed: Callable[[bool], None],
    ) -> None:
        """``on_subscribed`` gets whether the broker had kept the session.

        A broker that refuses the first of ``filters`` is left; of the others the log tells.
        """
        self._settings = settings
        self._filters = filters
        self._frames = frames
        self._pending = pending
        self._on_subscribed = on_subscribed
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self._transport: asyncio.Transport | None = None
        self._failure: Exception | None = None
        self._unread = b""  # received, and not yet walked for want of room or of the rest of CONNACK
        self._accepted = self._resumed = self._subscribed = self._closing = False
        self._heard_s = self._pinged_s = 0.0
        self._timers: dict[str, asyncio.TimerHandle] = {}

    # ------------------------------------------------------- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Sends CONNECT."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("a stream was expected")
        self._transport = transport
        self._heard_s = self._pinged_s = self._loop.time()
        transport.write(mqtt_packets.connect(self._settings))
        self._later("answer", ANSWER_TIMEOUT_S, self._answer_is_due)
        self._later("tick", self._settings.keep_alive_s / TICKS_PER_KEEP_ALIVE, self._tick)

    def data_received(self, data: bytes) -> None:
        """Walks what was read, if there is room; keeps it for later if not."""
        if self._closing or self._failure is not None:
            return
        self._heard_s = self._loop.time()
        self._walk(self._unread + data if self._unread else data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends it, with the reason that was found first."""
        for timer in self._timers.values():
            timer.cancel()
        self._unread = b""
        if self.ended.done():
            return
        if self._closing:
            self.ended.set_result(None)
            return
        why = str(exc) if exc is not None else "the broker closed the connection"
        self.ended.set_exception(self._failure or self._lost(why))

    # ---------------------------------------------------------------- reading

    def _walk(self, data: bytes) -> None:
        self._unread = b""
        try:
            if not self._accepted and not (data := self._after_connack(data)):
                return
            if self._pending.full:
                self._unread = data
            else:
                self._take_in(data)
        except BadPacketError as error:
            self._fail(self._lost(str(error)))
        except Exception as error:  # noqa: BLE001 - a fault of ours must not leave a deaf gateway behind
            self._fail(error)
        if self._accepted and self._pending.full and self._transport is not None:
            self._transport.pause_reading()

    def _after_connack(self, data: bytes) -> bytes:
        """What follows the broker's answer to CONNECT; subscribes if it is yes."""
        answer = mqtt_packets.read_connack(data)
        if answer is None:
            self._unread = data
            return b""
        self._resumed, code = answer
        if code != _ACCEPTED:
            state, why = _REFUSALS.get(code, (SessionState.LOST, f"return code {code}"))
            raise LinkDownError(state, f"the broker refused the connection: {why}")
        self._accepted = True
        self._write(mqtt_packets.subscribe(self._filters))
        return data[mqtt_packets.CONNACK_BYTES :]

    def _take_in(self, data: bytes) -> None:
        """A session that the broker has kept delivers its backlog before the answer to SUBSCRIBE."""
        burst = self._frames.feed(data)
        answers = self._frames.subscription_answers
        if answers or self._frames.subscription_accepted is False:
            self._frames.subscription_answers = b""
            check_subscription(self._filters, answers)
        if not self._subscribed and (burst or answers):
            self._subscribed = True
            self._timers.pop("answer").cancel()
            self._on_subscribed(self._resumed)
        if burst:
            self._pending.put(burst)

    def resume(self) -> None:
        """There is room: what was read already is walked, then the socket is read again."""
        if self._transport is None or self._closing or self._failure is not None:
            return
        self._heard_s = self._loop.time()
        if not self._subscribed:  # the answer may have been waiting behind the full socket
            self._timers.pop("answer").cancel()
            self._later("answer", ANSWER_TIMEOUT_S, self._answer_is_due)
        if self._accepted and self._unread:
            self._walk(self._unread)
        if not self._pending.full:
            self._transport.resume_reading()

    # ---------------------------------------------------------------- writing

    def acknowledge(self, tokens: Sequence[int]) -> None:
        """Sends PUBACK for those tokens that are this connection's."""
        self._write(self._frames.acknowledgements(tokens))

    def reply(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Sends messages with QoS 0."""
        if self._accepted and self._transport is not None:
            if self._transport.get_write_buffer_size() > MOST_UNSENT_BYTES:
                return
            self._write(b"".join([mqtt_packets.publish(topic, payload) for topic, payload in messages]))

    def _write(self, data: bytes) -> None:
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    # ------------------------------------------------------------------- time

    def _later(self, name: str, wait_s: float, call: Callable[[], None]) -> None:
        self._timers[name] = self._loop.call_later(wait_s, call)

    def _answer_is_due(self) -> None:
        if self._pending.full:  # it may have come and can't be read
            self._later("answer", ANSWER_TIMEOUT_S, self._answer_is_due)
            return
        self._fail(self._lost("the broker didn't answer CONNECT and SUBSCRIBE"))

    def _tick(self) -> None:
        """Pings so that the broker doesn't give us up, and gives up a broker that is silent.

        While the socket isn't read silence means nothing.
        """
        now_s, keep_alive_s = self._loop.time(), self._settings.keep_alive_s
        if self._pending.full:
            self._heard_s = now_s
        if now_s - self._heard_s > 1.5 * keep_alive_s:
            self._fail(self._lost(f"the broker has been silent for {1.5 * keep_alive_s:.0f} s"))
            return
        if self._accepted and now_s - self._pinged_s >= keep_alive_s / 2:
            self._pinged_s = now_s
            self._write(PINGREQ)
        self._later("tick", keep_alive_s / TICKS_PER_KEEP_ALIVE, self._tick)

    # -------------------------------------------------------------------- end

    def _lost(self, why: str) -> LinkDownError:
        where = f"{self._settings.host}:{self._settings.port}"
        return LinkDownError(SessionState.LOST, f"MQTT broker {where}: {why}")

    def _fail(self, error: Exception) -> None:
        self._failure = self._failure or error
        if self._transport is not None:
            self._transport.abort()

    async def close(self) -> None:
        """Sends DISCONNECT behind all acknowledgements and reads to the end.

        Closing with unread data would reset the connection and could destroy
        acknowledgements that are still on their way.
        """
        self._closing = True
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.write(DISCONNECT)
        if transport.can_write_eof():
            with contextlib.suppress(OSError):  # the broker has gone, and the loop doesn't know yet
                transport.write_eof()
        transport.resume_reading()
        with contextlib.suppress(TimeoutError, LinkDownError):
            await asyncio.wait_for(asyncio.shield(self.ended), CLOSE_TIMEOUT_S)
        transport.abort()

    def abandon(self) -> None:
        """Ends it at once, whatever its state; nobody waits for ``ended`` any more."""
        if self.ended.done() and not self.ended.cancelled():
            self.ended.exception()  # it was told already, or another error was
        self.ended.cancel()
        if self._transport is not None:
            self._transport.abort()
