"""From the log into the store: collect, write, and only then acknowledge."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
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

LOGGER = structlog.get_logger(__name__)

T = TypeVar("T")

MESSAGES_AT_ONCE = 64
IDLE_WAIT_S = 0.5
QUARANTINED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """What is recorded: its name in metrics, its codec, and how a store writes it."""

    name: str
    decode: Callable[[bytes], list[T]]
    encode: Callable[[Sequence[T]], bytes]
    write: Callable[[Sequence[T]], Awaitable[WriteReport[T]]]


class Recorder(Generic[T]):
    """Writes everything of one durable consumer, in whatever order it comes.

    A log message is acknowledged after the store has its items and the
    quarantine stream has those that the store refused. Whatever isn't
    acknowledged when the process dies comes again and changes nothing.
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

    async def run(self, stop: asyncio.Event) -> None:
        """Works until ``stop`` is set."""
        while not stop.is_set():
            messages, items = await self._collect()
            if not messages:
                continue
            try:
                if await self._keep(items, messages):
                    await self._reader.ack(messages)
            except UnavailableError as error:  # the quarantine stream: these come again
                LOGGER.warning("log_unavailable", kind=self._kind.name, error=str(error))
        await self._reader.close()

    async def _collect(self) -> tuple[list[LogMessage], list[T]]:
        """Batches until there are enough items or no more come within the waiting time."""
        loop = asyncio.get_running_loop()
        messages: list[LogMessage] = []
        items: list[T] = []
        deadline = loop.time() + IDLE_WAIT_S
        while len(items) < self._settings.batch_readings and (wait_s := deadline - loop.time()) >= 0:
            taken = await self._reader.take(MESSAGES_AT_ONCE, wait_s)
            if taken and not messages:
                deadline = loop.time() + self._settings.batch_wait_ms / 1000
            for message in taken:
                try:
                    items += self._kind.decode(message.data)
                except WireError as error:
                    await self._set_aside(message, error)
                else:
                    messages.append(message)
        return messages, items

    async def _keep(self, items: Sequence[T], messages: list[LogMessage]) -> bool:
        """Writes items in portions; False when the service stops before the store has them."""
        for begin in range(0, len(items), self._settings.batch_readings):
            portion = items[begin : begin + self._settings.batch_readings]
            report = await self._store.until_done(
                lambda portion=portion: self._write(portion),  # type: ignore[misc] # mypy can't infer defaults
                lambda: self._reader.working(messages),
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
