"""The log client: one connection to NATS for streams, buckets, snapshots and requests."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence

import nats
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.js import JetStreamContext
from nats.js.errors import BucketNotFoundError, NotFoundError

from sealtrail.contract import subjects
from sealtrail.contract.errors import UnavailableError
from sealtrail.runtime import snapshots, streams
from sealtrail.runtime.bucket import Bucket
from sealtrail.runtime.reader import DurableReader, LogReader
from sealtrail.runtime.settings.nats import NatsSettings

LOGGER = structlog.get_logger(__name__)

APPEND_TIMEOUT_S = 5.0
CONNECT_TIMEOUT_S = 5.0
READER_TIMEOUT_S = 4.0
"""A request that went to a connection just lost is never answered; a reader asks again after this."""

Answer = Callable[[str, bytes], Awaitable[tuple[Mapping[str, str], bytes]]]
"""Answers a request: (last token of the subject, body) -> (headers, body)."""


def _tls(settings: NatsSettings) -> ssl.SSLContext | None:
    if settings.tls_ca is None and settings.tls_cert is None:
        return None
    context = ssl.create_default_context(cafile=str(settings.tls_ca) if settings.tls_ca else None)
    if settings.tls_cert is not None:
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
    return context


class Log:
    """An open connection. Made by `Log.connect`; every method raises `UnavailableError` by name."""

    def __init__(self, nc: Client, settings: NatsSettings, closing: asyncio.Event) -> None:
        self._nc = nc
        self._closing = closing
        self._js: JetStreamContext = nc.jetstream(timeout=APPEND_TIMEOUT_S)
        self._js_for_readers: JetStreamContext = nc.jetstream(timeout=READER_TIMEOUT_S)
        self._settings = settings
        self._answering: set[asyncio.Task[None]] = set()

    @classmethod
    async def connect(cls, settings: NatsSettings, name: str) -> Log:
        """Connects, and stays connected: reconnects for ever with jitter.

        Raises `UnavailableError` when there is no server at the first try.
        """
        if not settings.url:
            raise UnavailableError("nats.url is empty: set it, or start everything with `sealtrail up`")

        last_error: list[Exception] = []
        closing = asyncio.Event()

        async def on_error(error: Exception) -> None:
            last_error[:] = [error]
            LOGGER.debug("nats_error", error=str(error) or type(error).__name__)

        async def on_lost() -> None:
            if not closing.is_set():
                LOGGER.warning("log_connection_lost")

        async def on_back() -> None:
            LOGGER.info("log_connection_restored")

        options: dict[str, object] = {}
        if settings.user:
            options |= {"user": settings.user, "password": settings.password.get_secret_value()}
        tls = _tls(settings)
        if tls is not None:
            options["tls"] = tls
        try:
            # with endless reconnecting the library never gives up on the first try either
            nc = await asyncio.wait_for(
                nats.connect(
                    settings.url.split(","),
                    name=f"sealtrail-{name}",
                    error_cb=on_error,
                    disconnected_cb=on_lost,
                    reconnected_cb=on_back,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=0.5,
                    connect_timeout=3,
                    allow_reconnect=True,
                    ping_interval=10,
                    max_outstanding_pings=2,
                    **options,
                ),
                CONNECT_TIMEOUT_S,
            )
        except (NatsError, TimeoutError, OSError) as error:
            cause = last_error[0] if last_error else error
            raise UnavailableError(
                f"no NATS server at {settings.url}: {cause or type(cause).__name__}"
            ) from error
        return cls(nc, settings, closing)

    @property
    def connected(self) -> bool:
        return self._nc.is_connected

    @property
    def closing(self) -> bool:
        """Whether `close` was called."""
        return self._closing.is_set()

    @property
    def given_up(self) -> Exception | None:
        """Why the client will never connect again, which it decides at most errors that a server names."""
        if self.closing or not self._nc.is_closed:
            return None
        return self._nc.last_error or UnavailableError("closed")

    async def close(self) -> None:
        self._closing.set()
        with contextlib.suppress(NatsError, TimeoutError, OSError):
            await asyncio.wait_for(self._nc.flush(), 2)
        with contextlib.suppress(NatsError, TimeoutError, OSError):
            await self._nc.close()

    async def declare(self, partitions: int | None = None) -> None:
        """Creates streams, consumers and buckets where they are missing.

        Raises `SettingsError` where the log was filled with another number of ``partitions``.
        """
        await streams.declare(self._js, self._settings, partitions)

    async def check_partitions(self, partitions: int) -> None:
        """Raises `SettingsError` where the log was filled with another number of partitions."""
        await streams.check_partitions(self._js, partitions)

    async def append(self, subject: str, batch: bytes, *, message_id: str | None = None) -> int:
        """Stores one batch; returns its sequence once it is on disk.

        ``message_id`` lets the stream drop a repetition within two minutes.
        """
        headers = {"Nats-Msg-Id": message_id} if message_id else None
        try:
            ack = await self._js.publish(subject, batch, timeout=APPEND_TIMEOUT_S, headers=headers)
        except (NatsError, TimeoutError) as error:
            raise UnavailableError(f"the log took no batch: {error or type(error).__name__}") from error
        return ack.seq

    async def append_all(
        self, batches: Sequence[tuple[str, bytes]], message_ids: Sequence[str] = ()
    ) -> list[int | UnavailableError]:
        """Stores several batches at once; one result for each, in order: its sequence or the failure.

        ``message_ids`` has one for each batch, or none at all; see `append`.
        """
        appending = [
            self.append(subject, batch, message_id=message_ids[place] if message_ids else None)
            for place, (subject, batch) in enumerate(batches)
        ]
        results = await asyncio.gather(*appending, return_exceptions=True)
        outcome: list[int | UnavailableError] = []
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, UnavailableError):
                raise result
            outcome.append(result)
        return outcome

    def reader(self, stream: str, filter_subject: str, next_sequence: int | None) -> LogReader:
        """A gapless reader from a sequence on (None: from now on); see `LogReader`."""
        return LogReader(self._js_for_readers, self._nc, stream, filter_subject, next_sequence)

    def durable(self, stream: str, durable: str) -> DurableReader:
        """A reader of a consumer that `streams` declares; see `DurableReader`."""
        return DurableReader(self._js_for_readers, self._nc, stream, durable)

    async def last_sequence(self, stream: str) -> int:
        """Sequence of the newest message of a stream; 0 where it is empty."""
        try:
            info = await self._js.stream_info(stream)
        except (NatsError, TimeoutError) as error:
            raise UnavailableError(f"stream {stream}: {error}") from error
        return info.state.last_seq

    async def first_sequence(self, stream: str) -> int:
        """Sequence of the oldest message that a stream still has; behind the newest where it has none."""
        try:
            info = await self._js.stream_info(stream)
        except (NatsError, TimeoutError) as error:
            raise UnavailableError(f"stream {stream}: {error}") from error
        return max(1, info.state.first_seq)

    async def last_sequence_of(self, stream: str, subject: str) -> int:
        """Sequence of the newest message of a subject, wildcards allowed; 0 where there is none."""
        try:
            message = await self._js.get_last_msg(stream, subject)
        except NotFoundError:
            return 0
        except (NatsError, TimeoutError) as error:
            raise UnavailableError(f"stream {stream}: {error}") from error
        return message.seq or 0

    async def lag(self, stream: str, durable: str) -> int:
        """Messages that a durable consumer has still before it, delivered or not."""
        try:
            info = await self._js.consumer_info(stream, durable)
        except (NatsError, TimeoutError) as error:
            raise UnavailableError(f"consumer {durable}: {error}") from error
        return (info.num_pending or 0) + (info.num_ack_pending or 0)

    async def bucket(self, name: str) -> Bucket:
        """A declared key-value bucket."""
        try:
            return Bucket(self._js_for_readers, self._nc, name, await self._js.key_value(name))
        except (BucketNotFoundError, NotFoundError) as error:
            raise UnavailableError(f"bucket {name} doesn't exist yet") from error
        except (NatsError, TimeoutError) as error:
            raise UnavailableError(f"bucket {name}: {error}") from error

    async def save_snapshot(self, name: str, data: bytes) -> None:
        """Replaces a snapshot; the old one stays until the new one is whole."""
        try:
            store = await self._js.object_store(subjects.SNAPSHOTS_BUCKET)
            await store.put(name, data)
        except (NatsError, TimeoutError) as error:
            raise UnavailableError(f"snapshot {name}: {error}") from error

    async def load_snapshot(self, name: str) -> bytes | None:
        """The newest whole snapshot, or None where there is none."""
        return await snapshots.load(self._js_for_readers, self._nc, subjects.SNAPSHOTS_BUCKET, name)

    async def request(
        self, subject: str, body: bytes, timeout_s: float = 10.0
    ) -> tuple[Mapping[str, str], bytes]:
        """Asks a service; raises `UnavailableError` where none answers."""
        try:
            reply = await self._nc.request(subject, body, timeout=timeout_s)
        except NoRespondersError as error:
            raise UnavailableError(f"nobody answers {subject}; is the service running?") from error
        except (NatsError, TimeoutError) as error:
            raise UnavailableError(f"{subject}: {error or type(error).__name__}") from error
        return reply.headers or {}, reply.data

    async def request_all(
        self, subject: str, body: bytes, wait_s: float, most: int | None = None
    ) -> list[bytes]:
        """Asks everyone who listens; what they answer within ``wait_s``, or the first ``most`` answers."""
        try:
            inbox = self._nc.new_inbox()
            answers = await self._nc.subscribe(inbox)
            found: list[bytes] = []
            try:
                await self._nc.publish(subject, body, reply=inbox)
                deadline = asyncio.get_running_loop().time() + wait_s
                while most is None or len(found) < most:
                    left_s = deadline - asyncio.get_running_loop().time()
                    if left_s <= 0:
                        break
                    message = await answers.next_msg(timeout=left_s)
                    if (message.headers or {}).get("Status") == "503":
                        break
                    found.append(message.data)
            except TimeoutError:
                pass
            finally:
                await answers.unsubscribe()
        except (NatsError, OSError) as error:
            raise UnavailableError(f"{subject}: {error or type(error).__name__}") from error
        return found

    async def listen(self, subject: str, handler: Callable[[str, bytes], None]) -> None:
        """Calls ``handler`` with (subject, body) of every message from now on, also after a reconnect."""

        async def on_message(message: Msg) -> None:
            try:
                handler(message.subject, message.data)
            except Exception:
                LOGGER.exception("message_failed", subject=message.subject)

        await self._nc.subscribe(subject, cb=on_message)

    async def answer(
        self,
        subject: str,
        handler: Answer,
        *,
        group: str,
        at_once: int = 8,
        on_failure: Callable[[BaseException], None] | None = None,
    ) -> Callable[[], Awaitable[None]]:
        """Answers requests on ``subject`` with ``handler``, at most ``at_once`` at a time.

        A handler that raises is logged, gives no answer, and is told to ``on_failure``.
        What is returned ends the answering when it is called.
        """
        slots = asyncio.Semaphore(at_once)

        async def reply(message: Msg) -> None:
            try:
                headers, body = await handler(message.subject.rsplit(".", 1)[-1], message.data)
                with contextlib.suppress(NatsError, OSError):
                    await self._nc.publish(message.reply, body, headers=dict(headers) or None)
            except Exception as error:
                LOGGER.exception("request_failed", subject=message.subject)
                if on_failure is not None:
                    on_failure(error)
            finally:
                slots.release()

        async def on_request(message: Msg) -> None:
            await slots.acquire()
            task = asyncio.create_task(reply(message))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)

        subscription = await self._nc.subscribe(subject, queue=group, cb=on_request)

        async def end() -> None:
            with contextlib.suppress(NatsError, OSError):
                await subscription.unsubscribe()

        return end
