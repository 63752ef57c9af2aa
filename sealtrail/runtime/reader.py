"""Reading streams: pull consumers that survive reconnects, server restarts and gaps.

nats-py's ``fetch`` asks anew for every batch. Here one pull request stays
outstanding and is topped up, so that a message is handed over as soon as it is
there and a batch is whatever has come in the meantime; the buffer is bounded by
what was asked for.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from sealtrail.runtime.backoff import backoff_s

LOGGER = structlog.get_logger(__name__)

PULL_EXPIRES_S = 20.0
HEARTBEAT_S = 2.0
LOST_AFTER_S = 3 * HEARTBEAT_S
INACTIVE_S = 60.0
REOPEN_CAP_S = 5.0
DISCONNECTED_LOOK_S = 0.1
_ACK_TOKENS = 9  # $JS.ACK.<stream>.<consumer>.<delivered>.<sseq>.<cseq>.<time>.<pending>


class LogMessage(NamedTuple):
    """One message of a stream. ``pending`` counts those behind it that match the reader's filter."""

    subject: str
    data: bytes
    sequence: int
    consumer_sequence: int
    pending: int
    raw: Msg

    @property
    def message_id(self) -> str:
        """The id under which it was appended; empty where it has none."""
        headers = self.raw.headers
        return str(headers.get("Nats-Msg-Id", "")) if headers else ""


def _parsed(message: Msg) -> LogMessage:
    tokens = message.reply.split(".")[-5:]
    return LogMessage(message.subject, message.data, int(tokens[1]), int(tokens[2]), int(tokens[4]), message)


class _Pull:
    """One outstanding pull request on one consumer, and the messages that came."""

    def __init__(self, nc: Client, stream: str, consumer: str, window: int) -> None:
        self._nc = nc
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._window = window
        self._inbox = nc.new_inbox()
        self._arrived: deque[Msg] = deque()
        self._asked = 0
        self._wake = asyncio.Event()
        self._subscription: object = None
        self._last_sign_s = 0.0
        self.gone = False

    async def open(self) -> None:
        self._subscription = await self._nc.subscribe(
            self._inbox, cb=self._on_message, pending_msgs_limit=-1, pending_bytes_limit=-1
        )
        await self._ask()

    def waiting(self) -> list[Msg]:
        """What has come and hasn't been taken."""
        return list(self._arrived)

    async def close(self) -> None:
        if self._subscription is not None:
            with contextlib.suppress(NatsError, OSError):
                await self._subscription.unsubscribe()  # type: ignore[attr-defined] # nats-py's own type

    async def _on_message(self, message: Msg) -> None:
        self._last_sign_s = asyncio.get_running_loop().time()
        status = message.headers.get("Status") if message.headers and not message.data else None
        if status is None:
            self._asked -= 1
            self._arrived.append(message)
        elif status in ("404", "408") or "Batch Completed" in str(message.headers):
            self._asked = 0
        elif status != "100":  # 409: consumer deleted, server going down, …
            self._asked = 0
            self.gone = True
        self._wake.set()

    async def _ask(self) -> None:
        try:
            await self._request()
        except (NatsError, OSError) as error:
            LOGGER.debug("pull_failed", subject=self._subject, error=str(error) or type(error).__name__)
            self.gone = True

    async def _request(self) -> None:
        batch = self._window - len(self._arrived)
        self._asked = batch
        self._last_sign_s = asyncio.get_running_loop().time()
        request = {
            "batch": batch,
            "expires": int(PULL_EXPIRES_S * 1e9),
            "idle_heartbeat": int(HEARTBEAT_S * 1e9),
        }
        await self._nc.publish(self._subject, json.dumps(request).encode(), self._inbox)

    async def take(self, most: int, wait_s: float) -> list[Msg]:
        """Up to ``most`` messages; waits at most ``wait_s`` for the first, never for more."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_s
        while not self._arrived and not self.gone:
            if self._asked <= 0:
                await self._ask()
            if loop.time() - self._last_sign_s > LOST_AFTER_S:
                self.gone = True
                break
            remaining = deadline - loop.time()
            if remaining <= 0:
                return []
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), min(remaining, HEARTBEAT_S))
        taken = [self._arrived.popleft() for _ in range(min(most, len(self._arrived)))]
        if self._asked <= 0 and len(self._arrived) <= self._window // 2 and not self.gone:
            await self._ask()
        return taken


class _Reopening:
    """Waiting times between tries to get a lost consumer back; the caller's own waiting time is kept to."""

    def __init__(self, nc: Client) -> None:
        self._nc = nc
        self._waits: Iterator[float] = backoff_s(cap_s=REOPEN_CAP_S)

    def may_try(self) -> bool:
        """Whether there is a server to ask; without one a request would only wait for its time-out."""
        return self._nc.is_connected

    def succeeded(self) -> None:
        self._waits = backoff_s(cap_s=REOPEN_CAP_S)

    async def pause(self, deadline: float) -> bool:
        """Waits before the next try; False when ``deadline`` (loop time) comes first."""
        loop = asyncio.get_running_loop()
        wait_s = next(self._waits) if self._nc.is_connected else DISCONNECTED_LOOK_S
        await asyncio.sleep(max(0.0, min(wait_s, deadline - loop.time())))
        return loop.time() < deadline


