"""From the log into the store: collect, write, and only then acknowledge."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import structlog

from ingest import metrics
from ingest.kept_open import KeptOpen
from ingest.store import Refused, WriteReport
from sealtrail.contract.clock import Clock, wall_clock_ms
from sealtrail.contract.codec import encode_quarantined
from sealtrail.contract.errors import UnavailableError, WireError
from sealtrail.contract.quarantine import QuarantinedMessage
from sealtrail.contract.subjects import quarantine_subject
from sealtrail.runtime.log import Log
from sealtrail.runtime.reader import DurableReader, LogMessage
from sealtrail.runtime.settings.ingest import IngestSettings
from sealtrail.runtime.streams import RECORD_ACK_WAIT_S

LOGGER = structlog.get_logger(__name__)

T = TypeVar("T")

MESSAGES_AT_ONCE = 16
IDLE_WAIT_S = 0.5
SLOT_LOOK_S = 0.05
HOLD_EVERY_S = RECORD_ACK_WAIT_S / 4
QUARANTINED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """What is recorded: its name in metrics, its codec, and how a store writes it."""

    name: str
    decode: Callable[[bytes], list[T]]
    encode: Callable[[Sequence[T]], bytes]
    write: Callable[[Sequence[T]], Awaitable[WriteReport[T]]]


@dataclass(frozen=True, slots=True, eq=False)
class _Batch(Generic[T]):
    """What is written together, and the log messages that it came in."""

    messages: list[LogMessage] = field(default_factory=list)
    items: list[T] = field(default_factory=list)


class Recorder(Generic[T]):
    """Writes everything of one durable consumer, in whatever order it comes.

    A log message is acknowledged after the store has its items and the
    quarantine stream has those that the store refused. Whatever isn't
    acknowledged when the process dies comes again and changes nothing; while
    it lives, it asks the log for more time for all that it holds.

    Full batches are written several at a time. One that isn't full waits until
    no write is under way, because a point costs a database the less the more
    of them come at once.
    """

    def __init__(
        self,
        kind: Kind[T],
        reader: DurableReader,
        log: Log,
        store: KeptOpen,
        settings: IngestSettings,
        clock: Clock = wall_clock_ms,
    ) -> None:
        self._kind = kind
        self._reader = reader
        self._log = log
        self._store = store
        self._settings = settings
        self._clock = clock
        self._slots = asyncio.Semaphore(settings.writes_in_flight)
        self._held: set[_Batch[T]] = set()
        self._largest = 1  # items of one log message
        # bounded, so that one odd message doesn't make all later batches small
        self._most_reserved = max(1, settings.batch_readings // 8)

    async def run(self, stop: asyncio.Event) -> None:
        """Works until ``stop`` is set, and until the writes that are under way have ended."""
        async with asyncio.TaskGroup() as tasks:
            holding = tasks.create_task(self._hold())
            while not stop.is_set():
                batch: _Batch[T] = _Batch()
                self._held.add(batch)
                await self._collect(batch)
                if not batch.messages:
                    self._held.discard(batch)
                    continue
                await self._slots.acquire()
                tasks.create_task(self._record(batch))
            for _ in range(self._settings.writes_in_flight):
                await self._slots.acquire()
            holding.cancel()
        await self._reader.close()

    async def _hold(self) -> None:
        """Keeps the log from delivering again what is only waiting for its turn or for the store."""
        while True:
            await asyncio.sleep(HOLD_EVERY_S)
            for batch in list(self._held):
                await self._reader.working(batch.messages)
            await self._reader.holding()

    async def _record(self, batch: _Batch[T]) -> None:
        """Writes a batch and acknowledges it; gives its slot back."""
        try:
            if await self._keep(batch.items):
                await self._reader.ack(batch.messages)
        except UnavailableError as error:  # the quarantine stream: these come again
            LOGGER.warning("log_unavailable", kind=self._kind.name, error=str(error))
        finally:
            self._held.discard(batch)
            self._slots.release()

    def _writing(self) -> bool:
        """Whether a write is under way beside the batch that is being collected."""
        return len(self._held) > 1

    async def _collect(self, batch: _Batch[T]) -> None:
        """Fills a batch until it is full, or no more come within the waiting time and nothing is written.

        It is full when another message, as large as the largest so far, may not fit in.
        """
        loop = asyncio.get_running_loop()
        patience_s = self._settings.batch_wait_ms / 1000
        deadline = loop.time() + IDLE_WAIT_S
        while (fitting := (self._settings.batch_readings - len(batch.items)) // self._largest) > 0:
            wait_s = deadline - loop.time()
            if wait_s < 0:
                if not batch.messages or not self._writing():
                    return
                wait_s = SLOT_LOOK_S
            taken = await self._reader.take(min(MESSAGES_AT_ONCE, fitting), wait_s)
            if taken and not batch.messages:
                deadline = loop.time() + patience_s
            for message in taken:
                try:
                    items = self._kind.decode(message.data)
                except WireError as error:
                    await self._set_aside(message, error)
                else:
                    batch.messages.append(message)
                    batch.items.extend(items)
                    self._largest = max(self._largest, min(len(items), self._most_reserved))

    async def _keep(self, items: Sequence[T]) -> bool:
        """Writes items in equal portions; False when the service stops before the store has them."""
        portions = max(1, -(-len(items) // self._settings.batch_readings))
        size = max(1, -(-len(items) // portions))
        for begin in range(0, len(items), size):
            portion = items[begin : begin + size]
            report = await self._store.until_done(
                lambda portion=portion: self._write(portion),  # type: ignore[misc] # mypy can't infer defaults
            )
            if report is None:
                return False
            await self._quarantine(report.refused)
        return True

    async def _write(self, items: Sequence[T]) -> WriteReport[T]:
        with metrics.WRITE_SECONDS.labels(self._kind.name).time():
            report = await self._kind.write(items)
        metrics.WRITTEN.labels(self._kind.name).inc(report.written)
        metrics.BATCH_ITEMS.labels(self._kind.name).observe(len(items))
        return report

    async def _quarantine(self, refused: list[Refused[T]]) -> None:
        """Keeps what the store can't, with the reason, where it can be looked at and tried again."""
        for begin in range(0, len(refused), QUARANTINED_AT_ONCE):
            portion = refused[begin : begin + QUARANTINED_AT_ONCE]
            await self._append([self._quarantined(one) for one in portion])
        counts: dict[str, int] = {}
        for one in refused:
            counts[one.reason] = counts.get(one.reason, 0) + 1
        for reason, number in counts.items():
            example = next(one for one in refused if one.reason == reason)
            metrics.REFUSED.labels(self._kind.name, reason).inc(number)
            LOGGER.warning(
                "items_refused",
                kind=self._kind.name,
                reason=reason,
                number=number,
                example=str(getattr(example.item, "device_id", "")),
                detail=example.detail,
            )

    def _quarantined(self, refused: Refused[T]) -> QuarantinedMessage:
        return QuarantinedMessage(
            received_at_ms=self._clock(),
            topic=f"record/{self._kind.name}",
            family=str(getattr(refused.item, "family", "")),
            device_id=str(getattr(refused.item, "device_id", "")),
            reason=refused.reason,
            detail=refused.detail,
            payload=self._kind.encode([refused.item]),
        )

    async def _set_aside(self, message: LogMessage, error: WireError) -> None:
        """Ends the delivery of a message that can't be read, once its bytes are in quarantine."""
        LOGGER.error(
            "batch_malformed",
            kind=self._kind.name,
            subject=message.subject,
            sequence=message.sequence,
            reason=error.reason,
            detail=error.detail,
        )
        quarantined = QuarantinedMessage(
            received_at_ms=self._clock(),
            topic=message.subject,
            family="",
            device_id="",
            reason=error.reason,
            detail=error.detail,
            payload=message.data,
        )
        try:
            await self._append([quarantined])
        except UnavailableError as failure:  # not acknowledged: it comes again
            LOGGER.warning("log_unavailable", kind=self._kind.name, error=str(failure))
            return
        metrics.MALFORMED.labels(self._kind.name, error.reason).inc()
        await self._reader.terminate(message)

    async def _append(self, messages: list[QuarantinedMessage]) -> None:
        await self._log.append(quarantine_subject("record"), encode_quarantined(messages))
