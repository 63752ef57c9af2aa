"""`Publisher`: many devices over a few MQTT connections, QoS 1, in order for each device.

The only file that knows aiomqtt. A message counts once its PUBACK is here.
When a connection breaks, the messages without one are sent again, in order,
on the next connection; the broker may have had some of them already, so these
are counted as ``resent``.
"""

from __future__ import annotations

import asyncio
import random
import ssl
import zlib
from collections.abc import Callable, Coroutine, Iterator
from types import TracebackType
from typing import Any, Self

import aiomqtt
from aiomqtt.exceptions import MqttConnectError

from sealtrail.contract.errors import UnavailableError
from sealtrail.runtime.cancelling import end, is_being_cancelled
from sealtrail.runtime.settings.simulator import PublisherSettings
from simulators.truth import Outgoing

OnPublished = Callable[[Outgoing], None]

_FIRST_BACKOFF_S = 0.1
_REFUSED_USER = frozenset({4, 5, 134, 135})  # CONNACK codes of MQTT 3.1.1 and of MQTT 5


class _Connection:
    """One MQTT connection with its queue: batches of at most a window, each acknowledged in full."""

    def __init__(self, settings: PublisherSettings, client_id: str, on_published: OnPublished) -> None:
        self._settings = settings
        self._client_id = client_id
        self._on_published = on_published
        self._queue: asyncio.Queue[Outgoing | None] = asyncio.Queue(settings.waiting)
        self._unsent: list[Outgoing] = []
        self.connected = asyncio.Event()
        self.resent = 0
        self.task = asyncio.create_task(self._run())

    async def put(self, outgoing: Outgoing | None) -> None:
        """Waits while the queue is full; None ends the connection after what is queued before it."""
        if not self.offer(outgoing):
            await self._unless_ended(self._queue.put(outgoing))

    def offer(self, outgoing: Outgoing | None) -> bool:
        """Puts it unless the queue is full."""
        if self._queue.full():
            return False
        self._queue.put_nowait(outgoing)
        return True

    async def _unless_ended(self, waiting: Coroutine[Any, Any, Any]) -> None:
        """Waits, but not for a connection whose task has ended: then its error is raised."""
        task = asyncio.create_task(waiting)
        try:
            await asyncio.wait({task, self.task}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            task.cancel()
        if self.task.done() and not task.done():
            self.task.result()
            raise UnavailableError(f"{self._where}: the connection has been closed")

    def withdraw(self) -> int:
        """Empties the queue; returns how many messages were in it."""
        withdrawn = self._queue.qsize()
        while not self._queue.empty():
            self._queue.get_nowait()
            self._queue.task_done()
        return withdrawn

    @property
    def unacknowledged(self) -> int:
        """Messages of the batch under way that have no PUBACK yet."""
        return len(self._unsent)

    async def flushed(self) -> None:
        """Returns once everything put so far has been acknowledged."""
        await self._unless_ended(self._queue.join())

    async def _run(self) -> None:
        backoff_s = _FIRST_BACKOFF_S
        while True:
            try:
                async with self._client() as client:
                    client.pending_calls_threshold = self._settings.window + 1
                    if is_being_cancelled():
                        raise asyncio.CancelledError
                    self.connected.set()
                    backoff_s = _FIRST_BACKOFF_S
                    await self._publish_while_connected(client)
                    return
            except aiomqtt.MqttError as error:
                if is_being_cancelled():
                    raise asyncio.CancelledError from error
                self.resent += len(self._unsent)
                if not self.connected.is_set() and _is_final(error):
                    raise UnavailableError(f"{self._where}: {error}") from error
            await asyncio.sleep(backoff_s * random.uniform(0.5, 1.0))
            backoff_s = min(self._settings.max_backoff_s, backoff_s * 2)

    @property
    def _where(self) -> str:
        return f"MQTT broker {self._settings.host}:{self._settings.port}"

    def _client(self) -> aiomqtt.Client:
        settings = self._settings
        context = None
        if settings.tls:
            context = ssl.create_default_context(cafile=settings.tls_ca)
        return aiomqtt.Client(
            settings.host,
            settings.port,
            username=settings.username or None,
            password=settings.password.get_secret_value() or None,
            identifier=self._client_id,
            timeout=settings.puback_timeout_s,
            max_inflight_messages=settings.window,
            tls_context=context,
        )

    async def _publish_while_connected(self, client: aiomqtt.Client) -> None:
        publishing = asyncio.create_task(self._publish_all(client))
        watching = asyncio.create_task(_until_disconnected(client))
        try:
            done, _ = await asyncio.wait({publishing, watching}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            publishing.cancel()
            watching.cancel()
            await asyncio.gather(publishing, watching, return_exceptions=True)
        (publishing if publishing in done else watching).result()

    async def _publish_all(self, client: aiomqtt.Client) -> None:
        """Until None comes out of the queue. Raises ``MqttError`` with the rest kept for the next try."""
        while True:
            if not self._unsent:
                first = await self._queue.get()
                if first is None:
                    self._queue.task_done()
                    return
                self._unsent = [first, *self._more()]
            await self._publish(client)

    def _more(self) -> Iterator[Outgoing]:
        """What is queued already, up to a window; the end mark is left for the next round."""
        for _ in range(min(self._settings.window - 1, self._queue.qsize())):
            outgoing = self._queue.get_nowait()
            if outgoing is None:
                self._queue.task_done()
                self._queue.put_nowait(None)
                return
            yield outgoing

    async def _publish(self, client: aiomqtt.Client) -> None:
        """Sends the whole batch at once: aiomqtt writes in the order of the calls."""
        waiting = dict(enumerate(self._unsent))
        try:
            calls = (self._publish_one(client, waiting, i) for i in range(len(waiting)))
            results = await asyncio.gather(*calls, return_exceptions=True)
        finally:
            self._unsent = list(waiting.values())
        for result in results:
            if result is not None:
                raise result

    async def _publish_one(self, client: aiomqtt.Client, waiting: dict[int, Outgoing], i: int) -> None:
        message = waiting[i]
        await client.publish(message.topic, message.payload, qos=1)
        del waiting[i]
        self._queue.task_done()
        self._on_published(message)


async def _until_disconnected(client: aiomqtt.Client) -> None:
    """Raises ``MqttError`` as soon as the connection is gone; nothing is ever received here."""
    async for _ in client.messages:
        pass


def _is_final(error: aiomqtt.MqttError) -> bool:
    """Whether the broker refuses this user, so that trying again is pointless."""
    if not isinstance(error, MqttConnectError):
        return False
    code = error.rc if isinstance(error.rc, int | None) else error.rc.value
    return code in _REFUSED_USER


class Publisher:
    """Async context manager. ``on_published`` is called for each message as its PUBACK arrives.

    Raises `UnavailableError` on entering where the broker can't be reached
    within the timeout or before ``stop`` is set, or refuses the user.
    """

    def __init__(
        self, settings: PublisherSettings, on_published: OnPublished, stop: asyncio.Event | None = None
    ) -> None:
        self._stop = stop or asyncio.Event()
        self._settings = settings
        self._on_published = on_published
        self._connections: list[_Connection] = []

    async def __aenter__(self) -> Self:
        run = random.randbytes(3).hex()
        self._connections = [
            _Connection(self._settings, f"{self._settings.client_id}-{run}-{i}", self._on_published)
            for i in range(self._settings.connections)
        ]
        try:
            await self._first_connections()
        except BaseException:
            await self._cancel()
            raise
        return self

    async def _first_connections(self) -> None:
        """All connections stand, or the first error of one."""
        running = [connection.task for connection in self._connections]
        standing = asyncio.create_task(self._all_connected())
        stopping = asyncio.create_task(self._stop.wait())
        try:
            done, _ = await asyncio.wait(
                [standing, stopping, *running],
                timeout=self._settings.connect_timeout_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            standing.cancel()
            stopping.cancel()
            await asyncio.gather(standing, stopping, return_exceptions=True)
        for task in done:
            task.result()
        broker = f"MQTT broker {self._settings.host}:{self._settings.port}"
        if not done:
            raise UnavailableError(f"{broker} doesn't answer within {self._settings.connect_timeout_s:g} s")
        if standing not in done and stopping in done:
            raise UnavailableError(f"stopped before {broker} answered")

    async def _all_connected(self) -> None:
        for connection in self._connections:
            await connection.connected.wait()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._cancel()

    async def _cancel(self) -> None:
        await end(connection.task for connection in self._connections)

    @property
    def resent(self) -> int:
        """Messages sent again because their connection broke before the PUBACK."""
        return sum(connection.resent for connection in self._connections)

    def offer(self, outgoing: Outgoing) -> bool:
        """Queues one message, or returns False where its connection's queue is full."""
        return self._connection_of(outgoing).offer(outgoing)

    async def send(self, outgoing: Outgoing) -> None:
        """Queues one message, as soon as there is room for it."""
        await self._connection_of(outgoing).put(outgoing)

    def _connection_of(self, outgoing: Outgoing) -> _Connection:
        return self._connections[zlib.crc32(outgoing.device_id.encode()) % len(self._connections)]

    async def flush(self) -> None:
        """Returns once everything sent so far has its PUBACK."""
        await asyncio.gather(*(connection.flushed() for connection in self._connections))

    async def close(self, grace_s: float) -> int:
        """Drops what is still queued, waits ``grace_s`` for the batches under way, and disconnects.

        Returns how many messages were dropped or remain without a PUBACK.
        """
        dropped = sum(connection.withdraw() for connection in self._connections)
        for connection in self._connections:
            await connection.put(None)
        tasks = [connection.task for connection in self._connections]
        await asyncio.wait(tasks, timeout=grace_s)
        await self._cancel()
        return dropped + sum(connection.unacknowledged for connection in self._connections)