class LogReader:
    """Messages of a stream in order from a sequence on, without gaps, without acknowledging.

    The position is the caller's to keep; the reader makes a new ephemeral
    consumer behind the last message handed over whenever the old one is lost.
    """

    def __init__(
        self,
        js: JetStreamContext,
        nc: Client,
        stream: str,
        filter_subject: str,
        next_sequence: int | None,
        *,
        last_per_subject: bool = False,
        window: int = 256,
    ) -> None:
        """Starts at ``next_sequence``; None means only what comes from now on."""
        self._js = js
        self._nc = nc
        self._stream = stream
        self._filter = filter_subject
        self._next = next_sequence
        self._last_per_subject = last_per_subject
        self._window = window
        self._pull: _Pull | None = None
        self._consumer = ""
        self._expected = 1
        self._reopening = _Reopening(nc)
        self.pending_at_start = 0

    def _config(self) -> ConsumerConfig:
        if self._last_per_subject:
            policy, start = DeliverPolicy.LAST_PER_SUBJECT, None
        elif self._next is None:
            policy, start = DeliverPolicy.NEW, None
        else:
            policy, start = DeliverPolicy.BY_START_SEQUENCE, max(1, self._next)
        return ConsumerConfig(
            filter_subject=self._filter,
            deliver_policy=policy,
            opt_start_seq=start,
            ack_policy=AckPolicy.NONE,
            inactive_threshold=INACTIVE_S,
            mem_storage=True,
            num_replicas=1,
        )

    async def open(self) -> None:
        """Makes the consumer; raises nats errors when the server doesn't answer."""
        await self.close()
        info = await self._js.add_consumer(self._stream, self._config())
        self._consumer = info.name
        self.pending_at_start = info.num_pending or 0
        if self._next is None and not self._last_per_subject:
            # from here on the position is known, so that a lost consumer loses nothing
            self._next = (info.delivered.stream_seq if info.delivered else 0) + 1
        self._expected = 1
        self._pull = _Pull(self._nc, self._stream, info.name, self._window)
        await self._pull.open()

    async def take(self, most: int = 64, wait_s: float = 1.0) -> list[LogMessage]:
        """Next messages in order, at least one unless ``wait_s`` passes without any (or without the log)."""
        if self._pull is None or self._pull.gone:
            await self._reopen(wait_s)
        if self._pull is None or self._pull.gone:
            return []
        result: list[LogMessage] = []
        for raw in await self._pull.take(most, wait_s):
            message = _parsed(raw)
            if message.consumer_sequence != self._expected:
                LOGGER.warning("log_gap", stream=self._stream, expected=self._expected)
                self._pull.gone = True
                break
            self._expected += 1
            self._next = message.sequence + 1
            self._last_per_subject = False
            result.append(message)
        return result

    async def _reopen(self, wait_s: float) -> None:
        deadline = asyncio.get_running_loop().time() + wait_s
        while True:
            if self._reopening.may_try():
                try:
                    await self.open()
                except (NatsError, TimeoutError, OSError) as error:
                    LOGGER.debug("log_reopen_failed", stream=self._stream, error=str(error))
                else:
                    self._reopening.succeeded()
                    return
            if not await self._reopening.pause(deadline):
                return

    async def close(self) -> None:
        if self._pull is not None:
            await self._pull.close()
            self._pull = None
            if not self._nc.is_connected:
                return  # the server drops it by itself
            with contextlib.suppress(NatsError, TimeoutError, OSError):
                await self._js.delete_consumer(self._stream, self._consumer)


class DurableReader:
    """Messages of a declared durable consumer; whatever isn't acknowledged comes again."""

    def __init__(
        self, js: JetStreamContext, nc: Client, stream: str, durable: str, window: int = 512
    ) -> None:
        self._js = js
        self._nc = nc
        self._stream = stream
        self._durable = durable
        self._window = window
        self._reopening = _Reopening(nc)
        self._pull: _Pull | None = None

    async def take(self, most: int = 64, wait_s: float = 1.0) -> list[LogMessage]:
        """Up to ``most`` messages; waits at most ``wait_s`` for the first, never for more."""
        if self._pull is None or self._pull.gone:
            await self._reopen(wait_s)
        if self._pull is None or self._pull.gone:
            return []
        return [_parsed(raw) for raw in await self._pull.take(most, wait_s)]

    async def _reopen(self, wait_s: float) -> None:
        deadline = asyncio.get_running_loop().time() + wait_s
        while True:
            if self._reopening.may_try():
                try:
                    await self._open()
                except NotFoundError:
                    LOGGER.warning("durable_missing", stream=self._stream, durable=self._durable)
                except (NatsError, TimeoutError, OSError) as error:
                    LOGGER.debug("durable_reopen_failed", durable=self._durable, error=str(error))
                else:
                    self._reopening.succeeded()
                    return
            if not await self._reopening.pause(deadline):
                return

    async def _open(self) -> None:
        await self.close()
        await self._js.consumer_info(self._stream, self._durable)
        pull = _Pull(self._nc, self._stream, self._durable, self._window)
        await pull.open()
        self._pull = pull

    async def ack(self, messages: list[LogMessage]) -> None:
        """Tells the log that these are done with; a lost acknowledgement only means a repetition."""
        await self._tell([message.raw for message in messages], b"+ACK")

    async def working(self, messages: list[LogMessage]) -> None:
        """Asks for more time before these are delivered again."""
        await self._tell([message.raw for message in messages], b"+WPI")

    async def holding(self) -> None:
        """Asks for more time for what has come and hasn't been taken yet."""
        if self._pull is not None:
            await self._tell(self._pull.waiting(), b"+WPI")

    async def terminate(self, message: LogMessage) -> None:
        """Never deliver this one again (it can't be read)."""
        await self._tell([message.raw], b"+TERM")

    async def _tell(self, messages: list[Msg], word: bytes) -> None:
        """Answers deliveries; what a lost connection swallows is delivered again."""
        try:
            for message in messages:
                await self._nc.publish(message.reply, word)
        except (NatsError, OSError) as error:
            LOGGER.debug("answer_lost", durable=self._durable, error=str(error) or type(error).__name__)

    async def close(self) -> None:
        if self._pull is not None:
            await self._pull.close()
            self._pull = None
